import { checkCustomMetric, type CustomMetricOptions } from '../lib/profile/custom-metric';
import { measure } from '../lib/profile/measure';
import { type MethodDecoratorOfBoth, methodDecorator } from './standards';

/**
 * Records a metric of your own for each call of a method: a counter, gauge, histogram or summary, on arrival, for each item, at
 * the end or on failure. Several can be stacked. On a class with `@Profiled` it carries the endpoint's labels.
 *
 * It costs a function call a sample, and a look-up when there are `labels`. A callback that throws costs its own sample only.
 *
 * @throws PROFILED_METRIC_INVALID for a definition that no registry would take, PROFILED_HANDLER_INVALID off a method
 *
 * @example
 * @CustomMetric({ type: 'counter', name: 'my_bytes_total', help: 'Bytes seen', value: ({ request }) => sizeOf(request) })
 * async *generate(request: SingleIn<string>) { ... }
 */
export function CustomMetric(options: CustomMetricOptions): MethodDecoratorOfBoth {
  checkCustomMetric(options);
  const definition = Object.freeze({ ...options });
  return methodDecorator('CustomMetric', (original, key) => {
    const { wrapper, method } = measure(original as never, key);
    // Decorators apply from the inside out; the reader's order is from the outside in.
    method.customMetrics.unshift(definition);
    return wrapper;
  });
}
