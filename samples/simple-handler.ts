/**
 * Automatic metrics only: the handler knows nothing of metrics, and is called directly, in this process.
 *
 *   npm run sample samples/simple-handler.ts
 *
 * Expect the seven standard metrics, with two requests: one that came to its end and one whose consumer broke off.
 */
import { getRegistry, Profiled } from 'profiled';
import { finish } from './support/process';

@Profiled('samples', 'simple', 'words')
class SimpleHandler {
  async *generate(text: string) {
    for (const word of text.split(' ')) yield word;
  }
}

async function main(): Promise<void> {
  const handler = new SimpleHandler();
  for await (const word of handler.generate('every word is an item')) console.log(word);
  for await (const word of handler.generate('nobody hears the rest of this')) {
    console.log(word);
    break;
  }
  console.log(await getRegistry().metrics());
}

finish(main());
