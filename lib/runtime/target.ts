import { ProfiledError } from '../errors';
import type { Ingress } from '../ingress/ingress';
import type { Naming } from '../metrics/names';
import { MetricsScope } from '../metrics/scope';
import type { EndpointAddress } from '../metrics/standard';
import { currentStore } from '../metrics/store';
import type { Client, ClientOptions } from './client';
import type { RuntimeHost, Servable } from './host';
import { checkName } from './names';
import type { ServedEndpoint, ServeOptions } from './served-endpoint';

/** The first level of an address. It groups components and costs nothing. */
export class Namespace {
  readonly namespace: string;
  /** Creates metrics with this namespace as a label. */
  readonly metrics: MetricsScope;

  constructor(
    private readonly host: RuntimeHost,
    name: string,
  ) {
    this.namespace = checkName('namespace', name);
    this.metrics = new MetricsScope(currentStore, { namespace: name }, host.naming);
  }

  /** @throws PROFILED_TARGET_INVALID for a name that is none */
  component(name: string): Component {
    return new Component(this.host, this.namespace, name);
  }
}

/** The second level: what one worker process offers, as a rule. */
export class Component {
  readonly component: string;
  /** Creates metrics with namespace and component as labels. */
  readonly metrics: MetricsScope;

  constructor(
    private readonly host: RuntimeHost,
    readonly namespace: string,
    name: string,
  ) {
    this.component = checkName('component', name);
    this.metrics = new MetricsScope(currentStore, { namespace, component: name }, host.naming);
  }

  /** @throws PROFILED_TARGET_INVALID for a name that is none */
  endpoint(name: string): Endpoint {
    return new Endpoint(this.host, this.namespace, this.component, name);
  }
}

/** A full address: what is served, and what is called. Making one serves nothing yet. */
export class Endpoint implements EndpointAddress {
  readonly endpoint: string;
  /** Creates metrics with all three labels. */
  readonly metrics: MetricsScope;

  constructor(
    private readonly host: RuntimeHost,
    readonly namespace: string,
    readonly component: string,
    name: string,
  ) {
    this.endpoint = checkName('endpoint', name);
    this.metrics = new MetricsScope(currentStore, { namespace, component, endpoint: name }, host.naming);
  }

  /** How the runtime names metrics; an ingress with a `naming` of its own keeps that. */
  get naming(): Naming {
    return this.host.naming;
  }

  /** `namespace.component.endpoint`, as `runtime.endpoint(path)` takes it. */
  get path(): string {
    return `${this.namespace}.${this.component}.${this.endpoint}`;
  }

  /**
   * Takes requests from other processes for a handler or an ingress. A bare handler gets an ingress with default options.
   * @throws PROFILED_HANDLER_INVALID, PROFILED_TARGET_INVALID if this runtime serves the endpoint already, PROFILED_SHUTDOWN
   */
  serve<T = unknown>(servable: Servable<T>, options: ServeOptions = {}): Promise<ServedEndpoint> {
    return this.host.serve(this, servable, options);
  }

  /** The same in the words of the Rust runtime. */
  endpointBuilder(): EndpointBuilder {
    return new EndpointBuilder(this);
  }

  /**
   * A client for all instances of this endpoint, of this and other processes. It follows discovery until it is closed, or its
   * runtime is. `T` is what requests hold, `U` what response items do; neither is checked.
   */
  client<T = unknown, U = unknown>(options: ClientOptions = {}): Promise<Client<T, U>> {
    return this.host.client(this, options);
  }
}

/** `endpoint.endpointBuilder().handler(ingress).start()`. */
export class EndpointBuilder {
  #ingress: Ingress<never> | undefined;
  #statsHandler: ServeOptions['statsHandler'];

  constructor(private readonly target: Endpoint) {}

  handler<T>(ingress: Ingress<T>): this {
    this.#ingress = ingress;
    return this;
  }

  /** See `ServeOptions`. */
  statsHandler(statsHandler: () => unknown): this {
    this.#statsHandler = statsHandler;
    return this;
  }

  /** @throws PROFILED_HANDLER_INVALID without a handler; otherwise as {@link Endpoint.serve} */
  async start(options: ServeOptions = {}): Promise<ServedEndpoint> {
    if (!this.#ingress) {
      throw new ProfiledError(
        'PROFILED_HANDLER_INVALID',
        `nothing to serve at ${this.target.path}; call \`.handler(ingress)\` first`,
      );
    }
    return this.target.serve(this.#ingress, { statsHandler: this.#statsHandler, ...options });
  }
}
