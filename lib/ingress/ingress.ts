import type { Context, SingleIn } from '../engine/context';
import { ProfiledError } from '../errors';
import { show } from '../metrics/labels';
import { checkNaming, type EndpointAddress, type NamingOptions } from '../metrics/standard';
import { bindBeforeScrape } from '../metrics/store';
import { endpointOf } from '../profile/endpoint';
import { addressName, checkSwitches, Recorder, type RecorderSwitches } from '../profile/recorder';
import { markServed } from '../profile/served';
import type { RequestHeaders } from '../transports/transport';
import type { RequestControlMessage } from '../wire/control-message';
import { invalidMessage } from '../wire/invalid';
import { parseJsonBytes } from '../wire/json';
import { type Dial, PayloadRun } from './payload-handler';
import { PlaneMetrics } from './plane-metrics';
import { PlaneProfile } from './plane-profile';
import { type RequestSchema, type Validate, validatorOf } from './schema';

/** What can be served: an object with a `generate` method, or a function. Either may return whatever a handler may return. */
export type ServableHandler<T> = { generate(request: SingleIn<T>): unknown } | ((request: SingleIn<T>) => unknown);

type MeasuringOptions = NamingOptions & RecorderSwitches;

/** Settings of one ingress; those of the metrics go before what `@Profiled` says on the handler's class. */
export interface IngressOptions<T> extends MeasuringOptions {
  /** Checks and converts the data of each request. What does not fit counts as `deserialization`. @default everything fits */
  readonly schema?: RequestSchema<T>;
}

/** An address, and how metrics there are named unless the ingress says otherwise. */
export type MeasuredEndpoint = EndpointAddress & Pick<NamingOptions, 'naming'>;

type Labels = Readonly<Record<string, string>>;

/** The headers that carry the context's id, so that a request that can't be decoded has one in the log. */
const REQUEST_ID_HEADERS = ['request-id', 'x-dynamo-request-id'] as const;

/**
 * A handler made ready to be served: it turns payloads into measured runs of the handler, and knows nothing of sockets.
 * One ingress belongs to one endpoint; make another for another endpoint, around the same handler if need be.
 *
 * @example
 * const ingress = Ingress.forEngine(new RequestHandler());
 * await endpoint.endpointBuilder().handler(ingress).start();
 */
export class Ingress<T = unknown> {
  readonly #handler: ServableHandler<T>;
  readonly #options: MeasuringOptions;
  readonly #validate: Validate;
  #address: EndpointAddress | undefined;
  #labels: Labels = {};
  #recorder: Recorder | undefined;
  readonly #plane = new PlaneMetrics();
  #scrapeKey: string | undefined;

  private constructor(handler: ServableHandler<T>, { schema, ...options }: IngressOptions<T>) {
    checkNaming(options);
    checkSwitches(options);
    this.#handler = handler;
    this.#options = { ...endpointOf(handler)?.options, ...definedOnly(options) };
    this.#validate = validatorOf(schema);
  }

  /** @throws PROFILED_HANDLER_INVALID if `handler` can not be called, or `schema` is none; codes of the metrics options */
  static forEngine<T = unknown>(handler: ServableHandler<T>, options: IngressOptions<T> = {}): Ingress<T> {
    checkHandler(handler);
    return new Ingress(handler, options);
  }

  /** The endpoint that {@link addMetrics} gave; undefined before that. */
  get address(): EndpointAddress | undefined {
    return this.#address;
  }

  /** The naming that it was given; undefined if the endpoint's holds. */
  get naming(): NamingOptions['naming'] {
    return this.#options.naming;
  }

  /**
   * Records all requests under this endpoint's labels, and `labels` beside them. Serving an endpoint does it; call it yourself to
   * add labels. Repeating it adds further labels and changes nothing else; its series exist from the next scrape on.
   * @throws PROFILED_TARGET_INVALID if the ingress belongs to another endpoint, PROFILED_METRIC_INVALID for a label
   */
  addMetrics(endpoint: MeasuredEndpoint, labels: Labels = {}): this {
    const address = { namespace: endpoint.namespace, component: endpoint.component, endpoint: endpoint.endpoint };
    if (this.#address && addressName(this.#address) !== addressName(address)) {
      throw new ProfiledError(
        'PROFILED_TARGET_INVALID',
        `this ingress belongs to ${addressName(this.#address)} and can not serve ${addressName(address)} as well; ` +
          'make another one with `Ingress.forEngine(handler)`',
      );
    }
    const isKnown = this.#recorder && Object.entries(labels).every(([name, value]) => this.#labels[name] === value);
    if (isKnown) return this;
    const options = {
      naming: endpoint.naming,
      ...this.#options,
      labels: { ...this.#options.labels, ...this.#labels, ...labels },
    };
    checkNaming(options);
    this.#address = address;
    this.#labels = { ...this.#labels, ...labels };
    const recorder = (this.#recorder = Recorder.forEndpoint(address, options));
    // The same key each time, so that no series with fewer labels is shown beside the one that is meant.
    this.#scrapeKey ??= `ingress ${addressName(address)} ${options.prefix ?? ''} ${JSON.stringify(options.labels)}`;
    this.#plane.rename(options.naming);
    bindBeforeScrape(this.#scrapeKey, () => {
      recorder.binding();
      this.#plane.series();
    });
    return this;
  }

  /**
   * Runs one payload to its end; resolves whatever the payload holds or the handler does.
   * `dial` opens the way back to the requester. @throws PROFILED_TARGET_INVALID before {@link addMetrics}
   */
  async handlePayload(payload: Uint8Array, dial: Dial, headers: RequestHeaders = {}): Promise<void> {
    await this.openRun(headers).execute(payload, dial);
  }

  /** What belongs to the request plane; for the door of an endpoint. */
  get plane(): PlaneMetrics {
    return this.#plane;
  }

  /**
   * Counts one request as arrived; the caller executes the run next. For whoever needs to stop runs that are under way.
   * @throws PROFILED_TARGET_INVALID before {@link addMetrics}
   */
  openRun(headers: RequestHeaders): PayloadRun {
    const recorder = this.#recorder;
    if (!recorder) {
      throw new ProfiledError(
        'PROFILED_TARGET_INVALID',
        'this ingress has no endpoint yet, so its requests could not be counted; serve it, or call `addMetrics(endpoint)`',
      );
    }
    return new PayloadRun(
      { read: (body, control) => this.#read(body, control), call: (context) => this.#call(context, recorder) },
      recorder.open(headers[REQUEST_ID_HEADERS[0]] ?? headers[REQUEST_ID_HEADERS[1]], headers.traceparent),
      new PlaneProfile(this.#plane.series(), headers),
    );
  }

  async #read(body: Uint8Array, { payloadCodec = 'json' }: RequestControlMessage): Promise<unknown> {
    if (payloadCodec !== 'json') throw invalidMessage(`\`payload_codec\` ${payloadCodec} is not supported; send json`);
    return this.#validate(parseJsonBytes(body, 'the request body'));
  }

  #call(context: Context<unknown>, recorder: Recorder): unknown {
    const handler = this.#handler;
    markServed(context, handler, recorder);
    return typeof handler === 'function' ? handler(context as Context<T>) : handler.generate(context as Context<T>);
  }
}

function checkHandler(handler: unknown): void {
  const { generate } = (handler ?? {}) as { generate?: unknown };
  if (typeof generate === 'function') return;
  if (typeof handler === 'function') {
    if (!isClass(handler)) return;
    throw new ProfiledError(
      'PROFILED_HANDLER_INVALID',
      `${show(handler.name)} is a class; pass an instance of it: \`Ingress.forEngine(new ${handler.name}())\``,
    );
  }
  throw new ProfiledError(
    'PROFILED_HANDLER_INVALID',
    `a handler must be an object with a \`generate\` method, or a function, got ${show(handler)}`,
  );
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- what `typeof` narrows to
function isClass(handler: Function): boolean {
  const { generate } = (handler.prototype ?? {}) as { generate?: unknown };
  return typeof generate === 'function' || Function.prototype.toString.call(handler).startsWith('class');
}

function definedOnly(options: MeasuringOptions): MeasuringOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
