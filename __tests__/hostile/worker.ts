import type { SingleIn } from '../../lib/engine/context';
import { ProfiledError } from '../../lib/errors';
import { Ingress } from '../../lib/ingress/ingress';
import { Admission } from '../../lib/ingress/admission';
import { getRegistry } from '../../lib/metrics/store';
import { freshRegistry } from '../../lib/testing';
import type { TcpOptions } from '../../lib/transports/tcp/options';
import { tcpRequestPlane, tcpResponsePlane } from '../../lib/transports/tcp/planes';
import type { ServedTarget } from '../../lib/transports/transport';
import { eventually } from '../support/eventually';
import { type Readings, readings } from '../support/readings';
import { dial, Home, payloadFor, requestFrame, rest } from './peers';

const TARGET = { namespace: 'n', component: 'c', endpoint: 'e', instanceId: 0x1fn } as const;
/** Where {@link TARGET} stands. */
export const PATH = '1f/n/c/e';

/** Answers a text with its letters, `endless` without end. */
async function* letters(request: SingleIn<string>): AsyncGenerator<string> {
  if (request.data === 'big') for (;;) yield 'x'.repeat(64 * 1024);
  if (request.data === 'endless') {
    for (;;) {
      yield 'more';
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  yield* request.data;
}

const schema = (value: unknown): string => {
  if (typeof value === 'string') return value;
  throw new Error('not text');
};

/** A served endpoint on real sockets, in this process. */
export class Worker implements AsyncDisposable {
  readonly #request;
  readonly #response;
  readonly #admission: Admission;
  #served!: ServedTarget;
  #good = 0;

  private constructor(options: TcpOptions) {
    freshRegistry();
    this.#request = tcpRequestPlane({ host: '127.0.0.1', ...options });
    this.#response = tcpResponsePlane({ host: '127.0.0.1', ...options });
    const ingress = Ingress.forEngine(letters, { schema }).addMetrics(TARGET);
    this.#admission = new Admission(ingress, (info, id, events) => {
      if (isElsewhere(info.info)) throw new ProfiledError('PROFILED_DISCONNECTED', 'a test stays on this machine');
      return this.#response.client.dial(info, id, events);
    });
  }

  static async open(options: TcpOptions = {}): Promise<Worker> {
    const worker = new Worker(options);
    worker.#served = await worker.#request.server.serve(TARGET, worker.#admission.accept);
    return worker;
  }

  get address(): string {
    return this.#served.address;
  }

  get running(): number {
    return this.#admission.running;
  }

  /** Its metrics once no request is under way: each that came has ended. */
  async settled(): Promise<Pick<Readings, 'requests' | 'cancellations' | 'errors'>> {
    await eventually('all requests are over', () => this.running === 0);
    const { requests, inflight, ended, cancellations, errors } = await readings(getRegistry());
    expect({ inflight, ended }).toEqual({ inflight: 0, ended: requests });
    return { requests, cancellations, errors };
  }

  /** Sends a request as it should be, and looks at the answer. */
  async answers(): Promise<void> {
    await using home = await Home.listen();
    const id = `good-${(this.#good += 1)}`;
    const socket = await dial(this.address);
    socket.end(requestFrame(PATH, payloadFor(home.address, id)));
    expect((await rest(socket)).toString('hex')).toBe('00000000');
    const { frames } = await home.over(id);
    expect(frames).toEqual([
      '{"error":null}|',
      '|{"data":{"data":"h"},"complete_final":false}',
      '|{"data":{"data":"i"},"complete_final":false}',
      '|{"complete_final":true}',
      '"sentinel"|',
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, client } = this.#request;
    await Promise.all([server.close(), client.close(), this.#response.server.close(), this.#response.client.close()]);
    await eventually('all requests are over', () => this.running === 0);
  }
}

/** Mutated addresses may be those of others. */
function isElsewhere(info: string): boolean {
  const address = /"address":"([^"]*)"/.exec(info)?.[1];
  return address !== undefined && /^[\d.[\]a-fA-F:%]+$/.test(address) && !address.startsWith('127.0.0.1:');
}
