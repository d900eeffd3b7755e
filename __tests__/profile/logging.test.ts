import { Registry } from 'prom-client';
import { Context, Profiled, useRegistry } from '../../lib';
import { settings } from '../../lib/config/settings';
import { log, type LogFields } from '../../lib/internal/logger';
import { Recorder } from '../../lib/profile/recorder';

let lines: [string, LogFields, string][];
beforeEach(() => {
  useRegistry(new Registry());
  settings(); // points the log to where the environment says, once; from here on it is the test's
  lines = [];
  log.use('debug', (...line) => lines.push(line));
});
afterEach(() => log.use('off', () => {}));

@Profiled('ns', 'comp', 'ep')
class Handler {
  async *generate(request: Context<string>) {
    yield request.data;
    if (request.data === 'fail') throw new TypeError('boom');
  }
}

const drain = async (stream: AsyncIterable<string>) => {
  for await (const item of stream) void item;
};

const END = { endpoint: 'ns.comp.ep', id: 'id-1', durationSeconds: expect.any(Number) as number };

test('a request is announced and its end told, with id, outcome and duration, at debug', async () => {
  await drain(new Handler().generate(new Context('x', { id: 'id-1' })));
  expect(lines).toEqual([
    ['debug', { endpoint: 'ns.comp.ep', id: 'id-1' }, 'request received'],
    ['debug', { ...END, outcome: 'success' }, 'request completed'],
  ]);
});

test('a cancelled one is no failure', async () => {
  const stream = new Handler().generate(new Context('x', { id: 'id-1' }));
  await stream.next();
  await stream.return();
  expect(lines.at(-1)).toEqual(['debug', { ...END, outcome: 'cancelled' }, 'request completed']);
});

test('a failure is an error with its type', async () => {
  await expect(drain(new Handler().generate(new Context('fail', { id: 'id-1' })))).rejects.toThrow('boom');
  const err = expect.objectContaining({ message: 'boom' }) as Error;
  expect(lines.at(-1)).toEqual(['error', { ...END, outcome: 'error', error_type: 'generate', err }, 'request failed']);
});

test('what arrives through an ingress is logged the same way', () => {
  const profile = Recorder.forEndpoint({ namespace: 'ns', component: 'comp', endpoint: 'ep' }).open('id-1');
  profile.fail('deserialization', 'not JSON');
  profile.settle();
  expect(lines).toEqual([
    ['debug', { endpoint: 'ns.comp.ep', id: 'id-1' }, 'request received'],
    ['error', { ...END, outcome: 'error', error_type: 'deserialization', err: 'not JSON' }, 'request failed'],
  ]);
});

test('at level error only failures are told, and off nothing is', async () => {
  log.use('error', (...line) => lines.push(line));
  await drain(new Handler().generate(new Context('x')));
  expect(lines).toEqual([]);
  await drain(new Handler().generate(new Context('fail'))).catch(() => undefined);
  expect(lines).toHaveLength(1);
  log.use('off', (...line) => lines.push(line));
  await drain(new Handler().generate(new Context('fail'))).catch(() => undefined);
  expect(lines).toHaveLength(1);
});
