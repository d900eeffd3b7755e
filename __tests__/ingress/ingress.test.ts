import { Ingress } from '../../lib/ingress/ingress';
import { validatorOf } from '../../lib/ingress/schema';
import { getRegistry } from '../../lib/metrics/store';
import { freshRegistry, sample } from '../../lib/testing';

const ADDRESS = { namespace: 'n', component: 'c', endpoint: 'e' };
const handler = { generate: () => 'answer' };

beforeEach(() => void freshRegistry());

describe('Ingress.forEngine', () => {
  it('takes an object with generate, or a function', () => {
    expect(Ingress.forEngine(handler)).toBeInstanceOf(Ingress);
    expect(Ingress.forEngine(() => 'answer')).toBeInstanceOf(Ingress);
  });

  class Handler {
    generate() {
      return 'answer';
    }
  }

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['an empty object', {}],
    ['generate that is no function', { generate: 1 }],
    ['text', 'handler'],
  ])('refuses %s', (_, value) => {
    expect(() => Ingress.forEngine(value as never)).toThrow(
      'PROFILED_HANDLER_INVALID: a handler must be an object with a `generate` method, or a function',
    );
  });

  it('says what to do with a class', () => {
    expect(() => Ingress.forEngine(Handler as never)).toThrow(
      'pass an instance of it: `Ingress.forEngine(new Handler())`',
    );
    expect(() => Ingress.forEngine(class {} as never)).toThrow('is a class');
  });

  it('checks its options at once', () => {
    expect(() => Ingress.forEngine(handler, { schema: 7 as never })).toThrow('PROFILED_HANDLER_INVALID: `schema`');
    expect(() => Ingress.forEngine(handler, { naming: 'odd' as never })).toThrow('PROFILED_CONFIG_INVALID');
    expect(() => Ingress.forEngine(handler, { labels: { namespace: 'x' } })).toThrow('PROFILED_METRIC_INVALID');
  });
});

describe('addMetrics', () => {
  it('shows all series at 0 from the next scrape on', async () => {
    Ingress.forEngine(handler).addMetrics(ADDRESS, { model: 'm' });
    expect(await sample(getRegistry(), 'requests_total', { ...ADDRESS, model: 'm' })).toBe(0);
  });

  it('keeps labels that were added before, and may be repeated', async () => {
    const ingress = Ingress.forEngine(handler, { labels: { service: 's' } });
    ingress.addMetrics(ADDRESS, { model: 'm' }).addMetrics(ADDRESS).addMetrics(ADDRESS, { tier: 't' });
    await ingress.handlePayload(Buffer.from('rubbish'), () => Promise.reject(new Error('not reached')));
    expect(await sample(getRegistry(), 'requests_total', { ...ADDRESS, service: 's', model: 'm', tier: 't' })).toBe(1);
  });

  it('refuses a second endpoint, and labels of the hierarchy', () => {
    const ingress = Ingress.forEngine(handler).addMetrics(ADDRESS);
    expect(() => ingress.addMetrics({ ...ADDRESS, endpoint: 'other' })).toThrow('PROFILED_TARGET_INVALID');
    expect(() => ingress.addMetrics(ADDRESS, { endpoint: 'x' })).toThrow('PROFILED_METRIC_INVALID');
    expect(ingress.address).toEqual(ADDRESS);
  });

  it('takes naming, prefix and buckets from the options', async () => {
    Ingress.forEngine(handler, { naming: 'dynamo', prefix: 'svc_', buckets: [1] }).addMetrics(ADDRESS);
    const labels = { dynamo_namespace: 'n', dynamo_component: 'c', dynamo_endpoint: 'e' };
    expect(await sample(getRegistry(), 'svc_inflight_requests', labels)).toBe(0);
    expect(await sample(getRegistry(), 'svc_request_duration_seconds_bucket', { ...labels, le: '1' })).toBe(0);
  });

  it('has to come before the first payload', async () => {
    const handled = Ingress.forEngine(handler).handlePayload(Buffer.of(), () => Promise.reject(new Error('')));
    await expect(handled).rejects.toThrow('PROFILED_TARGET_INVALID: this ingress has no endpoint yet');
  });
});

describe('a schema', () => {
  const standard = (result: unknown) => ({ '~standard': { validate: () => result } }) as never;

  it('converts', async () => {
    expect(await validatorOf((value) => Number(value))('7')).toBe(7);
    expect(await validatorOf({ parse: (value: unknown) => [value] })('7')).toEqual(['7']);
    expect(await validatorOf(standard({ value: 'seven' }))('7')).toBe('seven');
    expect(await validatorOf(standard(Promise.resolve({ value: 'later' })))('7')).toBe('later');
    expect(await validatorOf(undefined)('7')).toBe('7');
  });

  it('shows where the data is wrong', async () => {
    const issues = [{ message: 'required', path: ['a', { key: 0 }] }, { message: 'odd' }];
    await expect(validatorOf(standard({ issues }))({})).rejects.toThrow(
      "PROFILED_MESSAGE_INVALID: the request does not fit the handler's schema: a.0: required; odd",
    );
  });
});
