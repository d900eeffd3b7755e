import type { StandardSet } from '../metrics/standard';

type Texts = Readonly<Record<string, string>>;

/** What a ServiceMonitor is made with. */
export interface ServiceMonitorOptions {
  readonly name: string;
  /** The Kubernetes namespace of the ServiceMonitor and of the Services; undefined leaves it to `kubectl`. */
  readonly kubernetesNamespace?: string | undefined;
  /** Labels of the ServiceMonitor itself, which a Prometheus may select by. */
  readonly metadataLabels: Texts;
  /** Labels of the Services to scrape. */
  readonly selector: Texts;
  /** The name of the Service's port. */
  readonly port: string;
  readonly path: string;
  readonly interval: string;
  readonly scheme: 'http' | 'https';
  /** The Secret and its key that hold a bearer token. */
  readonly bearerSecret?: { readonly name: string; readonly key: string } | undefined;
}

/** The object for the Prometheus Operator, `monitoring.coreos.com/v1`. */
export function serviceMonitor(sets: readonly StandardSet[], options: ServiceMonitorOptions): object {
  const { name, kubernetesNamespace, metadataLabels, selector, port, path, interval, scheme, bearerSecret } = options;
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: {
      name,
      ...(kubernetesNamespace !== undefined && { namespace: kubernetesNamespace }),
      ...(Object.keys(metadataLabels).length > 0 && { labels: metadataLabels }),
    },
    spec: {
      selector: { matchLabels: selector },
      endpoints: [
        {
          port,
          path,
          interval,
          scheme,
          // Without it the operator's own `namespace` and `endpoint` take the place of ours.
          ...(sets.some(({ naming }) => naming === 'plain') && { honorLabels: true }),
          ...(bearerSecret && { authorization: { type: 'Bearer', credentials: bearerSecret } }),
        },
      ],
    },
  };
}
