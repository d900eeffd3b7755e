import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './installed';

/** The first TypeScript block of the README, to the letter. */
export const EXAMPLE = firstBlock(readFileSync(join(ROOT, 'README.md'), 'utf8'));

function firstBlock(markdown: string): string {
  const block = /^```ts\n([^]*?)^```$/m.exec(markdown)?.[1];
  if (!block) throw new Error('README.md has no TypeScript block');
  return block;
}

/** The parts of the example that a driver has to know. */
export const HANDLER = /^(?:export )?class (\w+)/m.exec(EXAMPLE)?.[1] ?? 'no class';
export const ADDRESS = (/@Profiled\('([^']+)', '([^']+)', '([^']+)'/.exec(EXAMPLE) ?? []).slice(1);
export const CUSTOM_METRIC = /\bname: '([^']+)'/.exec(EXAMPLE)?.[1] ?? 'no custom metric';

/**
 * Put below the example, in the same file: three requests as in the documented output, then one line of JSON with the scrape.
 * Names are aliased, since the example may import the same ones.
 */
export const DRIVER = `
import { Context as DriverContext, getRegistry as driverRegistry } from 'profiled';
import { sample as driverSample } from 'profiled/testing';

const seen: unknown[] = [];
const look = (...args: unknown[]): void => void seen.push(args[1]);
class Looked {
  @look
  method(): void {}
}

async function drive(): Promise<void> {
  const handler = new ${HANDLER}();
  const texts: string[] = [];
  for (let i = 0; i < 3; i++) {
    let text = '';
    for await (const item of handler.generate(new DriverContext(\`test message \${i}\`))) text += item.data ?? '';
    texts.push(text);
  }
  const report = {
    standard: new Looked() && typeof seen[0] === 'object',
    texts,
    requests: await driverSample(driverRegistry(), 'requests_total'),
    scrape: await driverRegistry().metrics(),
  };
  process.stdout.write(JSON.stringify(report) + '\\n');
}

void drive();
`;

/** What the driver writes. */
export interface Report {
  readonly standard: boolean;
  readonly texts: readonly string[];
  readonly requests: number;
  readonly scrape: string;
}
