import { tcpResponsePlane } from '../../lib/transports/tcp/planes';
import { encodeConnectionInfo } from '../../lib/wire/connection-info';
import { decodeControlMessage } from '../../lib/wire/control-message';

const LONG = 'x'.repeat(2 ** 20);
const home = { address: '127.0.0.1:1', subject: 's', context: 'id', streamType: 'response' } as const;

/** Errors repeated these texts whole, as long as their sender had made them, in the log as well. */
test.each<[string, () => unknown]>([
  ['the plane', () => dial({ ...encodeConnectionInfo(home), transport: LONG })],
  ['the context', () => dial(encodeConnectionInfo({ ...home, context: LONG }))],
  ['the address', () => dial(encodeConnectionInfo({ ...home, address: LONG }))],
  [
    'a name in the metadata',
    async () =>
      decodeControlMessage(
        Buffer.from(
          JSON.stringify({
            id: 'id',
            request_type: 'single_in',
            response_type: 'many_out',
            connection_info: encodeConnectionInfo(home),
            metadata: { [LONG]: 7 },
          }),
        ),
      ),
  ],
])('an error about %s of a request shows how it begins', async (_, read) => {
  const error = (await Promise.resolve(read()).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'PROFILED_MESSAGE_INVALID' });
  expect(error.message).toContain('xxx');
  expect(error.message.length).toBeLessThan(300);
});

function dial(info: { transport: string; info: string }): Promise<unknown> {
  return tcpResponsePlane({ host: '127.0.0.1' }).client.dial(info, 'id', { onEvent: () => {} });
}
