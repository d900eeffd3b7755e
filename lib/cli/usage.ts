/** What `profiled --help` prints, and what follows a complaint. */
export const USAGE = `Usage: profiled rules|dashboard|servicemonitor [options] [module...]

  rules            recording and alert rules for Prometheus, as YAML
  dashboard        a dashboard for Grafana, as JSON
  servicemonitor   a ServiceMonitor for the Prometheus Operator, as YAML

What it is for. With modules: the decorated handlers in them, with their names and labels. Without: every endpoint.
  module                     a file or package that has the handlers, not one that starts the program
  --require, --import MODULE the same as the flags of node, before the modules; such as ts-node/register, tsx
  --naming plain|dynamo      without modules: the names        [DYN_METRICS_NAMING, else plain]
  --prefix TEXT              without modules: before each name [that of the naming]
  --label NAME=VALUE         without modules: a constant label; can be repeated
  --job NAME                 only the series of this Prometheus job (not for servicemonitor)

rules
  --objective PERCENT        requests that have to succeed     [99.9]
  --latency-objective SECS   p99 of the duration is below this [1]
  --max-cancellations PERCENT requests that consumers may stop [10]
  --window DURATION          what rates are taken over         [5m]
  --for DURATION             how long it is bad before one fires [5m]
  --runbook-url URL          where docs/alerts.md can be read  [no link]

dashboard
  --title TEXT                                                 [Profiled handlers]

servicemonitor
  --name NAME                                                  [profiled]
  --k8s-namespace NAME       the Kubernetes namespace          [none: kubectl's]
  --metadata-label NAME=VALUE a label of the ServiceMonitor; can be repeated
  --selector NAME=VALUE      a label of the Services; can be repeated [app.kubernetes.io/name=NAME]
  --port NAME                the name of the Service's port    [metrics]
  --path PATH                                                  [/metrics]
  --interval DURATION                                          [15s]
  --scheme http|https                                          [http]
  --bearer-secret NAME/KEY   the Secret that holds the token   [none]
`;
