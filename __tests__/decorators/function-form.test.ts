import { Registry } from 'prom-client';
import { profiled, Profiled, ProfiledError, useRegistry } from '../../lib';
import { readings } from '../support/readings';
import { drain, ONE_ENDED } from './handler';

let registry: Registry;
beforeEach(() => useRegistry((registry = new Registry())));

const at = (endpoint: string) => readings(registry, { namespace: 'ns', component: 'comp', endpoint });

test('a plain function keeps name, length, this and result', async () => {
  const greet = profiled('ns.comp.greet', function greet(this: unknown, name: string) {
    return { name, self: this };
  });
  expect(greet.name).toBe('greet');
  expect(greet).toHaveLength(1);
  const owner = { greet };
  expect(owner.greet('you')).toEqual({ name: 'you', self: owner });
  expect(await at('greet')).toMatchObject({ ...ONE_ENDED, requestBytes: 3 });
});

test('a generator function', async () => {
  const letters = profiled(
    { namespace: 'ns', component: 'comp', endpoint: 'letters' },
    async function* (count: number) {
      for (let i = 0; i < count; i++) yield 'x';
    },
  );
  expect(await drain(letters(3))).toEqual(['x', 'x', 'x']);
  expect(await at('letters')).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
});

test('types: parameters with a default, and `this` of an object', () => {
  const repeat = profiled('ns.comp.repeat', (text: string, times = 1) => text.repeat(times));
  const whole: string = repeat('x', 2) + repeat('y');
  expect(whole).toBe('xxy');
  const greeter = profiled('ns.comp.greeter', {
    prefix: 'hello ',
    generate(name: string) {
      return this.prefix + name;
    },
  });
  const greeting: string = greeter.generate('you');
  expect(greeting).toBe('hello you');
});

test('a handler object is measured in place', async () => {
  const handler = {
    prefix: 'hello ',
    generate(name: string) {
      return this.prefix + name;
    },
  };
  expect(profiled('ns.comp.object', handler)).toBe(handler);
  expect(handler.generate('you')).toBe('hello you');
  expect(Object.keys(handler)).toEqual(['prefix', 'generate']);
  expect(await at('object')).toMatchObject(ONE_ENDED);
});

test('an instance with generate as a field', async () => {
  class Handler {
    generate = (name: string) => `hello ${name}`;
  }
  const handler = profiled('ns.comp.field', new Handler());
  expect(handler.generate('you')).toBe('hello you');
  expect(await at('field')).toMatchObject(ONE_ENDED);
});

test('one instance of a decorated class under an address of its own: one request', async () => {
  @Profiled('ns', 'comp', 'of-the-class')
  class Handler {
    generate(name: string) {
      return `hello ${name}`;
    }
  }
  const special = profiled('ns.comp.of-the-instance', new Handler());
  special.generate('you');
  new Handler().generate('you');
  expect(await at('of-the-instance')).toMatchObject(ONE_ENDED);
  expect(await at('of-the-class')).toMatchObject(ONE_ENDED);
});

test('a namespace may contain dots', async () => {
  profiled('a.b.comp.ep', () => 1)();
  expect(await readings(registry, { namespace: 'a.b' })).toMatchObject(ONE_ENDED);
});

test('custom metrics and prefix', async () => {
  const answer = profiled('ns.comp.answer', (question: string) => question.length, {
    prefix: 'service_',
    labels: { service: 'backend' },
    customMetrics: [{ type: 'gauge', name: 'last_answer', help: 'x', on: 'end', value: () => 42 }],
  });
  expect(answer('what?')).toBe(5);
  const text = await registry.metrics();
  const labels = 'component="comp",endpoint="answer",namespace="ns",service="backend"';
  expect(text).toContain(`service_requests_total{${labels}} 1`);
  expect(text).toContain(`last_answer{${labels}} 42`);
});

test.each<[string, () => unknown, RegExp]>([
  [
    'no handler',
    () => profiled('a.b.c', 3 as never),
    /PROFILED_HANDLER_INVALID: .* needs a function or an object with `generate`, got 3/,
  ],
  ['no address', () => profiled('a.b', () => 1), /PROFILED_TARGET_INVALID: `namespace` must be a name/],
  ['an address that is none', () => profiled(undefined as never, () => 1), /PROFILED_TARGET_INVALID/],
  ['a frozen handler', () => profiled('a.b.c', Object.freeze({ generate: () => 1 })), /the handler is frozen/],
  [
    'a measured one',
    () =>
      profiled(
        'a.b.c',
        profiled('a.b.c', () => 1),
      ),
    /measured already/,
  ],
  ['a bad metric', () => profiled('a.b.c', () => 1, { customMetrics: [{} as never] }), /PROFILED_METRIC_INVALID/],
])('%s is refused', (_, action, message) => {
  expect(action).toThrow(ProfiledError);
  expect(action).toThrow(message);
});
