import { Readable } from 'node:stream';
import { Counter, Registry } from 'prom-client';
import {
  Annotated,
  Context,
  CustomMetric,
  getRegistry,
  Ingress,
  Profiled,
  profiled,
  type ProfiledOptions,
  useRegistry,
} from '../../lib';
import { Recorder } from '../../lib/profile/recorder';
import { markServed } from '../../lib/profile/served';
import { eventuallyCollected } from '../support/eventually';
import { readings } from '../support/readings';
import { drain, handlerOf, ONE_ENDED } from './handler';

let registry: Registry;
beforeEach(() => useRegistry((registry = new Registry())));

const at = (endpoint: string) => readings(registry, { namespace: 'ns', component: 'comp', endpoint });

async function* letters() {
  yield 'a';
  yield 'b';
}

describe('a stream that its own request or handler holds is collected like any other', () => {
  test.each<[string, (call: (...args: unknown[]) => object) => void]>([
    [
      'the request holds it',
      (call) => {
        const job: { stream?: object } = {};
        job.stream = call(job);
      },
    ],
    [
      'a listener on its signal holds it',
      (call) => {
        const context = new Context('x');
        const stream = call(context);
        context.signal.addEventListener('abort', () => void stream);
      },
    ],
  ])('%s', async (_, hold) => {
    for (const result of [letters, () => ({ [Symbol.asyncIterator]: letters }), () => new ReadableStream()]) {
      const { call, read } = handlerOf<object>(result);
      for (let i = 0; i < 20; i++) hold(call);
      await eventuallyCollected('the abandoned streams are settled', async () => (await read()).inflight === 0);
      expect(await read()).toMatchObject({ requests: 20, ended: 20, cancellations: 0, errors: {} });
    }
  });

  test('the handler holds it', async () => {
    @Profiled('ns', 'comp', 'holder')
    class Handler {
      current: unknown;
      async *generate() {
        yield 'x';
      }
      start() {
        this.current = this.generate();
      }
    }
    (() => new Handler().start())();
    await eventuallyCollected('the abandoned stream is settled', async () => (await at('holder')).inflight === 0);
    expect(await at('holder')).toMatchObject(ONE_ENDED);
  });

  test("a metric recorded on 'end' hears of it", async () => {
    const events: unknown[] = [];
    @Profiled('ns', 'comp', 'ends')
    class Handler {
      @CustomMetric({
        type: 'counter',
        name: 'ends_total',
        help: 'x',
        on: 'end',
        value: ({ outcome, itemCount }) => events.push([outcome, itemCount]),
      })
      async *generate() {
        yield 'x';
      }
    }
    await (() => new Handler().generate().next())();
    await eventuallyCollected('the abandoned stream is settled', () => events.length > 0);
    expect(events).toEqual([['abandoned', 1]]);
  });
});

describe('a served handler is counted once, however it is reached', () => {
  const served = (handler: unknown) => {
    const context = new Context('x');
    const recorder = Recorder.forEndpoint({ namespace: 'ns', component: 'comp', endpoint: 'served' });
    markServed(context, handler, recorder);
    return context;
  };
  const make = () => {
    @Profiled('ns', 'comp', 'served')
    class Handler {
      async *generate(_context: Context<string>) {
        yield 'x';
      }
    }
    return new Handler();
  };

  test.each<
    [string, (handler: ReturnType<typeof make>) => [unknown, (context: Context<string>) => AsyncIterable<string>]]
  >([
    ['itself', (handler) => [handler, (context) => handler.generate(context)]],
    ['bound', (handler) => [() => {}, handler.generate.bind(handler)]],
    ['inside a function', (handler) => [() => {}, (context) => handler.generate(context)]],
  ])('%s', async (_, serve) => {
    const [subject, call] = serve(make());
    await drain(call(served(subject)));
    getRegistry();
    expect(await at('served')).toMatchObject({ requests: 0, ended: 0 });
  });

  test('another handler with another address that is given the same context counts for itself', async () => {
    @Profiled('ns', 'comp', 'inner')
    class Inner {
      async *generate(_context: Context<string>) {
        yield 'x';
      }
    }
    await drain(new Inner().generate(served({})));
    expect(await at('inner')).toMatchObject(ONE_ENDED);
  });
});

test('after registry.clear() the next scrape has the series again, and no call in between is lost', async () => {
  @Profiled('ns', 'comp', 'cleared')
  class Handler {
    generate() {
      return 'x';
    }
  }
  const handler = new Handler();
  handler.generate();
  registry.clear();
  handler.generate();
  expect(await registry.metrics()).not.toContain('requests_total');
  getRegistry();
  expect(await at('cleared')).toMatchObject({ requests: 2, ended: 2, inflight: 0 });
});

describe('generate set on the instance is refused in every spelling', () => {
  const fieldIn = (make: () => abstract new (...args: never[]) => object) => () =>
    (Profiled('ns', 'comp', 'field') as unknown as (target: unknown) => void)(make());
  class Method {
    generate() {
      return 'x';
    }
  }
  test.each<[string, () => void]>([
    [
      'a computed field',
      fieldIn(
        () =>
          class {
            ['generate'] = () => 1;
          },
      ),
    ],
    [
      'an assignment by index',
      fieldIn(
        () =>
          class {
            constructor() {
              (this as never)['generate'] = (() => 1) as never;
            }
          },
      ),
    ],
    [
      'a field of an undecorated parent',
      fieldIn(
        () =>
          class extends class {
            generate = () => 1;
          } {},
      ),
    ],
    [
      'an assignment over the own method',
      fieldIn(
        () =>
          class {
            constructor() {
              this.generate = () => 2;
            }
            generate() {
              return 1;
            }
          },
      ),
    ],
    [
      'an assignment over an inherited method',
      fieldIn(
        () =>
          class extends Method {
            constructor() {
              super();
              this.generate = () => 'y';
            }
          },
      ),
    ],
  ])('%s', (_, decorate) => {
    expect(decorate).toThrow(/PROFILED_HANDLER_INVALID: .* since it is a field/);
  });

  test.each<[string, () => void]>([
    [
      'a text that only mentions it',
      fieldIn(
        () =>
          class extends Method {
            modes() {
              return ['generate', 'edit'];
            }
          },
      ),
    ],
    [
      'a comment',
      fieldIn(
        () =>
          class extends Method {
            /* generate = nothing */ other() {
              return 1;
            } // generate = 2
          },
      ),
    ],
    [
      'a local variable',
      fieldIn(
        () =>
          class extends Method {
            other() {
              const generate = 1;
              return generate;
            }
          },
      ),
    ],
    [
      'a bound method',
      fieldIn(
        () =>
          class extends Method {
            constructor() {
              super();
              this.generate = this.generate.bind(this);
            }
          },
      ),
    ],
  ])('%s is not', (_, decorate) => {
    expect(decorate).not.toThrow();
  });
});

test('a method taken off its instance is measured too', async () => {
  @Profiled('ns', 'comp', 'detached')
  class Handler {
    async *generate(text: string) {
      yield* text;
    }
  }
  const { generate } = new Handler();
  expect(await drain(generate('ab'))).toEqual(['a', 'b']);
  expect(await at('detached')).toMatchObject({ ...ONE_ENDED, responseBytes: 2 });
});

test('a decorated base that binds its method, and a decorated child that calls super: one request', async () => {
  @Profiled('ns', 'comp', 'base')
  class Base {
    constructor() {
      this.generate = this.generate.bind(this);
    }
    generate(text: string) {
      return text;
    }
  }
  @Profiled('ns', 'comp', 'child')
  class Child extends Base {
    override generate(text: string) {
      return super.generate(text);
    }
  }
  expect(new Child().generate('x')).toBe('x');
  expect(await at('child')).toMatchObject(ONE_ENDED);
  new Base().generate('x');
  expect(await at('base')).toMatchObject(ONE_ENDED);
});

describe('what can not even be looked at is handed through, and leaves no gauge behind', () => {
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const strict = new Proxy(
    {},
    {
      get: () => {
        throw new Error('do not look');
      },
    },
  );
  const brokenPromise = Object.assign(Promise.resolve(1), {
    then: () => {
      throw new Error('no');
    },
  });

  test.each<[string, () => object]>([
    ['a revoked proxy', revoked],
    ['a proxy that throws', () => strict],
    ['a promise with a broken then', () => brokenPromise],
    ['a frozen Readable', () => Object.freeze(Readable.from(['a']))],
  ])('as a result: %s', async (_, make) => {
    const result = make();
    const { call, read } = handlerOf(() => result);
    expect(Object.is(call(), result)).toBe(true);
    expect(await read()).toMatchObject(ONE_ENDED);
  });

  test('as an argument and as an item: a revoked proxy', async () => {
    const item = revoked();
    const { call, read } = handlerOf((..._args: unknown[]) => {
      const steps = [
        { done: false, value: item },
        { done: true, value: undefined },
      ];
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(steps.shift()!) }) };
    });
    const seen: boolean[] = [];
    for await (const got of call(item) as AsyncIterable<unknown>) seen.push(Object.is(got, item));
    expect(seen).toEqual([true]);
    expect(await read()).toMatchObject({ ...ONE_ENDED, errors: {} });
    expect(Annotated.isError(item)).toBe(false);
    expect(Context.is(item)).toBe(false);
  });

  test('a registry that is none is refused', () => {
    expect(() => useRegistry(undefined as never)).toThrow(/PROFILED_CONFIG_INVALID: useRegistry needs/);
  });
});

test('one Readable as the answer to many calls ends them all', async () => {
  const stream = new Readable({ read() {} });
  const { call, read } = handlerOf(() => stream);
  for (let i = 0; i < 15_000; i++) call();
  stream.push('ab');
  stream.push(null);
  await drain(stream as AsyncIterable<unknown>);
  expect(await read()).toMatchObject({ requests: 15_000, inflight: 0, ended: 15_000, responseBytes: 30_000 });
});

describe('iterators of the language stay what they are', () => {
  test('an array iterator', async () => {
    const { call, read } = handlerOf(() => ['a', 'b'].values());
    expect([...call()]).toEqual(['a', 'b']);
    expect(await read()).toMatchObject({ ...ONE_ENDED, responseBytes: 2 });
  });

  test("another decorated handler's stream", async () => {
    const inner = handlerOf(letters);
    const { call, read } = handlerOf(() => inner.call());
    const stream = call();
    expect(stream[Symbol.asyncIterator]()).toBe(stream);
    expect(await drain(stream)).toEqual(['a', 'b']);
    expect(await read()).toMatchObject({ requests: 2, ended: 2, inflight: 0, responseBytes: 4 });
  });
});

test("an async callback of a custom metric drops its sample, and its rejection is nobody's", async () => {
  @Profiled('ns', 'comp', 'async')
  class Handler {
    @CustomMetric({
      type: 'counter',
      name: 'x_total',
      help: 'x',
      value: (() => Promise.reject(new Error('no'))) as never,
    })
    generate() {
      return 'x';
    }
  }
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  new Handler().generate();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  expect(await registry.metrics()).toContain('profiled_dropped_samples_total{metric="x_total",reason="value"} 1');
});

describe('a clash', () => {
  const warnings = (act: () => void): string[] => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
    act();
    const seen = emitWarning.mock.calls.map(([message, options]) => {
      return `${(options as { type: string }).type}: ${message as string}`;
    });
    emitWarning.mockRestore();
    return seen;
  };
  const handler = (options: ProfiledOptions = {}, endpoint = 'clash') =>
    profiled(`ns.comp.${endpoint}`, (text: string) => text, options);

  test('of a custom metric with a standard one is an error that shows both, and writes into neither', async () => {
    @Profiled('ns', 'comp', 'clash')
    class Handler {
      @CustomMetric({
        type: 'gauge',
        name: 'concurrent_requests',
        help: 'Number of requests currently being processed by work handler',
        value: () => 77,
      })
      generate() {
        return 'x';
      }
    }
    const seen = warnings(() => new Handler().generate());
    expect(seen.join()).toMatch(
      /ProfiledWarning: PROFILED_METRIC_CONFLICT: metric `concurrent_requests` .* a gauge .* a gauge/,
    );
    expect(await at('clash')).toMatchObject(ONE_ENDED);
  });

  test("with the app's own metric is visible although the log is off, and costs that metric alone", async () => {
    new Counter({ name: 'requests_total', help: 'mine', registers: [registry] });
    const seen = warnings(() => handler()('x'));
    expect(seen).toEqual([
      expect.stringMatching(/ProfiledWarning: .*`requests_total` was asked for .* but it already is a Counter/),
    ]);
    expect(await registry.metrics()).toContain(
      'request_bytes_total{component="comp",endpoint="clash",namespace="ns"} 1',
    );
  });

  test('of buckets at one address is told', async () => {
    const first = handler({ buckets: [1, 2] }, 'buckets');
    const second = handler({ buckets: [5] }, 'buckets');
    const seen = warnings(() => {
      first('x');
      second('x');
    });
    expect(seen.join()).toMatch(/buckets \[5\] are not used for .* another handler of that address set \[1, 2\]/);
  });

  test('of two classes at one address is none: all their series are there before any call', async () => {
    const make = (labels: Record<string, string>, name: string) => {
      @Profiled('ns', 'comp', 'two', { labels })
      class Handler {
        @CustomMetric({ type: 'counter', name, help: 'x' })
        generate() {
          return 'x';
        }
      }
      return Handler;
    };
    make({ model: 'a' }, 'first_total');
    make({ model: 'b' }, 'second_total');
    const text = await getRegistry().metrics();
    expect(text.match(/^requests_total\{.*endpoint="two".*\} 0$/gm)).toHaveLength(2);
    expect(text).toMatch(/^first_total\{.*model="a".*\} 0$/m);
    expect(text).toMatch(/^second_total\{.*model="b".*\} 0$/m);
  });

  test('of two @Profiled with other options is refused', () => {
    expect(() => {
      @Profiled('ns', 'comp', 'same', { prefix: 'a_' })
      @Profiled('ns', 'comp', 'same', { prefix: 'b_' })
      class Handler {
        generate() {
          return 'x';
        }
      }
      return Handler;
    }).toThrow(/is profiled as ns\.comp\.same already and can not have other options there/);
  });
});

describe('a misspelt option is refused by name', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      '@Profiled',
      () => Profiled('n', 'c', 'e', { bukets: [1] } as never),
      /@Profiled has no option `bukets`; the options are naming, prefix/,
    ],
    ['profiled', () => profiled('n.c.e', () => 1, { lables: {} } as never), /profiled has no option `lables`/],
    [
      '@CustomMetric',
      () => CustomMetric({ type: 'counter', name: 'x_total', help: 'x', onn: 'end' } as never),
      /@CustomMetric has no option `onn`/,
    ],
    [
      'nothing',
      () => CustomMetric(undefined as never),
      /the options of @CustomMetric must be an object, got undefined/,
    ],
    ['a class', () => profiled('n.c.e', class X {} as never), /X is a class; decorate it/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});

test('a measured method is no constructor, as a method is none', () => {
  @Profiled('ns', 'comp', 'method')
  class Handler {
    generate() {
      return 'x';
    }
  }
  expect(Object.hasOwn(Handler.prototype.generate, 'prototype')).toBe(false);
  expect(Ingress.forEngine(new Handler())).toBeInstanceOf(Ingress);
});
