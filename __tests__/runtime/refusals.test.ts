import type { Naming } from '../../lib/metrics/names';
import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { freshRegistry } from '../../lib/testing';
import { ask } from '../support/http';
import { RawPeer, requestFrame } from '../transports/tcp/raw';

describe('a request that reaches no endpoint', () => {
  it.each<[Naming, string]>([
    ['plain', ''],
    ['dynamo', 'dynamo_'],
  ])('is refused, and shown by a scrape under the %s naming', async (naming, prefix) => {
    freshRegistry();
    await using runtime = await DistributedRuntime.fromSettings({
      discoveryBackend: 'mem',
      tcp: { host: '127.0.0.1' },
      system: { enabled: true, port: 0, host: '127.0.0.1' },
      metrics: { naming },
    });
    const { address } = await runtime.endpoint('n.c.e').serve(async function* () {});
    const { port } = runtime.systemServerInfo()!;
    const shown = async () => {
      const { body } = await ask(`http://127.0.0.1:${port}/metrics`);
      const lines = body.split('\n').filter((line) => !line.startsWith('#'));
      const refusals = lines.filter((line) => line.startsWith(`${prefix}request_plane_refused_total`));
      expect(lines).toContainEqual(expect.stringMatching(/^(dynamo_component_)?requests_total\{.*\} 0$/));
      return Object.fromEntries(refusals.map((line) => line.split(' ')));
    };
    const series = (reason: string) => `${prefix}request_plane_refused_total{reason="${reason}"}`;
    const none = Object.fromEntries(
      ['incomplete', 'invalid', 'overloaded', 'unknown_endpoint'].map((reason) => [series(reason), '0']),
    );
    expect(await shown()).toEqual(none);
    const peer = await RawPeer.connect(address);
    for (const path of ['nobody/n/c/e', `${address.split('/').slice(1).join('/')}x`]) {
      peer.socket.write(requestFrame(path, 'x'));
    }
    peer.socket.write(Buffer.from('0001780000ffffffff', 'hex'));
    await peer.all();
    peer.socket.destroy();
    expect(await shown()).toEqual({ ...none, [series('unknown_endpoint')]: '2', [series('invalid')]: '1' });
  });
});
