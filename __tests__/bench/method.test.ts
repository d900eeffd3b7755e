import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { profile, selfTimes } from '../../bench/method/cpu-profile';
import { type Floor, limitOf, runGuard, type Suite } from '../../bench/method/guard';
import { append, lastRatios } from '../../bench/method/history';
import { runAll, runOne } from '../../bench/method/processes';
import { quoted } from '../../bench/wire/quote';

const TYPESCRIPT = ['-r', 'ts-node/register/transpile-only'];
const KNOWN_WORK = join(__dirname, 'known-work.ts');

describe('the method of the bench', () => {
  it('finds that twice the work takes twice the time', () => {
    const { ratio, baseNs } = runOne(KNOWN_WORK, { of: 'time' }, TYPESCRIPT);
    expect(ratio).toBeGreaterThan(1.6);
    expect(ratio).toBeLessThan(2.4);
    expect(baseNs).toBeGreaterThanOrEqual(5_000);
  });

  it('counts bytes', () => {
    const { bytes } = runOne(KNOWN_WORK, { of: 'bytes' }, TYPESCRIPT);
    // A hundred doubles, the head of their store, and the array.
    expect(bytes).toBeGreaterThan(800);
    expect(bytes).toBeLessThan(900);
  });

  it('runs each job so many times, each time all of them', () => {
    const jobs = [{ of: 'a' }, { of: 'b' }];
    const script = join(__dirname, 'echo-job.js');
    const readings = runAll(script, jobs, 3);
    expect([...readings]).toEqual(jobs.map((job) => [job, [job, job, job]]));
  });

  it('says where the time went', () => {
    const times = profile(KNOWN_WORK, { of: 'time' }, TYPESCRIPT, 0);
    expect(times.map(({ name }) => name)).toContain('work known-work.ts');
    expect(times.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('takes self time by function, without idling and without the begin', () => {
    const frame = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url } });
    const nodes = [frame(1, '(idle)'), frame(2, 'a', 'file:///x/y.js'), frame(3, ''), frame(4, 'a', 'file:///x/y.js')];
    const samples = [2, 1, 2, 3, 4];
    expect(selfTimes({ nodes, samples, timeDeltas: [100, 50, 10, 20, 50] }, 100)).toEqual([
      { name: 'a y.js', share: 0.75 },
      { name: '(anonymous)', share: 0.25 },
    ]);
  });
});

describe('what is kept of runs', () => {
  it('is the last of them, and all before', () => {
    const folder = mkdtempSync(join(tmpdir(), 'profiled-history-'));
    const file = join(folder, 'history.jsonl');
    const entry = { date: '2026-11-26', version: '0.1.0', node: 'v20', cpu: '2 x some' };
    try {
      expect(lastRatios(file)).toEqual({});
      append(file, { ...entry, ratios: { a: 20 } });
      append(file, { ...entry, ratios: { a: 21.5 } });
      expect(lastRatios(file)).toEqual({ a: 21.5 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is quoted in its place, and quoting again changes nothing', () => {
    const page = 'before\n<!-- bench: a -->\nold\n<!-- /bench: a -->\nafter\n';
    const once = quoted(page, 'a', ['| new |', 'lines']);
    expect(once).toBe('before\n<!-- bench: a -->\n| new |\nlines\n<!-- /bench: a -->\nafter\n');
    expect(quoted(once, 'a', ['| new |', 'lines'])).toBe(once);
    expect(() => quoted(page, 'b', [])).toThrow('no place for the quote "b"');
  });
});

describe('the guard', () => {
  const floor: Floor = { name: 'a call', atLeast: 20 };
  const exact: Floor = { name: 'bytes', atLeast: 9, margin: 1.1 };

  /** A suite that gives these ratios of `a call`, one after the other; notes what it was asked for. */
  function suite(...ratios: (number | undefined)[]): Suite & { readonly asked: string[][] } {
    const asked: string[][] = [];
    return {
      asked,
      floors: [floor, exact],
      measure(floors) {
        asked.push(floors.map(({ name }) => name));
        const ratio = ratios[asked.length - 1];
        return { bytes: 10, ...(ratio !== undefined && { 'a call': ratio }) };
      },
    };
  }
  const run = (of: Suite, recorded = {}) => {
    const lines: string[] = [];
    return { passed: runGuard([of], recorded, (line) => lines.push(line)), lines };
  };

  it('asks for the floor, where what was recorded clears it by the margin', () => {
    expect(limitOf(floor, { 'a call': 32 })).toBe(20);
    expect(limitOf(floor, { 'a call': 400 })).toBe(20);
    expect(limitOf(exact, { bytes: 9.9 })).toBe(9);
  });

  it('asks for what was recorded less the margin, where it does not', () => {
    expect(limitOf(floor, { 'a call': 24 })).toBe(15);
    expect(limitOf(floor, { 'a call': 8 })).toBe(5);
    expect(limitOf(floor, {})).toBe(12.5);
    expect(limitOf(exact, { bytes: 8.8 })).toBeCloseTo(8);
  });

  it('measures once what holds', () => {
    const good = suite(13);
    expect(run(good)).toEqual({
      passed: true,
      lines: [
        'ok     a call: 13.0 times less; at least 12.5 (floor 20, recorded never)',
        'ok     bytes: 10.0 times less; at least 8.2 (floor 9, recorded never)',
      ],
    });
    expect(good.asked).toEqual([['a call', 'bytes']]);
  });

  it('measures what was missed twice again, and nothing else', () => {
    const noisy = suite(2, 3, 26);
    const { passed, lines } = run(noisy, { 'a call': 40 });
    expect(passed).toBe(true);
    expect(lines.filter((line) => line.startsWith('MISSED'))).toHaveLength(2);
    expect(noisy.asked).toEqual([['a call', 'bytes'], ['a call'], ['a call']]);
  });

  it('fails for what was missed three times, and still runs the other suites', () => {
    const [slow, other] = [suite(2, 3, 11, 99), suite(30)];
    expect(runGuard([slow, other], { 'a call': 20 }, () => {})).toBe(false);
    expect([slow.asked.length, other.asked.length]).toEqual([3, 1]);
  });

  it('throws for a floor that nobody measured', () => {
    expect(() => run(suite(undefined))).toThrow('the floor "a call" was not measured');
  });
});
