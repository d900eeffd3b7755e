import { CustomMetric, type CustomMetricOptions, Profiled, type ProfiledOptions } from 'profiled';
import type { Case } from '../cases';
import type { HandlerClass } from '../handlers';
import { sizeOf } from '../instrument';
import type { Wrapper } from '../wrapper';

function decorated(target: HandlerClass, index: number, options: ProfiledOptions): HandlerClass {
  Profiled('bench', 'recording', `handler${index}`, options)(target);
  return target;
}

const form = (options: ProfiledOptions): Wrapper => ({
  wrap: (target, _, index) => new (decorated(target, index, options))(),
});

export const standard: Wrapper = form({ streamMetrics: false });
export const streaming: Wrapper = form({});
export const off: Wrapper = form({ streamMetrics: false, sizeOf: 'off' });
export const stringify: Wrapper = form({ streamMetrics: false, sizeOf });

function withMetric(optionsOf: (of: Case) => CustomMetricOptions): Wrapper {
  return {
    wrap(target, of, index) {
      const descriptor = Object.getOwnPropertyDescriptor(target.prototype, 'generate')!;
      CustomMetric(optionsOf(of))(target.prototype as object, 'generate', descriptor);
      Object.defineProperty(target.prototype, 'generate', descriptor);
      return new (decorated(target, index, { streamMetrics: false }))();
    },
  };
}

const metric = { type: 'counter', name: 'bench_seen_total', help: 'Requests seen' } as const;
export const custom: Wrapper = withMetric(() => metric);

const MODELS = ['llama', 'qwen', 'mistral', 'gemma'];
let turn = 0;
export const customWithLabel: Wrapper = withMetric(({ labelValues }) => {
  const models = labelValues ? Array.from({ length: labelValues }, (_, i) => `model${i}`) : MODELS;
  return {
    ...metric,
    name: 'bench_seen_by_model_total',
    labels: () => ({ model: models[turn++ % models.length] }),
  };
});
