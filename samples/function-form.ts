/**
 * Without decorators: a plain function, and an object that is somebody else's.
 *
 *   npm run sample samples/function-form.ts
 *
 * Expect requests_total 1 for the endpoint `add` and 1 for the endpoint `letters`.
 */
import { getRegistry, profiled } from 'profiled';
import { finish } from './support/process';

const add = profiled('samples.functions.add', async (a: number, b: number) => a + b);

const letters = profiled(
  { namespace: 'samples', component: 'functions', endpoint: 'letters' },
  {
    *generate(word: string) {
      yield* word;
    },
  },
);

async function main(): Promise<void> {
  console.log(await add(2, 3));
  console.log([...letters.generate('abc')]);
  console.log(await getRegistry().metrics());
}

finish(main());
