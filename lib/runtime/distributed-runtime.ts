import { pointLog } from '../config/log-output';
import { ACCESS_OPTIONS } from '../config/access';
import { type DeepPartial, loadSettings, type Settings } from '../config/settings';
import { ProfiledError } from '../errors';
import type { DrainOptions } from '../ingress/drain';
import type { ServableHandler } from '../ingress/ingress';
import type { Naming } from '../metrics/names';
import { MetricsScope } from '../metrics/scope';
import { currentStore } from '../metrics/store';
import { endpointOf } from '../profile/endpoint';
import { autoStartSystemServer } from '../server/auto-start';
import { startSystemServer, systemServerInfo } from '../server/system-server';
import { Client, type ClientOptions } from './client';
import type { RuntimeHost, Servable } from './host';
import { checkName, parseEndpointPath } from './names';
import { closePlanes, openPlanes, type Planes } from './planes';
import { type ServedEndpoint, serveEndpoint, type ServeOptions } from './served-endpoint';
import { Component, Endpoint, Namespace } from './target';

type SystemServer = Awaited<ReturnType<typeof startSystemServer>>;

/** Where the system server of this process listens: bind address, port, and a URL for this machine. */
export type SystemServerInfo = NonNullable<ReturnType<typeof systemServerInfo>>;

/**
 * The connection of this process to others: it serves endpoints and makes clients for those of others. A process needs one.
 *
 * @example
 * await using runtime = await DistributedRuntime.fromSettings();
 * await runtime.serve(new RequestHandler());
 */
export class DistributedRuntime implements RuntimeHost, AsyncDisposable {
  /** Creates metrics without labels of the hierarchy. */
  readonly metrics: MetricsScope;
  readonly naming: Naming;
  readonly #settings: Settings;
  readonly #planes: Planes;
  readonly #systemServer: SystemServer | undefined;
  readonly #served = new Set<ServedEndpoint>();
  readonly #serving = new Set<Promise<unknown>>();
  readonly #clients = new Set<Client<never, unknown>>();
  #shutdown: Promise<void> | undefined;

  private constructor(settings: Settings, planes: Planes, systemServer: SystemServer | undefined) {
    this.#settings = settings;
    this.naming = settings.metrics.naming;
    this.metrics = new MetricsScope(currentStore, {}, this.naming);
    this.#planes = planes;
    this.#systemServer = systemServer;
  }

  /**
   * A runtime by argument, environment and default, in this order. The system server is started if the environment asks for it,
   * where a failure is only logged, or if `overrides.system.enabled` is true, where it is thrown; one that was started by
   * argument is stopped with the runtime. Options of access make one that the environment asks for a start by argument. @throws PROFILED_CONFIG_INVALID with all problems at once; codes of `startSystemServer`
   */
  static async fromSettings(overrides: DeepPartial<Settings> = {}): Promise<DistributedRuntime> {
    const settings = loadSettings(overrides);
    if (overrides.log) pointLog(settings.log);
    const planes = openPlanes(settings); // before the server: it may throw
    const isAccessGiven = ACCESS_OPTIONS.some((name) => overrides.system?.[name] !== undefined);
    const asked = overrides.system?.enabled ?? (isAccessGiven ? settings.system.enabled : undefined);
    const server = asked === true ? await startSystemServer(overrides.system) : undefined;
    if (asked === undefined) await autoStartSystemServer();
    return new DistributedRuntime(settings, planes, server);
  }

  /** @throws PROFILED_TARGET_INVALID for a name that is none */
  namespace(name: string): Namespace {
    return new Namespace(this, name);
  }

  /** The endpoint at `namespace.component.endpoint`; `dyn://` may stand before it. @throws PROFILED_TARGET_INVALID */
  endpoint(path: string): Endpoint {
    const { namespace, component, endpoint } = parseEndpointPath(path);
    return new Endpoint(this, namespace, component, endpoint);
  }

  /**
   * Serves `servable` at `endpoint`, or a decorated handler at the address that its decorator gave.
   * @throws PROFILED_HANDLER_INVALID for a handler without such an address; otherwise as `Endpoint.serve`
   */
  serve<T = unknown>(handler: ServableHandler<T>, options?: ServeOptions): Promise<ServedEndpoint>;
  serve<T = unknown>(endpoint: Endpoint, servable: Servable<T>, options?: ServeOptions): Promise<ServedEndpoint>;
  async serve<T>(
    first: Endpoint | ServableHandler<T>,
    second?: Servable<T> | ServeOptions,
    third?: ServeOptions,
  ): Promise<ServedEndpoint> {
    this.#checkRunning();
    const serving =
      first instanceof Endpoint
        ? this.#serve(first, second as Servable<T>, third ?? {})
        : this.#serve(this.#endpointOf(first), first, (second ?? {}) as ServeOptions);
    this.#serving.add(serving);
    return serving.finally(() => this.#serving.delete(serving));
  }

  /** As `endpoint.client(options)`. */
  async client<T, U>(endpoint: Endpoint, options: ClientOptions = {}): Promise<Client<T, U>> {
    this.#checkRunning();
    const { requestPlane, tcp, nats, client: defaults } = this.#settings;
    const { ackTimeoutMs } = requestPlane === 'nats' ? nats : tcp;
    const all = { ackTimeoutMs, inhibitedMs: defaults.inhibitedMs, ...definedOnly(options) };
    const client = await Client.open<T, U>(this.#planes, endpoint, all, () => this.#clients.delete(client));
    this.#clients.add(client);
    return client;
  }

  /** Where the system server of this process listens, or undefined while it does not. */
  systemServerInfo(): SystemServerInfo | undefined {
    return systemServerInfo();
  }

  /**
   * Drains all endpoints at once (see `ServedEndpoint.stop`), closes clients and connections, and last a system server that was
   * started by argument, so that the last requests can still be scraped. Later calls wait for the first.
   */
  shutdown(options?: DrainOptions): Promise<void> {
    return (this.#shutdown ??= this.#stop(options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #serve<T>(endpoint: Endpoint, servable: Servable<T>, options: ServeOptions): Promise<ServedEndpoint> {
    const all = { ...this.#settings.worker, ...definedOnly(options) };
    const served = await serveEndpoint(this.#planes, endpoint, servable, all, () => this.#served.delete(served));
    this.#served.add(served);
    return served;
  }

  #endpointOf(handler: unknown): Endpoint {
    const isObject = (typeof handler === 'object' && handler !== null) || typeof handler === 'function';
    const address = isObject ? endpointOf(handler)?.address : undefined;
    if (!address) {
      throw new ProfiledError(
        'PROFILED_HANDLER_INVALID',
        '`runtime.serve(handler)` takes the address from the decorator, and this handler has none; decorate its class with ' +
          '`@Profiled(namespace, component, endpoint)`, or serve it with `runtime.endpoint(path).serve(handler)`',
      );
    }
    const namespace = checkName('namespace', address.namespace);
    return new Component(this, namespace, address.component).endpoint(address.endpoint);
  }

  #checkRunning(): void {
    if (this.#shutdown) throw new ProfiledError('PROFILED_SHUTDOWN', 'the runtime has been shut down; make a new one');
  }

  async #stop(options: DrainOptions | undefined): Promise<void> {
    await Promise.allSettled(this.#serving);
    await Promise.all([...this.#served].map((served) => served.stop(options)));
    for (const client of this.#clients) client.close();
    await closePlanes(this.#planes);
    await this.#systemServer?.stop();
  }
}

/** An option that is given as undefined is not given: what the environment says holds. */
function definedOnly<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
