import { autometrics, type ExporterOptions, registerExporter } from '@autometrics/autometrics';
import { dirname } from 'node:path';
import type { Handler } from '../handlers';
import type { Wrapper } from '../wrapper';

/** It pins an SDK of its own, and records nothing unless a reader of that one is there. */
function ownReader(): ExporterOptions['metricReader'] {
  const path = require.resolve('@opentelemetry/sdk-metrics', {
    paths: [dirname(require.resolve('@autometrics/autometrics'))],
  });
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- its path is known only here
  const { MetricReader } = require(path) as { MetricReader: new () => ExporterOptions['metricReader'] };
  return new (
    class extends MetricReader {
      onForceFlush = () => Promise.resolve();
      onShutdown = () => Promise.resolve();
    } as unknown as new () => ExporterOptions['metricReader']
  )();
}

registerExporter({ metricReader: ownReader() });

export const usual: Wrapper = {
  wrap(target, _, index): Handler {
    const handler = new target();
    const options = { functionName: `handler${index}`, moduleName: 'recording', trackConcurrency: true };
    return { generate: autometrics(options, (request: string) => handler.generate(request)) };
  },
};
