/** One process of the recording bench: `node child.js <job as JSON>`. Writes its reading as JSON. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { dirname, join } from 'node:path';
import { fresh } from '../wire/fresh';
import { type Effort, type Loop, measure } from '../method/measure';
import { type Case, caseOf } from './cases';
import type * as Consume from './consume';
import type * as Handlers from './handlers';
import type { Listed, Wrapper } from './wrapper';

type Source = Pick<Listed, 'file' | 'key'>;

/** What one process measures. */
export interface RecordingJob extends Record<string, unknown> {
  /** One of the cases by its name, or another one. */
  readonly of: string | Case;
  readonly base: Source;
  readonly wrapped: Source;
  readonly effort: Effort;
}

/** Loads everything anew, our package too, so that the sides share neither compiled code nor what they know of types. */
function side({ file, key }: Source, of: Case): Loop {
  const { makeClass } = fresh<typeof Handlers>(join(__dirname, 'handlers.js'));
  const { consumer } = fresh<typeof Consume>(join(__dirname, 'consume.js'));
  if (file.startsWith('ours')) fresh(require.resolve('profiled'), dirname(require.resolve('profiled')));
  const wrapper = fresh<Record<string, Wrapper>>(
    join(__dirname, 'wrappers', `${file}.js`),
    join(__dirname, 'wrappers'),
  )[key];
  if (!wrapper) throw new Error(`wrappers/${file} has no ${key}`);
  const handlers = Array.from({ length: of.handlers }, (_, index) => wrapper.wrap(makeClass(of), of, index));
  return consumer(of, handlers);
}

async function main({ of: asked, base, wrapped, effort }: RecordingJob): Promise<void> {
  const of = typeof asked === 'string' ? caseOf(asked) : asked;
  const sides = { base: side(base, of), wrapped: side(wrapped, of) };
  const run = () => measure(sides, effort);
  const reading = of.inStorage ? await new AsyncLocalStorage().run({}, run) : await run();
  process.stdout.write(`${JSON.stringify(reading)}\n`);
}

main(JSON.parse(process.argv[2]!) as RecordingJob).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
