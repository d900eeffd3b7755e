import { once } from 'node:events';
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { Registry } from 'prom-client';
import { createMetricsHandler } from '../../lib/index';
import { storeOf } from '../../lib/metrics/store';

/** A connection whose other side asks for a scrape and takes everything at once, as over loopback; each write costs three milliseconds. */
class Swallowing extends Duplex {
  bytes = 0;
  /** Most writes between two turns of the event loop. */
  most = 0;
  #writes = 0;

  /** As a socket has it. */
  setTimeout(): this {
    return this;
  }

  override _read(): void {
    this.push('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    this._read = () => {};
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.bytes += chunk.length;
    if (this.#writes === 0) setImmediate(() => (this.#writes = 0));
    this.most = Math.max(this.most, ++this.#writes);
    for (const begun = performance.now(); performance.now() - begun < 3;);
    done();
  }
}

/** A client that read as fast as it was written to got all of 60 MB in a few turns, which kept the event loop for 11 ms of CPU each. */
test('a large scrape is written in turns, however fast its client reads', async () => {
  const registry = new Registry();
  const family = storeOf(registry).family({ type: 'counter', name: 'a_total', help: 'x', labelNames: ['handler'] });
  for (let handler = 0; handler < 10_000; handler++) family.series({ handler: `${handler}`.padStart(250, 'x') });
  const connection = new Swallowing();
  createServer(createMetricsHandler({ registry })).emit('connection', connection);
  await once(connection, 'finish');
  expect(connection.bytes).toBeGreaterThan(2_500_000);
  // The headers go out by themselves.
  expect(connection.most).toBeLessThan(4);
});
