/** Draws plots: `node draw.js <{ plots } as JSON>`. Writes the text of each SVG by its question, as JSON. */
import { init } from 'echarts';
import { descriptionOf, type Line, type Panel, type Plot } from '../plots';

const COLOURS = ['#1f5fa8', '#8a8a8a'];
const HEIGHT = 360;
/** Of one panel: three make the width of a page. */
const widthOf = ({ panels }: Plot) => Math.min(600, 1_200 / panels.length);
const ROOM = { left: 78, right: 26, top: 86, bottom: 62 };

const count = (value: number) => value.toLocaleString('en');

function axesOf(plot: Plot, { title, isLog }: Panel, index: number) {
  const name = { nameLocation: 'middle', nameTextStyle: { color: '#222' } } as const;
  const look = { axisLabel: { formatter: count, color: '#222' }, minorTick: { show: false } };
  return {
    grid: {
      left: index * widthOf(plot) + ROOM.left,
      top: ROOM.top,
      width: widthOf(plot) - ROOM.left - ROOM.right,
      height: HEIGHT - ROOM.top - ROOM.bottom,
    },
    x: {
      ...name,
      ...look,
      type: 'log',
      gridIndex: index,
      name: plot.growing,
      nameGap: 32,
      axisLine: { onZero: false },
    } as const,
    y: {
      ...name,
      ...look,
      type: isLog ? 'log' : 'value',
      gridIndex: index,
      name: title,
      nameGap: 56,
      min: isLog ? undefined : 0,
    } as const,
  };
}

function seriesOf({ name, medians, single }: Line, panel: number, index: number) {
  const at = { xAxisIndex: panel, yAxisIndex: panel, color: COLOURS[index] };
  return [
    { ...at, type: 'line', name, data: medians.map((place) => [...place]), symbol: 'circle', symbolSize: 6 } as const,
    {
      ...at,
      type: 'scatter',
      data: single.map((place) => [...place]),
      symbolSize: 4,
      itemStyle: { opacity: 0.45 },
    } as const,
  ];
}

/** The names of the lines, above the panels that have more than one. */
function legendOf(plot: Plot, { lines }: Panel, index: number) {
  const [left, top] = [index * widthOf(plot) + ROOM.left, 50];
  return {
    show: lines.length > 1,
    left,
    top,
    data: lines.map(({ name }) => name),
    itemWidth: 18,
    itemGap: 30,
    textStyle: { color: '#222' },
  };
}

function draw(plot: Plot): string {
  const { panels, title } = plot;
  const size = { width: panels.length * widthOf(plot), height: HEIGHT };
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const axes = panels.map((panel, i) => axesOf(plot, panel, i));
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 16, top: 12, textStyle: { color: '#222' } },
    legend: panels.map((panel, i) => legendOf(plot, panel, i)),
    grid: axes.map(({ grid }) => grid),
    xAxis: axes.map(({ x }) => x),
    yAxis: axes.map(({ y }) => y),
    series: panels.flatMap(({ lines }, panel) => lines.flatMap((line, i) => seriesOf(line, panel, i))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg.replace('>', `>\n<title>${title}</title>\n<desc>${descriptionOf(plot)}</desc>`)}\n`;
}

const { plots } = JSON.parse(process.argv[2]!) as { readonly plots: readonly Plot[] };
process.stdout.write(`${JSON.stringify(Object.fromEntries(plots.map((plot) => [plot.question, draw(plot)])))}\n`);
