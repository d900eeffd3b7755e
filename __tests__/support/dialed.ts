import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * Looks at the TCP sockets that are opened from now on until the end of the test file that calls this, outside of its tests. Returns
 * how many of them are not closed. What an earlier file has left in this process is none of them.
 */
export function watchDialed(): () => number {
  const sockets: Socket[] = [];
  const onSocket = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', onSocket);
  afterAll(() => unsubscribe('net.client.socket', onSocket));
  return () => sockets.filter(({ destroyed }) => !destroyed).length;
}
