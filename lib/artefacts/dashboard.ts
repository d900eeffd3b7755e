import type { StandardSet } from '../metrics/standard';
import { DashboardQueries, VARIABLES } from './dashboard-queries';
import { type Panel, ROWS } from './panels';

/** What a dashboard is made with. */
export interface DashboardOptions {
  readonly title: string;
  /** The job whose series are shown; undefined for every job. */
  readonly job?: string | undefined;
}

/** Grafana's own name of the schema that this is written in; newer releases bring it up to date when they load it. */
const SCHEMA_VERSION = 39;
/** The width of a dashboard in Grafana's grid, and the height of a panel and of a row's title. */
const GRID = { width: 24, panel: 8, title: 1 };
/** The data source that is chosen at the top. */
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** A dashboard for Grafana, to be imported or provisioned. @throws PROFILED_CONFIG_INVALID for sets of two namings */
export function dashboard(sets: readonly StandardSet[], { title, job }: DashboardOptions): object {
  const queries = new DashboardQueries(sets, job);
  return {
    id: null,
    title,
    description: 'Work handlers measured with profiled.',
    tags: ['profiled'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [],
    templating: { list: variables(queries) },
    panels: placed(queries),
  };
}

function variables(queries: DashboardQueries): object[] {
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', refresh: 1, hide: 0 },
    ...VARIABLES.map((name) => labelVariable(name, queries.labelValues(name))),
  ];
}

function labelVariable(name: string, query: string): object {
  return {
    name,
    label: name[0]!.toUpperCase() + name.slice(1),
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
  };
}

/** All rows with their panels, one below the other. */
function placed(queries: DashboardQueries): object[] {
  const all: object[] = [];
  let y = 0;
  for (const row of ROWS) {
    const gridPos = { x: 0, y, w: GRID.width, h: GRID.title };
    all.push({ id: all.length + 1, type: 'row', title: row.title, collapsed: false, gridPos, panels: [] });
    y += GRID.title;
    const panels = row.panels(queries);
    const w = GRID.width / panels.length;
    for (const [i, panel] of panels.entries()) {
      all.push({ id: all.length + 1, ...drawn(panel), gridPos: { x: i * w, y, w, h: GRID.panel } });
    }
    y += GRID.panel;
  }
  return all;
}

function drawn({ title, description, unit, targets, kind = 'lines' }: Panel): object {
  const isHeatmap = kind === 'heatmap';
  return {
    type: isHeatmap ? 'heatmap' : 'timeseries',
    title,
    description,
    datasource: DATASOURCE,
    targets: targets.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + i),
      datasource: DATASOURCE,
      editorMode: 'code',
      range: true,
      expr,
      legendFormat,
      ...(isHeatmap && { format: 'heatmap' }),
    })),
    ...(isHeatmap ? heatmap(unit) : lines(unit, kind === 'stacked')),
  };
}

function lines(unit: Panel['unit'], isStacked: boolean): object {
  return {
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: isStacked ? 30 : 0,
          stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

function heatmap(unit: Panel['unit']): object {
  return {
    fieldConfig: { defaults: { custom: {} }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      color: {
        mode: 'scheme',
        scheme: 'Oranges',
        scale: 'exponential',
        exponent: 0.5,
        steps: 64,
        reverse: false,
        fill: 'dark-orange',
      },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      filterValues: { le: 1e-9 },
      legend: { show: true },
      rowsFrame: { layout: 'auto' },
      showValue: 'never',
      tooltip: { mode: 'single', yHistogram: true, showColorScale: false },
      yAxis: { unit, axisPlacement: 'left', reverse: false },
    },
  };
}
