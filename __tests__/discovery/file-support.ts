import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Discovery, Instance, InstanceChange, InstanceFilter, Watch } from '../../lib/discovery/discovery';
import { FileDiscovery } from '../../lib/discovery/file';
import type { FileDiscoveryOptions } from '../../lib/discovery/file-options';
import { type LogFields, log } from '../../lib/internal/logger';

export const FILTER: InstanceFilter = { namespace: 'my-ns', component: 'my_comp', endpoint: 'gen.1' };

/** An instance that {@link FILTER} picks. */
export function instance(instanceId: bigint, changes: Partial<Instance> = {}): Instance {
  const transport = { kind: 'tcp', address: `127.0.0.1:4000/${instanceId.toString(16)}/gen.1` } as const;
  return { namespace: 'my-ns', component: 'my_comp', endpoint: 'gen.1', instanceId, transport, ...changes };
}

/** The name of its file, written out by hand. */
export const fileName = (idHex: string) => `my%2Dns%2Fmy%5Fcomp%2Fgen%2E1%2F${idHex}`;

/** A store in a directory of its own, and what was opened on it: all gone after the test. */
export class Store {
  readonly root = mkdtempSync(join(tmpdir(), 'profiled-store-'));
  readonly bucket = join(this.root, 'v1', 'instances');
  readonly #open: FileDiscovery[] = [];

  open(options: FileDiscoveryOptions = {}): FileDiscovery {
    const discovery = new FileDiscovery({ root: this.root, ...options });
    this.#open.push(discovery);
    return discovery;
  }

  files(): string[] {
    return readdirSync(this.bucket).sort();
  }

  read(name: string): string {
    return readFileSync(join(this.bucket, name), 'utf8');
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#open.map((discovery) => discovery.close()));
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What one watch has told, and what follows from it. */
export class Following {
  readonly changes: string[] = [];
  readonly known = new Map<bigint, Instance>();
  watch!: Watch;

  static async start(discovery: Discovery, filter: InstanceFilter = FILTER): Promise<Following> {
    const following = new Following();
    following.watch = await discovery.watch(filter, (change) => following.#note(change));
    for (const { instanceId } of following.watch.snapshot) following.known.set(instanceId, instance(instanceId));
    return following;
  }

  get ids(): bigint[] {
    return [...this.known.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  #note({ type, instance: changed }: InstanceChange): void {
    this.changes.push(`${type} ${changed.instanceId}`);
    if (type === 'put') this.known.set(changed.instanceId, changed);
    else this.known.delete(changed.instanceId);
  }
}

/** The log lines of `warn` and above from now on. */
export function listenToLog(): { level: string; message: string; fields: LogFields }[] {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  log.use('warn', (level, fields, message) => lines.push({ level, message, fields }));
  return lines;
}
