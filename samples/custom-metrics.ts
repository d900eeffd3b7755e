/**
 * Metrics of your own beside the automatic ones: all four types, labels taken from the request, and each moment to record at.
 *
 *   npm run sample samples/custom-metrics.ts
 *
 * Expect prompts_total by model, queue_depth, answer_words as a histogram, answer_seconds as a summary, and one failure.
 */
import { CustomMetric, getRegistry, Profiled } from 'profiled';
import { finish } from './support/process';

interface Prompt {
  readonly model: string;
  readonly text: string;
}

@Profiled('samples', 'custom', 'answer')
class Answerer {
  @CustomMetric({
    type: 'counter',
    name: 'prompts_total',
    help: 'Prompts received, by model',
    labels: ({ request }) => ({ model: (request as Prompt).model }),
  })
  @CustomMetric({
    type: 'gauge',
    name: 'queue_depth',
    help: 'Prompts that wait',
    value: ({ handler }) => (handler as Answerer).waiting,
  })
  @CustomMetric({
    type: 'histogram',
    name: 'answer_words',
    help: 'Words in an answer',
    on: 'end',
    buckets: [1, 5, 10, 50],
    value: ({ itemCount }) => itemCount,
  })
  @CustomMetric({
    type: 'summary',
    name: 'answer_seconds',
    help: 'Time that an answer took',
    on: 'end',
    value: ({ durationSeconds = 0 }) => durationSeconds,
  })
  @CustomMetric({ type: 'counter', name: 'empty_prompts_total', help: 'Prompts refused for being empty', on: 'error' })
  async *generate(prompt: Prompt) {
    if (prompt.text === '') throw new Error('the prompt is empty');
    yield* prompt.text.split(' ');
  }

  readonly waiting = 3;
}

async function main(): Promise<void> {
  const answerer = new Answerer();
  const prompts: Prompt[] = [
    { model: 'small', text: 'to be or not to be' },
    { model: 'large', text: 'that is the question' },
    { model: 'small', text: '' },
  ];
  for (const prompt of prompts) {
    try {
      for await (const word of answerer.generate(prompt)) process.stdout.write(`${word} `);
    } catch (error) {
      process.stdout.write(`(${(error as Error).message})`);
    }
    process.stdout.write('\n');
  }
  console.log(await getRegistry().metrics());
}

finish(main());
