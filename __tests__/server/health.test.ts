import { Health, health } from '../../lib/server/health';

test('the starting status holds until the first endpoint is served', () => {
  const state = new Health();
  expect(state.report('notready').status).toBe('notready');
  expect(state.report('ready').status).toBe('ready');
  expect(state.report('ready').endpoints).toEqual({});
});

test('then the process is ready while every endpoint is served', () => {
  const state = new Health();
  state.endpointServed('generate');
  state.endpointServed('embed');
  expect(state.report('notready')).toMatchObject({ status: 'ready', endpoints: { embed: 'ready', generate: 'ready' } });
  state.endpointStopped('embed');
  expect(state.report('ready')).toMatchObject({
    status: 'notready',
    endpoints: { embed: 'notready', generate: 'ready' },
  });
});

test('an endpoint that is served again is ready again', () => {
  const state = new Health();
  state.endpointServed('generate');
  state.endpointStopped('generate');
  state.endpointServed('generate');
  expect(state.report()).toMatchObject({ status: 'ready', endpoints: { generate: 'ready' } });
});

test('two endpoints of one name are ready while neither has stopped', () => {
  const state = new Health();
  state.endpointServed('generate');
  state.endpointServed('generate');
  state.endpointStopped('generate');
  expect(state.report().status).toBe('notready');
});

test('stopping what was never served says nothing', () => {
  const state = new Health();
  state.endpointStopped('ghost');
  expect(state.report('ready')).toMatchObject({ status: 'ready', endpoints: {} });
});

test('a status that was set holds whatever the endpoints do, until it is taken back', () => {
  const state = new Health();
  state.endpointServed('generate');
  state.setStatus('notready');
  expect(state.report().status).toBe('notready');
  state.setStatus(undefined);
  expect(state.report().status).toBe('ready');
  state.endpointStopped('generate');
  state.setStatus('ready');
  expect(state.report().status).toBe('ready');
});

test('the report has its keys in alphabetical order, as compact JSON', () => {
  const state = new Health();
  for (const name of ['b', 'a', '__proto__']) state.endpointServed(name);
  expect(JSON.stringify(state.report())).toMatch(
    /^\{"endpoints":\{"__proto__":"ready","a":"ready","b":"ready"\},"status":"ready","uptime":\{"nanos":0,"secs":0\}\}$/,
  );
});

test('uptime counts from the first start', () => {
  const state = new Health();
  expect(state.uptimeSeconds()).toBe(0);
  state.markStarted();
  const first = state.uptimeSeconds();
  state.markStarted();
  expect(state.uptimeSeconds()).toBeGreaterThan(first);
  const { secs, nanos } = state.uptime();
  expect(secs + nanos / 1e9).toBeCloseTo(state.uptimeSeconds(), 1);
  expect(Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9).toBe(true);
});

test('the process has one, found through the global symbol', () => {
  expect((globalThis as Record<symbol, unknown>)[Symbol.for('profiled/health@1')]).toBe(health);
});
