import { DistributedRuntime } from '../../lib/runtime/distributed-runtime';
import { freshRegistry } from '../../lib/testing';

const MIB = 2 ** 20;

/** Opens a runtime whose one limit is `maxMessageBytes`, and sends a text there and back; what comes back, or why it does not. */
async function echo(bytes: number, maxMessageBytes: number | undefined): Promise<string> {
  freshRegistry();
  await using runtime = await DistributedRuntime.fromSettings({
    discoveryBackend: 'mem',
    tcp: { host: '127.0.0.1', maxMessageBytes },
  });
  const endpoint = runtime.endpoint('n.c.large');
  await endpoint.serve<{ bytes: number; text: string }>(({ data }) => data.text || 'x'.repeat(data.bytes));
  const client = await endpoint.client<unknown, string>();
  await client.waitForInstances();
  const back: string[] = [];
  for (const text of ['', 'x'.repeat(bytes)]) {
    const stream = await client.random({ bytes, text }).catch((error: Error) => error);
    if (stream instanceof Error) back.push(stream.message);
    else for await (const item of stream) back.push(item.errorMessage ?? `${item.data?.length} bytes`);
  }
  return back.join('; ');
}

describe('one limit holds for requests and for items', () => {
  it('when it is raised', async () => {
    expect(await echo(40 * MIB, 64 * MIB)).toBe(`${40 * MIB} bytes; ${40 * MIB} bytes`);
  });

  it('when it is lowered', async () => {
    expect(await echo(4_096, 2_048)).toMatch(
      /^PROFILED_MESSAGE_INVALID: a message of 4\d+ bytes is larger than the limit of 2048; PROFILED_MESSAGE_INVALID: a request of 4\d+ bytes is larger than the limit of 2048$/,
    );
  });

  it('when nobody has touched it', async () => {
    expect(await echo(40 * MIB, undefined)).toMatch(
      /^PROFILED_MESSAGE_INVALID: .* larger than the limit of 33554432; .* larger than the limit of 33554432$/,
    );
  });
});
