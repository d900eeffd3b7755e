import { join } from 'node:path';
import { runNode } from '../method/processes';
import { fine, table, whole } from '../method/table';
import { spread } from '../wire/statistics';
import type { Point, Question, ScalingResult } from './bench';
import { nanosOf, plotsOf, sizesOf } from './plots';

/** The whole run as Markdown. */
export function scalingMarkdown(result: ScalingResult): string {
  const { machine, plan } = result;
  const about = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const head = `${about.join('; ')}. ${plan.rounds} processes for each row, in each ${plan.effort.pairs} pairs of batches of ${plan.effort.batchMs} ms.`;
  const tables = (['handlers', 'streams', 'labels', 'items'] as const).flatMap((one) => scalingLines(result, one));
  return `${['# Scaling, measured', '', head, '', ...tables].join('\n').trimEnd()}\n`;
}

/** One of its tables, which the page about scaling quotes. */
export function scalingLines({ points }: ScalingResult, question: Question): string[] {
  const rows = points[question].map((point) => [whole(point.at), ...COLUMNS[question].cells(point)]);
  return table(COLUMNS[question].head, rows);
}

/** The SVG of each plot, by its question. A process draws them, since the library is there only where the bench is installed. */
export function drawn(result: ScalingResult): Record<Question, string> {
  return runNode(join(__dirname, 'process', 'draw.js'), { plots: plotsOf(result) }, []);
}

interface Columns {
  readonly head: readonly string[];
  cells(point: Point): string[];
}

const COLUMNS: Readonly<Record<Question, Columns>> = {
  handlers: {
    head: ['handlers', 'bare call, ns', 'beyond it, ns', 'heap for a handler, bytes', 'scrape, ms'],
    cells: (point) => [...nanos(point), size(point, 'heap', whole), size(point, 'scrapeMs', (ms) => ms.toFixed(2))],
  },
  streams: {
    head: ['open streams', 'bare stream, ns', 'beyond it, ns', 'heap for an open one, bytes'],
    cells: (point) => [...nanos(point), size(point, 'heap', whole)],
  },
  labels: {
    head: ['values', 'call without the metric, ns', 'beyond it, ns', 'series'],
    cells: (point) => [...nanos(point), size(point, 'series', whole)],
  },
  items: {
    head: ['items', 'bare item, ns', 'beyond it, ns'],
    cells: (point) => nanos(point, point.at),
  },
};

/** The base, and what is beyond it with the least and the most that a process found. */
function nanos(point: Point, items = 1): [string, string] {
  const { median, min, max } = spread(nanosOf(point, true, items));
  return [fine(spread(nanosOf(point, false, items)).median), `${fine(median)} (${fine(min)}..${fine(max)})`];
}

function size(point: Point, of: Parameters<typeof sizesOf>[1], format: (value: number) => string): string {
  const values = sizesOf(point, of);
  return values.length > 0 ? format(spread(values).median) : '-';
}
