import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Member } from './member';
import { Server } from './servers';
import type { Condition } from './tasks';
import { until } from './waiting';

/** What each process of this run has in its environment. */
const MARK = `PROFILED_SOAK=${randomUUID()}`;
const WORKERS = 3;
/** Seconds that etcd remembers a worker which it does not hear of. */
export const LEASE_SECONDS = 3;
/** What is 0 on a worker that has nothing to do. */
const GAUGES = ['concurrent_requests', 'work_handler_queue_depth', 'work_handler_pool_active_tasks'];

/** What the members that live through the whole run were like at one moment. */
export interface Reading {
  /** Seconds since the load began. */
  readonly at: number;
  readonly members: Readonly<Record<string, Condition>>;
}

/** The cluster: two servers, three workers and two clients under load. The first worker and the first client are spared. */
export class Soak implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'profiled-soak-'));
  readonly members: Member[] = [];
  readonly readings: Reading[] = [];
  /** What is not as it has to be. */
  readonly problems: string[] = [];
  #began = Date.now();
  #env: Record<string, string> = {};
  #names = 0;

  #nats: Server | undefined;
  #etcd: Server | undefined;

  private constructor() {}

  /** Starts everything; what was started is ended again if that fails. */
  static async start(): Promise<Soak> {
    const [name, value] = MARK.split('=') as [string, string];
    process.env[name] = value;
    const soak: Soak = new Soak();
    try {
      await soak.#begin();
    } catch (error) {
      await soak[Symbol.asyncDispose]();
      throw error;
    }
    return soak;
  }

  get nats(): Server {
    return this.#nats!;
  }

  get etcd(): Server {
    return this.#etcd!;
  }

  async #begin(): Promise<void> {
    this.#nats = await Server.nats();
    this.#etcd = await Server.etcd(this.folder);
    this.#env = {
      DYN_REQUEST_PLANE: 'nats',
      NATS_SERVER: this.nats.url,
      DYN_DISCOVERY_BACKEND: 'etcd',
      ETCD_ENDPOINTS: this.etcd.url,
      ETCD_LEASE_TTL: String(LEASE_SECONDS),
      DYN_TCP_RESPONSE_STREAM_HOST: '127.0.0.1',
    };
    for (let i = 0; i < WORKERS; i++) await this.add('worker');
    for (let i = 0; i < 2; i++) await this.add('client');
  }

  /** Those that live, the oldest first. */
  alive(kind: Member['kind']): Member[] {
    return this.members.filter((member) => member.kind === kind && member.fate === 'lives');
  }

  /** The two that no fault is done to. */
  get spared(): Member[] {
    return [this.alive('worker')[0]!, this.alive('client')[0]!];
  }

  async add(kind: Member['kind']): Promise<Member> {
    const system = { DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_HOST: '127.0.0.1', DYN_SYSTEM_PORT: '0' };
    const env = kind === 'worker' ? { ...this.#env, ...system } : this.#env;
    const member = await Member.start(kind, `${kind}-${++this.#names}`, this.folder, env);
    this.members.push(member);
    return member;
  }

  /** Lets all clients call; the spared members are read before that. */
  async load(): Promise<void> {
    await this.untilWell();
    await this.read();
    this.#began = Date.now();
    await Promise.all(this.alive('client').map((client) => client.ask('start')));
  }

  async read(): Promise<void> {
    const members: Record<string, Condition> = {};
    for (const member of this.spared) members[member.name] = await member.ask<Condition>('condition');
    this.readings.push({ at: (Date.now() - this.#began) / 1_000, members });
  }

  /** Resolves when every worker is ready and known, and every client has reached each of them. */
  async untilWell(): Promise<void> {
    const workers = this.alive('worker');
    await until('the workers are ready', async () =>
      (await Promise.all(workers.map((w) => w.isReady()))).every(Boolean),
    );
    await until('etcd knows the workers', async () => (await this.etcd.instances()) === workers.length);
    const ids = workers.map(({ instanceId }) => instanceId);
    for (const client of this.alive('client')) {
      await until(`${client.name} reaches the workers`, () => client.ask<boolean>('reach', ids));
    }
  }

  /** Ends the load, then everything, in order, and looks for what is left of it. */
  async finish(): Promise<void> {
    await Promise.all(this.alive('client').map((client) => client.ask('stop')));
    for (const worker of this.alive('worker')) await this.#expectIdle(worker);
    await this.read();
    for (const member of [...this.alive('client'), ...this.alive('worker')]) await this.end(member);
    if ((await this.etcd.instances()) !== 0) this.problems.push('etcd knows instances that have ended');
    await Promise.all([this.nats.kill(), this.etcd.kill()]);
    for (const pid of descendants()) this.problems.push(`process ${pid} was left`);
  }

  /** Ends one member in order. */
  async end(member: Member): Promise<void> {
    const code = await member.end();
    if (code !== 0) this.problems.push(`${member.name} ended with the exit code ${String(code)}`);
  }

  async #expectIdle(worker: Member): Promise<void> {
    const gauges = async () => {
      const samples = await worker.scrape();
      return GAUGES.filter((name) => samples[name] !== 0).map((name) => `${name} ${samples[name]}`);
    };
    await until('the gauges are 0', async () => (await gauges()).length === 0).catch(async () => {
      this.problems.push(`${worker.name} has nothing to do, and says ${(await gauges()).join(', ')}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of descendants()) process.kill(Number(pid), 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Processes that descend from this one, those included that are nobody's children any more. */
function descendants(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(MARK);
    } catch {
      return false; // It has ended, or is somebody else's.
    }
  });
}
