import 'reflect-metadata';
import { Registry } from 'prom-client';
import { CustomMetric, getRegistry, Profiled, ProfiledError, type SingleIn, useRegistry } from '../../lib';
import { endpointOf } from '../../lib/profile/endpoint';
import { readings } from '../support/readings';
import { ONE_ENDED } from './handler';

let registry: Registry;
beforeEach(() => useRegistry((registry = new Registry())));

const at = (endpoint: string) => readings(registry, { namespace: 'ns', component: 'comp', endpoint });
const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return ProfiledError.is(error) ? error.message : String(error);
  }
  return 'nothing was thrown';
};

test('the suite runs under the standard that it says', () => {
  const seen: unknown[] = [];
  const look = (...args: unknown[]): void => void seen.push(...args);
  class Looked {
    @look
    method() {}
  }
  expect(new Looked()).toBeDefined();
  const kind = (seen[1] as { kind?: string }).kind;
  expect((globalThis as { DECORATORS?: string }).DECORATORS).toBe(kind === 'method' ? 'standard' : 'legacy');
});

describe('the class keeps its identity', () => {
  const order: string[] = [];

  @Profiled('ns', 'comp', 'identity')
  class Handler {
    static made = 0;
    static count() {
      return ++Handler.made;
    }
    static {
      order.push('static block');
    }
    #secret: string;
    readonly field = 'field';
    constructor(secret = 'secret') {
      Handler.made += 1;
      this.#secret = secret;
    }
    get computed() {
      order.push('getter');
      return this.#secret;
    }
    [Symbol.for('mine')]() {
      return 'symbol';
    }
    generate(first: string, _second?: string) {
      return `${first} ${this.#secret}`;
    }
    other() {
      return this.generate('via other');
    }
  }

  test('constructor, instanceof, name, statics, private fields, symbols', () => {
    const handler = new Handler('mine');
    expect(handler).toBeInstanceOf(Handler);
    expect(handler.constructor).toBe(Handler);
    expect(Handler.name).toBe('Handler');
    expect(Handler.count()).toBe(2);
    expect(handler.generate('hello')).toBe('hello mine');
    expect(handler.other()).toBe('via other mine');
    expect((handler as unknown as Record<symbol, () => string>)[Symbol.for('mine')]!()).toBe('symbol');
    expect(Object.keys(handler)).toEqual(['field']);
  });

  test('no getter runs while the class is decorated or bound', async () => {
    expect(order).toEqual(['static block']);
    await at('identity').catch(() => undefined);
    expect(order).toEqual(['static block']);
  });

  test('the method keeps name, length and flags, and works with any `this`', () => {
    const descriptor = Object.getOwnPropertyDescriptor(Handler.prototype, 'generate')!;
    expect(descriptor).toMatchObject({ writable: true, enumerable: false, configurable: true });
    expect(descriptor.value).toHaveProperty('name', 'generate');
    expect(descriptor.value).toHaveProperty('length', 2);
    expect(() => descriptor.value.call(undefined, 'x')).toThrow(TypeError);
  });
});

describe('inheritance: one request is one request', () => {
  test('a subclass that does not override counts under its parent', async () => {
    @Profiled('ns', 'comp', 'parent')
    class Parent {
      generate() {
        return 'x';
      }
    }
    class Child extends Parent {}
    new Child().generate();
    expect(await at('parent')).toMatchObject(ONE_ENDED);
  });

  test('both decorated, the child not overriding: counted once, under the child', async () => {
    @Profiled('ns', 'comp', 'parent')
    class Parent {
      generate(name: string) {
        return `hello ${name}`;
      }
    }
    @Profiled('ns', 'comp', 'child')
    class Child extends Parent {}
    expect(new Child().generate('you')).toBe('hello you');
    expect(Child.prototype.generate).toHaveLength(1);
    new Parent().generate('me');
    expect(await at('child')).toMatchObject({ ...ONE_ENDED, requestBytes: 3 });
    expect(await at('parent')).toMatchObject({ ...ONE_ENDED, requestBytes: 2 });
  });

  test('both decorated, the child calling super later, in a stream: counted once, under the child', async () => {
    @Profiled('ns', 'comp', 'parent')
    class Parent {
      async *generate(request: string) {
        yield request;
      }
    }
    @Profiled('ns', 'comp', 'child')
    class Child extends Parent {
      override async *generate(request: string) {
        await Promise.resolve();
        yield* super.generate(`${request}!`);
      }
    }
    for await (const item of new Child().generate('hi')) expect(item).toBe('hi!');
    for await (const item of new Parent().generate('hey')) expect(item).toBe('hey');
    expect(await at('child')).toMatchObject({ ...ONE_ENDED, requestBytes: 2, responseBytes: 3 });
    expect(await at('parent')).toMatchObject({ ...ONE_ENDED, requestBytes: 3 });
  });

  test('only the parent decorated, the child overriding with super: the parent counts its part', async () => {
    @Profiled('ns', 'comp', 'parent')
    class Parent {
      generate(request: string) {
        return request;
      }
    }
    class Child extends Parent {
      override generate(request: string) {
        return `child of ${super.generate(request)}`;
      }
    }
    expect(new Child().generate('x')).toBe('child of x');
    expect(await at('parent')).toMatchObject({ ...ONE_ENDED, responseBytes: 1 });
  });

  test('an abstract parent gives its address to a subclass that is decorated, and is no request itself', async () => {
    @Profiled('ns', 'comp', 'abstract')
    abstract class Parent {
      abstract generate(request: string): string;
    }
    @Profiled('ns', 'comp', 'concrete')
    class Child extends Parent {
      generate(request: string) {
        return request;
      }
    }
    new Child().generate('x');
    expect(await at('concrete')).toMatchObject(ONE_ENDED);
    expect(endpointOf(Parent.prototype)?.address.endpoint).toBe('abstract');
    expect(endpointOf(new Child())?.address.endpoint).toBe('concrete');
  });

  test('a decorated child of a plain parent', async () => {
    class Parent {
      generate(request: string) {
        return request;
      }
    }
    @Profiled('ns', 'comp', 'child')
    class Child extends Parent {}
    new Child().generate('x');
    new Parent().generate('x');
    expect(await at('child')).toMatchObject(ONE_ENDED);
  });

  test('a custom metric of the parent carries the labels of the child', async () => {
    class Parent {
      @CustomMetric({ type: 'counter', name: 'seen_total', help: 'Calls seen' })
      generate(request: string) {
        return request;
      }
    }
    @Profiled('ns', 'comp', 'child')
    class Child extends Parent {}
    new Child().generate('x');
    expect(await registry.metrics()).toContain('seen_total{component="comp",endpoint="child",namespace="ns"} 1');
    expect(await at('child')).toMatchObject(ONE_ENDED);
  });
});

describe('decorating twice', () => {
  test('with the same address counts once', async () => {
    @Profiled('ns', 'comp', 'twice')
    @Profiled('ns', 'comp', 'twice')
    class Handler {
      generate() {
        return 'x';
      }
    }
    new Handler().generate();
    expect(await at('twice')).toMatchObject(ONE_ENDED);
  });

  test('with two addresses is refused', () => {
    expect(
      codeOf(() => {
        @Profiled('ns', 'comp', 'second')
        @Profiled('ns', 'comp', 'first')
        class Handler {
          generate() {
            return 'x';
          }
        }
        return Handler;
      }),
    ).toMatch(
      /PROFILED_HANDLER_INVALID: class Handler is profiled as ns\.comp\.first already and can not be ns\.comp\.second/,
    );
  });

  test('two classes with one address, as after a hot reload, share their series', async () => {
    const make = () => {
      @Profiled('ns', 'comp', 'reloaded')
      class Handler {
        generate() {
          return 'x';
        }
      }
      return new Handler();
    };
    make().generate();
    make().generate();
    expect(await at('reloaded')).toMatchObject({ requests: 2, ended: 2, inflight: 0 });
  });
});

describe('what can not be measured is refused', () => {
  test('generate as a field', () => {
    expect(
      codeOf(() => {
        @Profiled('ns', 'comp', 'field')
        class Handler {
          generate = (request: string) => request;
        }
        return Handler;
      }),
    ).toMatch(/PROFILED_HANDLER_INVALID: @Profiled can not measure `generate` of class Handler, since it is a field/);
  });

  test('generate as a field that hides the method of a parent', () => {
    class Parent {
      generate(request: string) {
        return request;
      }
    }
    expect(
      codeOf(() => {
        class Child extends Parent {
          constructor() {
            super();
            this.generate = (request) => request;
          }
        }
        (Profiled('ns', 'comp', 'field') as ClassDecorator)(Child);
      }),
    ).toMatch(/PROFILED_HANDLER_INVALID: @Profiled can not measure `generate` of class Child, since it is a field/);
  });

  test('but a child that only binds the method of its parent is measured', async () => {
    class Parent {
      generate(request: string) {
        return request;
      }
    }
    @Profiled('ns', 'comp', 'binds')
    class Child extends Parent {
      constructor() {
        super();
        this.generate = this.generate.bind(this);
      }
    }
    new Child().generate('x');
    expect(await at('binds')).toMatchObject(ONE_ENDED);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['an empty name', () => Profiled('ns', '', 'ep'), /PROFILED_TARGET_INVALID: `component` must be a name/],
    ['a missing name', () => Profiled('ns', 'c', undefined as never), /`endpoint` must be a name .*undefined/],
    [
      'a bad prefix',
      () => Profiled('n', 'c', 'e', { prefix: '9-' }),
      /`prefix` must be text that can begin a metric name/,
    ],
    [
      'a bad naming',
      () => Profiled('n', 'c', 'e', { naming: 'x' as never }),
      /`naming` must be 'plain' or 'dynamo', got "x"/,
    ],
    ['bad buckets', () => Profiled('n', 'c', 'e', { buckets: [2, 1] }), /`buckets` must be .* ascending .*\[2, 1\]/],
    [
      'a reserved label',
      () => Profiled('n', 'c', 'e', { labels: { namespace: 'x' } }),
      /label "namespace" .* hierarchy/,
    ],
    [
      'a bad sizeOf',
      () => Profiled('n', 'c', 'e', { sizeOf: 3 as never }),
      /`sizeOf` must be a function or 'off', got 3/,
    ],
    ['no arguments at all', () => Profiled(class {} as never), /@Profiled needs its address/],
    [
      'a method',
      () => (Profiled('n', 'c', 'e') as never as MethodDecorator)({}, 'm', {}),
      /@Profiled decorates a class/,
    ],
    [
      'a metric on a field',
      () =>
        (CustomMetric({ type: 'counter', name: 'x_total', help: 'x' }) as unknown as PropertyDecorator)({}, 'field'),
      /@CustomMetric decorates a method, but was put on field, which is no method/,
    ],
  ])('%s', (_, action, message) => {
    expect(codeOf(action)).toMatch(message);
  });
});

describe('generate as a getter', () => {
  test('what it gives out is measured', async () => {
    const answer = (request: string) => request;
    @Profiled('ns', 'comp', 'getter')
    class Handler {
      get generate() {
        return answer;
      }
    }
    const handler = new Handler();
    expect(handler.generate).toBe(handler.generate);
    expect(handler.generate('abc')).toBe('abc');
    expect(await at('getter')).toMatchObject({ ...ONE_ENDED, responseBytes: 3 });
  });
});

describe('what others put on the method survives', () => {
  test('Reflect metadata, as NestJS keeps its routes, above and below our decorators', () => {
    const route = (path: string) =>
      ((target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
        Reflect.defineMetadata('path', path, descriptor ? descriptor.value : target);
        return descriptor;
      }) as never as (value: object, context: ClassMethodDecoratorContext | string | symbol) => void;
    const metric = CustomMetric({ type: 'counter', name: 'x_total', help: 'x' });

    @Profiled('ns', 'comp', 'routes')
    class Controller {
      @route('/below')
      generate(_request: SingleIn<string>) {}
      @metric
      @route('/inner')
      inner() {}
      @route('/outer')
      @metric
      outer() {}
    }
    expect(Reflect.getMetadata('path', Controller.prototype.generate)).toBe('/below');
    expect(Reflect.getMetadata('path', Controller.prototype.inner)).toBe('/inner');
    expect(Reflect.getMetadata('path', Controller.prototype.outer)).toBe('/outer');
  });
});

test('binding to an instance before the call does not lose the measurement', async () => {
  @Profiled('ns', 'comp', 'bound')
  class Handler {
    constructor() {
      this.generate = this.generate.bind(this);
    }
    generate() {
      return 'x';
    }
  }
  const { generate } = new Handler();
  generate();
  expect(await at('bound')).toMatchObject(ONE_ENDED);
});

test('series exist at 0 from the first scrape on, before any call', async () => {
  @Profiled({ namespace: 'ns', component: 'comp', endpoint: 'uncalled' })
  class Handler {
    generate() {
      return 'x';
    }
  }
  expect(new Handler()).toBeDefined();
  expect(getRegistry()).toBe(registry);
  expect(await at('uncalled')).toMatchObject({ requests: 0, inflight: 0, ended: 0, errors: {} });
});

test('another current registry takes what comes after', async () => {
  @Profiled('ns', 'comp', 'moved')
  class Handler {
    generate() {
      return 'x';
    }
  }
  const handler = new Handler();
  handler.generate();
  const second = new Registry();
  useRegistry(second);
  handler.generate();
  expect(await at('moved')).toMatchObject({ requests: 1 });
  expect(await readings(second, { endpoint: 'moved' })).toMatchObject({ requests: 1 });
});
