/** One process of the scaling bench: `node child.js <job as JSON>`. Writes the sizes that it found as JSON. */
import { opened } from '../../recording/consume';
import { type Handler, makeClass, REQUEST } from '../../recording/handlers';
import { customWithLabel, standard } from '../../recording/wrappers/ours';
import { classes, decorate, ourRegistry, raiseOurs, render } from '../../scrape/process/registries';
import { spread } from '../../wire/statistics';
import { CASE_OF, type Question, type Sizes, type SizesJob } from '../bench';

/** Streams of each handler that are opened beforehand: what is made once is made then. */
const WARM = 20;
/** Scrapes beforehand. */
const WARM_SCRAPES = 5;
/** Of fewer than these the heap does not tell: it changes by some kilobytes of its own. */
const LEAST_FOR_HEAP = 100;
/** CPU of the scrapes that are measured, in milliseconds. */
const SCRAPING_MS = 60;

/** One collection leaves what finalizers, and caches of the compilers, still hold. */
function heapUsed(): number {
  for (let i = 0; i < 4; i++) globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

/** The heap is that of the handlers after the first, which comes with what is made once. */
async function handlers(at: number): Promise<Sizes> {
  const [first, ...others] = classes(at);
  decorate([first!]);
  for (let i = 0; i < WARM_SCRAPES; i++) await scrapeMs();
  const before = heapUsed();
  decorate(others);
  await scrapeMs();
  const bytes = heapUsed() - before;
  const times: number[] = [];
  for (let spent = 0; spent < SCRAPING_MS || times.length < 5; spent += times.at(-1)!) times.push(await scrapeMs());
  const sizes = { scrapeMs: spread(times).median };
  return at >= LEAST_FOR_HEAP ? { ...sizes, heap: bytes / others.length } : sizes;
}

/** CPU of one scrape after every value has changed. */
async function scrapeMs(): Promise<number> {
  raiseOurs(ourRegistry(), 1);
  const begun = process.cpuUsage();
  (await render(ourRegistry())).release();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}

/** Beyond what as many streams of the bare handler hold. */
async function streams(at: number): Promise<Sizes> {
  if (at < LEAST_FOR_HEAP) return {};
  const of = CASE_OF.streams(at);
  const bare = new (makeClass(of))();
  const ours = standard.wrap(makeClass(of), of, 0);
  for (const handler of [bare, ours]) await heapOf(handler, WARM);
  return { heap: (await heapOf(ours, at)) - (await heapOf(bare, at)) };
}

/** Bytes for an open stream. */
async function heapOf(handler: Handler, count: number): Promise<number> {
  const held = new Array<AsyncIterator<unknown> | undefined>(count).fill(undefined);
  const before = heapUsed();
  for (let i = 0; i < count; i++) held[i] = await opened(handler);
  const bytes = heapUsed() - before;
  for (const stream of held) await stream!.return!();
  return bytes / count;
}

async function labels(at: number): Promise<Sizes> {
  const of = CASE_OF.labels(at);
  const handler = customWithLabel.wrap(makeClass(of), of, 0);
  for (let i = 0; i < at; i++) handler.generate(REQUEST);
  const text = await ourRegistry().metrics();
  return { series: text.split('\n').filter((line) => line.includes('bench_seen_by_model_total{')).length };
}

const SIZES: Readonly<Partial<Record<Question, (at: number) => Promise<Sizes>>>> = { handlers, streams, labels };

async function main({ question, at }: SizesJob): Promise<void> {
  process.stdout.write(`${JSON.stringify(await SIZES[question]!(at))}\n`);
}

main(JSON.parse(process.argv[2]!) as SizesJob).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
