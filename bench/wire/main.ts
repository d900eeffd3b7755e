/** `npm run bench:wire -- [quick] [recording] [--peers=ours,http] [--cases=<part of a name>] [--prof=<folder>]` */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Case, CASES } from './cases';
import { machine } from './machine';
import { type PeerName, PEERS } from './peer';
import { markdown, type Result } from './report';
import { quoteInto } from './quote';
import { recordingLines, runRecording } from './recording';
import { type Plan, PLANS, runRounds, startAll } from './rounds';

const RESULTS = resolve(__dirname, '..', '..', 'results');
const PAGE = resolve(RESULTS, '..', '..', 'docs', 'performance-wire.md');

/** One machine, one store of instances, nothing that listens elsewhere. */
function isolate(): string {
  const store = mkdtempSync(join(tmpdir(), 'profiled-bench-wire-'));
  Object.assign(process.env, {
    DYN_DISCOVERY_BACKEND: 'file',
    DYN_FILE_KV: store,
    DYN_REQUEST_PLANE: 'tcp',
    DYN_TCP_RPC_HOST: '127.0.0.1',
    DYN_TCP_RESPONSE_STREAM_HOST: '127.0.0.1',
    DYN_SYSTEM_PORT: '-1',
  });
  return store;
}

/** What recording costs; written where a whole plan was asked for. */
async function recording(plan: Plan): Promise<void> {
  const result = await runRecording(plan);
  process.stdout.write(`${recordingLines(result).join('\n')}\n`);
  if (plan !== PLANS.full) return;
  writeFileSync(join(RESULTS, 'wire-recording.json'), `${JSON.stringify(result)}\n`);
  quoteInto(PAGE, 'recording', recordingLines(result));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { peers: { type: 'string' }, cases: { type: 'string' }, prof: { type: 'string' } },
  });
  const plan = PLANS[positionals.includes('quick') ? 'quick' : 'full'];
  const peers = (values.peers?.split(',') ?? PEERS) as PeerName[];
  const isShort = (of: Case) => !('streams' in of) || of.streams <= plan.maxStreams;
  const cases = CASES.filter((of) => of.name.includes(values.cases ?? '') && isShort(of));
  const store = isolate();
  try {
    if (positionals.includes('recording')) return await recording(plan);
    const pairs = await startAll(peers, values.prof ? ['--cpu-prof', `--cpu-prof-dir=${values.prof}`] : []);
    const readings = await runRounds(pairs, plan, cases);
    for (const pair of pairs.values()) await pair.end();
    const isWhole = !values.peers && !values.cases && !values.prof;
    const result: Result = { machine: machine(), plan, readings };
    const text = markdown(result);
    process.stdout.write(text);
    if (!isWhole) return;
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, 'wire.json'), `${JSON.stringify(result)}\n`);
    writeFileSync(join(RESULTS, 'wire.md'), text);
    await recording(plan);
  } finally {
    rmSync(store, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
