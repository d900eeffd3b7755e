/**
 * The same decorators under TC39's standard: this folder's tsconfig.json leaves `experimentalDecorators` off.
 *
 *   npm run sample samples/standard/quickstart.ts
 *
 * Expect requests_total 1, and characters_total 5 from the custom metric.
 */
import { CustomMetric, getRegistry, Profiled } from 'profiled';

@Profiled('samples', 'standard', 'letters')
class Letters {
  static #made = 0;
  static get made() {
    return Letters.#made;
  }

  @CustomMetric({ type: 'counter', name: 'characters_total', help: 'Characters sent', on: 'item' })
  async *generate(word: string) {
    Letters.#made += 1;
    yield* word;
  }
}

async function main(): Promise<void> {
  for await (const letter of new Letters().generate('hello')) console.log(letter);
  console.log(`${Letters.made} word`, await getRegistry().metrics());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
