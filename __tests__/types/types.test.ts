import { compile, type Complaint } from './compile';

const IMPORTS = `
import {
  Annotated, type AsyncEngine, type Context, type Counter, CustomMetric, type ErrorCode, getRegistry, type ManyOut,
  type MetricEvent, type MetricsScope, Profiled, profiled, ProfiledError, ResponseStream, type SingleIn,
} from 'profiled';
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type IsAny<T> = 0 extends 1 & T ? true : false;
declare const scope: MetricsScope;
export { Annotated, CustomMetric, getRegistry, Profiled, profiled, ProfiledError, ResponseStream, scope };
export type Unused = [AsyncEngine<1, 1>, Context<1>, Counter, ErrorCode, ManyOut<1>, MetricEvent, SingleIn<1>, Equal<1, 1>, IsAny<1>];
`;

/** Snippets that must not compile: the line marked `// wrong` is the one complained of, and the message says why. */
const WRONG: readonly (readonly [name: string, why: RegExp, code: string])[] = [
  [
    '@Profiled on a class without generate',
    /generate/,
    `@Profiled('n', 'c', 'e') // wrong
     export class H { handle(request: string) { return request; } }`,
  ],
  [
    '@Profiled on a class whose generate is no method',
    /generate/,
    `@Profiled('n', 'c', 'e') // wrong
     export class H { readonly generate = 'text'; }`,
  ],
  [
    '@Profiled with a missing argument',
    /argument|overload/,
    `@Profiled('n', 'c') // wrong
     export class H { generate() {} }`,
  ],
  [
    '@Profiled with an address that lacks a level',
    /endpoint/,
    `@Profiled({ namespace: 'n', component: 'c' }) // wrong
     export class H { generate() {} }`,
  ],
  [
    '@Profiled without a call',
    /decorator/,
    `@Profiled // wrong
     export class H { generate() {} }`,
  ],
  [
    '@Profiled on a method',
    /decorator/,
    `export class H {
       @Profiled('n', 'c', 'e') // wrong
       generate() {}
     }`,
  ],
  ...(
    [
      ["{ naming: 'rust' }", /naming|'"rust"'/],
      ["{ prefx: 'x_' }", /prefx/],
      ["{ buckets: 'huge' }", /buckets|'"huge"'/],
      ["{ buckets: [1, '2'] }", /string/],
      ["{ sizeOf: 'on' }", /sizeOf|'"on"'/],
      ['{ sizeOf: (value: unknown) => String(value) }', /string/],
      ['{ labels: { service: 1 } }', /number/],
    ] as const
  ).map(
    ([options, why]) =>
      [
        `@Profiled with ${options}`,
        why,
        `@Profiled('n', 'c', 'e', ${options}) // wrong
         export class H { generate() {} }`,
      ] as const,
  ),
  ...(
    [
      ["{ type: 'meter', name: 'x', help: 'x' }", /'"meter"'/],
      ["{ type: 'counter', name: 'x_total', help: 'x', on: 'start' }", /'"start"'/],
      ["{ type: 'counter', name: 'x_total' }", /help/],
      ["{ type: 'counter', help: 'x' }", /name/],
      ["{ type: 'counter', name: 'x_total', help: 'x', value: () => 'many' }", /string/],
      ["{ type: 'counter', name: 'x_total', help: 'x', value: (event) => event.request.length }", /unknown/],
      ["{ type: 'counter', name: 'x_total', help: 'x', labels: () => 'route' }", /string/],
      ["{ type: 'counter', name: 'x_total', help: 'x', when: 'item' }", /when/],
    ] as const
  ).map(
    ([options, why]) =>
      [
        `@CustomMetric with ${options}`,
        why,
        `export class H {
           @CustomMetric(${options}) // wrong
           generate() {}
         }`,
      ] as const,
  ),
  [
    '@CustomMetric on a class',
    /decorator/,
    `@CustomMetric({ type: 'counter', name: 'x_total', help: 'x' }) // wrong
     export class H { generate() {} }`,
  ],
  [
    '@CustomMetric on a field',
    /decorator/,
    `export class H {
       @CustomMetric({ type: 'counter', name: 'x_total', help: 'x' }) // wrong
       readonly generate = () => 1;
     }`,
  ],
  [
    'a vec with an unknown label',
    /rote/,
    `scope.createCounterVec('x_total', 'x', ['route', 'code']).labels({ rote: '/', code: 1 }).inc(); // wrong`,
  ],
  [
    'a vec with a missing label',
    /code/,
    `scope.createGaugeVec('x', 'x', ['route', 'code']).labels({ route: '/' }).set(1); // wrong`,
  ],
  [
    'a vec with a label too many',
    /status/,
    `scope.createHistogramVec('x', 'x', ['route']).labels({ route: '/', status: 1 }).observe(1); // wrong`,
  ],
  ['a counter that is set', /set/, `scope.createCounter('x_total', 'x').set(1); // wrong`],
  ['a counter that goes down', /dec/, `scope.createCounter('x_total', 'x').dec(); // wrong`],
  ['a counter that is assigned', /read-only/, `scope.createCounter('x_total', 'x').value = 1; // wrong`],
  ['constant labels that are numbers', /number/, `scope.createCounter('x_total', 'x', { shard: 1 }); // wrong`],
  ['profiled() with no handler', /number/, `profiled('n.c.e', 5); // wrong`],
  ['profiled() with an object without generate', /Handler/, `profiled('n.c.e', { handle() {} }); // wrong`],
  ['profiled() with half an address', /endpoint/, `profiled({ namespace: 'n', component: 'c' }, () => 1); // wrong`],
  ['profiled() with an unknown option', /prefx/, `profiled('n.c.e', () => 1, { prefx: '' }); // wrong`],
  [
    'a call of what profiled() returns with the wrong argument',
    /number/,
    `void profiled('n.c.e', async (question: string) => question.length)(5); // wrong`,
  ],
  [
    'a decorated class with the wrong constructor argument',
    /number/,
    `@Profiled('n', 'c', 'e')
     class H { constructor(readonly name: string) {} generate() {} }
     new H(5); // wrong`,
  ],
  [
    'an engine that answers the wrong type',
    /generate/,
    `export class H implements AsyncEngine<string, Annotated<string>> {
       async *generate(request: SingleIn<string>) { yield Annotated.fromData(request.data.length); } // wrong
     }`,
  ],
  ['a code that does not exist', /PROFILED_OOPS/, `export const code: ErrorCode = 'PROFILED_OOPS'; // wrong`],
  ['a change of what was sent', /read-only/, `export const f = (c: Context<string>) => { c.data = 'x'; }; // wrong`],
];

/** Snippets that must compile; the assertions in them are types. */
const RIGHT: Readonly<Record<string, string>> = {
  'a decorated engine keeps its type': `
    @Profiled('n', 'c', 'e', { naming: 'dynamo', buckets: 'inference', labels: { service: 's' }, sizeOf: 'off' })
    class H implements AsyncEngine<string, Annotated<string>> {
      static readonly limit = 3;
      #secret = 1;
      constructor(readonly name: string, protected readonly size = 1) {}
      async *generate(request: SingleIn<string>) {
        for (const char of request.data) yield Annotated.fromData(char + this.#secret);
      }
    }
    const made = new H('name');
    export const same: [
      Equal<typeof made, H>,
      Equal<typeof made.name, string>,
      Equal<typeof H.limit, 3>,
      Equal<ConstructorParameters<typeof H>, [name: string, size?: number]>,
      Equal<Parameters<H['generate']>, [request: Context<string>]>,
      Equal<ReturnType<H['generate']>, AsyncGenerator<Annotated<string>, void, unknown>>,
    ] = [true, true, true, true, true, true];`,
  'an object for an address': `
    @Profiled({ namespace: 'n', component: 'c', endpoint: 'e', prefix: 'service_' })
    export class H { generate(first: number, second?: Date) { return [first, second] as const; } }`,
  'an abstract class, a generic one, a subclass of one': `
    @Profiled('n', 'c', 'abstract')
    export abstract class Base<T> { abstract generate(request: SingleIn<T>): ManyOut<T>; }
    @Profiled('n', 'c', 'echo')
    export class Echo<T> extends Base<T> {
      async *generate(request: SingleIn<T>) { yield request.data; }
    }
    export const same: Equal<ReturnType<Echo<Date>['generate']>, AsyncGenerator<Awaited<Date>, void, unknown>> = true;`,
  'a decorated method keeps its type': `
    class H {
      @CustomMetric({ type: 'counter', name: 'x_total', help: 'x' })
      @CustomMetric({ type: 'histogram', name: 'x_seconds', help: 'x', on: 'end', buckets: [1, 2],
        value: (event) => event.durationSeconds ?? 0, labels: ({ outcome }) => ({ outcome }) })
      async generate(request: string, retries = 1): Promise<number> { return request.length + retries; }
    }
    export const same: Equal<H['generate'], (request: string, retries?: number) => Promise<number>> = true;`,
  'a function keeps its type': `
    const answer = profiled('n.c.e', async (question: string, limit?: number) => question.slice(limit));
    const pick = profiled({ namespace: 'n', component: 'c', endpoint: 'e' }, <T>(items: readonly T[]): T | undefined => items[0]);
    async function* stream(this: Date, n: number) { yield n; }
    const measured = profiled('n.c.e', stream, { customMetrics: [{ type: 'gauge', name: 'x', help: 'x' }] });
    export const same: [
      Equal<typeof answer, (question: string, limit?: number) => Promise<string>>,
      Equal<typeof pick, <T>(items: readonly T[]) => T | undefined>,
      Equal<typeof measured, typeof stream>,
    ] = [true, true, true];`,
  'a handler object keeps its type': `
    class H { readonly extra = 1; generate(request: number) { return request; } }
    const handler = profiled('n.c.e', new H());
    export const same: Equal<typeof handler, H> = true;`,
  'nothing is any': `
    const counter = scope.createCounter('x_total', 'x');
    const vec = scope.createCounterVec('x_total', 'x', ['route']);
    const item = Annotated.fromData({ text: 'x' });
    declare const context: Context<{ text: string }>;
    const [data, rest] = context.intoParts();
    const stream = ResponseStream.from(['x'], rest);
    export const none: [
      IsAny<typeof counter>, IsAny<ReturnType<typeof vec.labels>>, IsAny<typeof item.data>, IsAny<typeof data>,
      IsAny<ReturnType<typeof getRegistry>>, IsAny<MetricEvent['request']>, IsAny<MetricEvent['handler']>,
      IsAny<ProfiledError['cause']>, IsAny<Parameters<typeof Profiled>>, IsAny<ReturnType<typeof CustomMetric>>,
    ] = [false, false, false, false, false, false, false, false, false, false];
    export const same: [
      Equal<ReturnType<typeof vec.labels>, Counter>,
      Equal<Parameters<typeof vec.labels>, [values: Readonly<Record<'route', unknown>>]>,
      Equal<typeof item.data, { text: string } | undefined>,
      Equal<typeof data, { text: string }>,
      Equal<typeof stream, ResponseStream<string>>,
      Equal<MetricEvent['request'], unknown>,
    ] = [true, true, true, true, true, true];`,
  'an error is told by its code': `
    export function status(error: unknown): number {
      if (!ProfiledError.is(error)) return 500;
      const code: ErrorCode = error.code;
      return code === 'PROFILED_TIMEOUT' ? 504 : 503;
    }`,
  'a function of several shapes serves as an engine': `
    export const engines: AsyncEngine<string, string>[] = [
      { async *generate(request) { yield request.data; } },
      { generate: async (request) => ResponseStream.from([request.data], request) },
    ];`,
};

describe.each(['tsconfig.json', 'tsconfig.standard.json'])('with the options of %s', (tsconfig) => {
  let complaints: ReadonlyMap<string, Complaint[]>;

  beforeAll(() => {
    const wrong = WRONG.map(([name, , code]) => [name, `${IMPORTS}\n${code}`]);
    const right = Object.entries(RIGHT).map(([name, code]) => [name, `${IMPORTS}\n${code}`]);
    complaints = compile(tsconfig, Object.fromEntries([...wrong, ...right]) as Record<string, string>);
  }, 60_000);

  test.each(WRONG)('does not compile: %s', (name, why) => {
    const found = complaints.get(name)!;
    expect(found).not.toEqual([]);
    expect(found.filter(({ line }) => !line.includes('// wrong'))).toEqual([]);
    expect(found.map(({ message }) => message).join('\n')).toMatch(why);
  });

  test.each(Object.keys(RIGHT))('compiles: %s', (name) => {
    expect(complaints.get(name)).toEqual([]);
  });
});
