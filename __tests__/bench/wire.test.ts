import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoted } from '../../bench/wire/quote';
import { recordingLines, type RecordingResult } from '../../bench/wire/recording';
import { markdown, type Result } from '../../bench/wire/report';
import { paired, percentile, spread } from '../../bench/wire/statistics';
import { cpuOf, rssOf } from '../../bench/wire/other-process';
import { spawn } from 'node:child_process';

describe('the arithmetic of the wire bench', () => {
  it('takes the median, the mean of two in the middle, and the ends', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('takes percentiles by the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.99, 1, 0].map((share) => percentile(hundred, share))).toEqual([50, 99, 100, 1]);
    expect(percentile([5], 0.99)).toBe(5);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('pairs what was measured in the same round, and refuses what was not', () => {
    expect(paired([2, 9], [1, 3])).toEqual([2, 3]);
    expect(() => paired([1], [1, 2])).toThrow('1 values can not be paired with 2');
  });
});

describe('the report of the wire bench', () => {
  const plan = { rounds: 2, windowMs: 1, warmMs: 1, maxStreams: 64, recordingRounds: 1, recordingProcesses: 1 };
  const result: Result = {
    machine: { node: 'v20' },
    plan,
    readings: {
      ours: {
        title: 'Ours',
        cases: {
          fast: [
            { perSecond: 400, cpuMicros: 2 },
            { perSecond: 300, cpuMicros: 3 },
          ],
          late: [{ p50: 1 }, { p50: 1 }],
        },
      },
      http: {
        title: 'Theirs',
        cases: { fast: [{ perSecond: 100, cpuMicros: 8 }, { failure: 'gone' }], late: [{ p50: 2 }, { p50: 4 }] },
      },
      nats: {
        title: 'Broken',
        cases: { fast: [{ failure: 'gone' }, { failure: 'gone' }], late: [{ p50: 1 }, { p50: 1 }] },
      },
    },
  };
  const lines = markdown(result).split('\n');

  it('says how many times ours was better in the same round, whichever way the figure counts', () => {
    expect(lines).toContain('| fast | 350 | 100 (4.00 [4.00..4.00]) | failed |');
    expect(lines).toContain('| fast | 2.50 | 8.00 (4.00 [4.00..4.00]) | failed |');
    expect(lines).toContain('| late | 1.00 | 3.00 (3.00 [2.00..4.00]) | 1.00 (1.00 [1.00..1.00]) |');
  });

  it('leaves out a table without figures', () => {
    expect(lines.filter((line) => line.startsWith('## '))).toEqual([
      '## Items or requests a second',
      '## CPU seconds for a million, all processes',
      '## Milliseconds to the first item, p50',
      '## Rounds that failed, and are not in the tables',
    ]);
  });

  it('tells which rounds failed', () => {
    expect(lines.filter((line) => line.startsWith('- '))).toEqual([
      '- Theirs, fast, round 2: gone',
      '- Broken, fast, round 1: gone',
      '- Broken, fast, round 2: gone',
    ]);
  });

  it('is what the repository has of the last run, without a path of the machine', () => {
    const results = join(__dirname, '..', '..', 'bench', 'results');
    const recorded = readFileSync(join(results, 'wire.json'), 'utf8');
    expect(readFileSync(join(results, 'wire.md'), 'utf8')).toBe(markdown(JSON.parse(recorded) as Result));
    expect(recorded).not.toContain('node_modules');
  });
});

describe('what recording adds', () => {
  it('is told of the worker and of both processes, beside the control', () => {
    const ratios = (...worker: number[]) => ({ worker, both: worker.map((ratio) => (1 + ratio) / 2) });
    const large = { all: ratios(1), standard: ratios(1), again: ratios(1) };
    const pairs = [
      { all: ratios(1.02, 1.01, 1.03), standard: ratios(1.01), again: ratios(1, 0.99, 1) },
      { all: ratios(1.05, 1.04, 1.06), standard: ratios(1.03), again: ratios(1, 1, 1.01) },
    ].map((small) => ({ '20 B': small, '4 KiB': large }));
    const lines = recordingLines({ machine: { cpu: 'some', node: 'v20', date: 'now' }, pairs });
    expect(lines).toContain('| all that is recorded | 20 B | the worker | 6 | 3.5 % | 2.0 % | 5.0 % |');
    expect(lines).toContain('| all that is recorded | 20 B | worker and requester | 6 | 1.8 % | 1.0 % | 2.5 % |');
    expect(lines).toContain('| the standard set | 20 B | the worker | 2 | 2.0 % | 1.0 % | 3.0 % |');
    expect(lines).toContain(
      '| recording beside itself (the control) | 20 B | the worker | 6 | 0.0 % | 0.0 % | 0.0 % |',
    );
  });

  it('is what the page shows', () => {
    const root = join(__dirname, '..', '..');
    const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');
    const page = read('docs', 'performance-wire.md');
    const recorded = JSON.parse(read('bench', 'results', 'wire-recording.json')) as RecordingResult;
    expect(quoted(page, 'recording', recordingLines(recorded))).toBe(page);
  });
});

describe('the usage of a process that is not ours', () => {
  it('counts CPU and memory of this very process as Node does', () => {
    const before = cpuOf(process.pid);
    const { user, system } = process.cpuUsage();
    expect(Math.abs(before - (user + system) / 1_000)).toBeLessThan(200);
    expect(rssOf(process.pid) / process.memoryUsage().rss).toBeCloseTo(1, 0);
  });

  it('throws for a process that has ended', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    expect(() => cpuOf(child.pid!)).toThrow('ENOENT');
  });
});
