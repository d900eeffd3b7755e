import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ParsedSample } from '../../support/exposition-parser';
import { parseOpenMetrics, parseText } from '../../support/exposition-parser';
import { compileLib, type Running, startNode } from '../../support/child';
import { ask, type Asking } from '../../support/http';

const PROGRAM = join(__dirname, 'program.js');

/** An app of several processes or threads that does what the test says, one thing at a time. */
export interface App {
  readonly address: string;
  /** Does `what` in one worker, or in the one at the top if `worker` is 0; resolves when it has been done, to what it gave. */
  tell(worker: number, what: string, argument?: string | number): Promise<string>;
  scrape(asking?: Asking): Promise<Scraped>;
  /** A file that is not there until {@link App.release}. */
  readonly gate: string;
  release(): void;
  readonly child: Running;
}

/** A scrape, parsed by a parser that is none of lib. */
export interface Scraped {
  readonly status: number;
  readonly samples: readonly ParsedSample[];
  /** The sum of all samples of that name whose labels include these. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The values that a label has. */
  values(label: string): string[];
}

/** What starts apps; to be called outside of tests. They end with the test that started them. */
export function appStarter(): (
  options: Readonly<Record<string, unknown>>,
  env?: Record<string, string>,
) => Promise<App> {
  const lib = compileLib();
  const folder = mkdtempSync(join(tmpdir(), 'profiled-workers-'));
  const running: Running[] = [];
  const gates: string[] = [];
  afterEach(async () => {
    // A worker that is blocked does not see that the app ends.
    for (const gate of gates) writeFileSync(gate, '');
    for (const child of running) child.kill('SIGKILL');
    for (const child of running.splice(0)) await child.finished;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return async (options, env = {}) => {
    const gate = join(folder, `gate-${gates.length}`);
    gates.push(gate);
    const settings = JSON.stringify({ lib, gate, ...options });
    const child = startNode(`require(${JSON.stringify(PROGRAM)})`, { APP: settings, ...env });
    running.push(child);
    const address = await child.firstLine;
    if (!address.startsWith('http')) throw new Error(`the app did not start: ${(await child.finished).stderr}`);
    return {
      address,
      gate,
      child,
      release: () => writeFileSync(gate, ''),
      async tell(worker, what, argument = '') {
        const { status, body } = await ask(
          `${address}/tell?${new URLSearchParams({ worker: `${worker}`, what, argument: `${argument}` })}`,
        );
        if (status !== 200) throw new Error(body);
        return body;
      },
      scrape: (asking) => scrape(`${address}/metrics`, asking),
    };
  };
}

/** Scrapes in whichever format is asked for. */
export async function scrape(url: string, asking?: Asking): Promise<Scraped> {
  const { status, body, headers } = await ask(url, asking);
  const isOpen = headers['content-type']?.startsWith('application/openmetrics') === true;
  const families = status === 200 ? (isOpen ? parseOpenMetrics : parseText)(body) : [];
  const samples = families.flatMap((family) => family.samples);
  return {
    status,
    samples,
    sum: (name, labels = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([label, text]) => sample.labels[label] === text))
        .reduce((total, { value }) => total + value, 0),
    values: (label) => [...new Set(samples.flatMap((sample) => sample.labels[label] ?? []))],
  };
}
