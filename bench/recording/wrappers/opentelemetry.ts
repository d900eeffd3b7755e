import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { instrument, type Recording, sizeOf } from '../instrument';
import type { Wrapper } from '../wrapper';

const provider = new MeterProvider({ readers: [new PrometheusExporter({ preventServerStart: true })] });
const meter = provider.getMeter('bench');
const requests = meter.createCounter('requests_total');
const inflight = meter.createUpDownCounter('concurrent_requests');
const requestBytes = meter.createCounter('request_bytes_total');
const responseBytes = meter.createCounter('response_bytes_total');
const errors = meter.createCounter('errors_total');
const cancellations = meter.createCounter('cancellation_total');
const duration = meter.createHistogram('request_duration_seconds', {
  advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
});

function recordingOf(endpoint: string): Recording<number> {
  return {
    begin(request) {
      requests.add(1, { namespace: 'bench', component: 'recording', endpoint });
      inflight.add(1, { namespace: 'bench', component: 'recording', endpoint });
      requestBytes.add(sizeOf(request), { namespace: 'bench', component: 'recording', endpoint });
      return performance.now();
    },
    item: (item) => responseBytes.add(sizeOf(item), { namespace: 'bench', component: 'recording', endpoint }),
    failed: () => errors.add(1, { namespace: 'bench', component: 'recording', endpoint, error_type: 'generate' }),
    cancelled: () => cancellations.add(1, { namespace: 'bench', component: 'recording', endpoint }),
    end(begun) {
      inflight.add(-1, { namespace: 'bench', component: 'recording', endpoint });
      const seconds = (performance.now() - begun) / 1_000;
      duration.record(seconds, { namespace: 'bench', component: 'recording', endpoint });
    },
  };
}

export const usual: Wrapper = {
  wrap: (target, of, index) => instrument(target, of, recordingOf(`handler${index}`)),
};
