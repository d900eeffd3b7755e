import type { Registry } from 'prom-client';

import type * as Package from '../../lib';

type Profiled = typeof Package;

/** A copy of the package with module state of its own, as a second install in `node_modules` would be. */
function loadCopy(): Profiled {
  let copy!: Profiled;
  jest.isolateModules(() => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a second instance is the point
    copy = require('../../lib') as Profiled;
  });
  return copy;
}

const make = ({ Profiled, CustomMetric }: Profiled) => {
  @Profiled('ns', 'comp', 'shared')
  class Handler {
    @CustomMetric({ type: 'counter', name: 'custom_total', help: 'x' })
    generate(request: unknown) {
      return request;
    }
  }
  return new Handler();
};

const line = async (registry: Registry, name: string) =>
  (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name}{`));

test('two copies of the package, and modules loaded again, share one registry and one set of series', async () => {
  const [first, second] = [loadCopy(), loadCopy()];
  expect(first.Profiled).not.toBe(second.Profiled);
  expect(first.getRegistry()).toBe(second.getRegistry());
  first.getRegistry().clear();
  make(first).generate('a');
  make(second).generate('bc');
  make(loadCopy()).generate('def');
  const labels = '{component="comp",endpoint="shared",namespace="ns"}';
  expect(await line(first.getRegistry(), 'requests_total')).toBe(`requests_total${labels} 3`);
  expect(await line(first.getRegistry(), 'request_bytes_total')).toBe(`request_bytes_total${labels} 6`);
  expect(await line(first.getRegistry(), 'custom_total')).toBe(`custom_total${labels} 3`);
});

test('a context, an error item and an error of one copy are known to another', async () => {
  const [first, second] = [loadCopy(), loadCopy()];
  const handler = make(first);
  second.getRegistry().resetMetrics();
  handler.generate(new second.Context('12345'));
  handler.generate(second.Annotated.fromError('bad'));
  expect(await line(second.getRegistry(), 'request_bytes_total')).toMatch(/ \d+$/);
  const errors = (await second.getRegistry().metrics())
    .split('\n')
    .filter((text) => text.includes('error_type="generate"'));
  expect(errors).toEqual([expect.stringMatching(/endpoint="shared".* 1$/)]);
  expect(first.ProfiledError.is(new second.ProfiledError('PROFILED_TIMEOUT', 'x'))).toBe(true);
});

test('a cleared registry gets the series again when the next handler asks for them', async () => {
  const copy = loadCopy();
  make(copy).generate('a');
  copy.getRegistry().clear();
  make(copy).generate('a');
  expect(await line(copy.getRegistry(), 'requests_total')).toMatch(/ 1$/);
});
