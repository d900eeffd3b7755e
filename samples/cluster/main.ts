/**
 * A cluster on one machine, without containers: a NATS server, an etcd, three workers, a client that keeps them busy, and a Prometheus
 * that scrapes all three. Prints what each worker does, as Prometheus tells it.
 *
 *   npm run sample samples/cluster/main.ts          until Ctrl-C
 *   npm run sample samples/cluster/main.ts 30       for 30 seconds
 *
 * Expect three rates that are about the same, and in the end as many requests in Prometheus as the client had answers. It needs three
 * programs: apt-get install nats-server etcd-server prometheus
 */
import { finish, untilCtrlC } from '../support/process';
import { Processes, requirePrograms, sleep } from './processes';
import { Prometheus } from './prometheus';
import { startEtcd, startNats } from './servers';

const WORKERS = ['worker-1', 'worker-2', 'worker-3'];

async function main(seconds: number | undefined): Promise<void> {
  requirePrograms();
  const interrupted = untilCtrlC();
  await using processes = new Processes();
  const [nats, etcd] = await Promise.all([startNats(processes), startEtcd(processes)]);
  // All that a worker or a client has to know of the cluster.
  const env = {
    DYN_REQUEST_PLANE: 'nats',
    NATS_SERVER: nats,
    DYN_DISCOVERY_BACKEND: 'etcd',
    ETCD_ENDPOINTS: etcd,
    DYN_TCP_RESPONSE_STREAM_HOST: '127.0.0.1',
  };
  const onAnyPort = { ...env, DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_HOST: '127.0.0.1', DYN_SYSTEM_PORT: '0' };
  const workers = await Promise.all(WORKERS.map((name) => processes.program('worker', name, onAnyPort)));
  const targets = workers.map(({ said }, i) => ({ worker: WORKERS[i]!, target: `127.0.0.1:${said}` }));
  const prometheus = await Prometheus.start(processes, targets);
  const load = await processes.program('load', 'load', env);
  console.log(
    `\n  Prometheus: ${prometheus.url}\n  metrics:    curl -s ${targets[0]!.target}/metrics\n\nCtrl-C ends it.\n`,
  );

  const limit =
    seconds === undefined ? undefined : setTimeout(() => process.kill(process.pid, 'SIGINT'), seconds * 1_000);
  let isOver = false;
  void interrupted.then(() => {
    clearTimeout(limit);
    isOver = true;
    // npm passes on the Ctrl-C that the terminal has sent already. What follows takes seconds, and must not be cut short.
    process.on('SIGINT', () => {});
  });
  while (!isOver) {
    await Promise.race([sleep(2_000), interrupted]);
    console.log((await prometheus.rates()).map(([worker, rate]) => `${worker} ${rate.toFixed(1)}/s`).join('   '));
  }

  const answered = Number(await load.end());
  const counts = await prometheus.counts();
  const sum = counts.reduce((total, [, count]) => total + count, 0);
  console.log(`\nthe client had ${answered} answers; Prometheus counts ${sum} requests:`);
  for (const [worker, count] of counts) console.log(`  ${worker} ${count}`);
}

finish(main(process.argv[2] === undefined ? undefined : Number(process.argv[2])));
