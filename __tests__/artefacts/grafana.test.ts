import { dashboard } from '../../lib/artefacts/dashboard';
import { NAMINGS } from '../../lib/metrics/names';
import { compile } from '../types/compile';
import { setOf } from './sets';

/** Grafana's own types of panels, which its main module leaves out. */
const PANELS = '../../node_modules/@grafana/schema/dist/types/raw/composable';

/** A dashboard as a program of Grafana's would write it; in JSON members of enums stand as their texts. */
function program(json: object): string {
  const { panels } = json as {
    panels: { type: string; options?: object; fieldConfig?: { defaults: { custom?: object } } }[];
  };
  const typed = panels.flatMap(({ type, options, fieldConfig }, i) =>
    type === 'row'
      ? []
      : [
          `export const options${i}: Loose<${type}Options> = ${JSON.stringify(options)};`,
          `export const custom${i}: Loose<${type}Fields> = ${JSON.stringify(fieldConfig!.defaults.custom)};`,
        ],
  );
  return [
    "import type { Dashboard } from '@grafana/schema';",
    ...['timeseries', 'heatmap'].map(
      (type) =>
        `import type { Options as ${type}Options, FieldConfig as ${type}Fields } from '${PANELS}/${type}/panelcfg/x/types.gen';`,
    ),
    `type Loose<T> = T extends string ? \`\${T}\` : T extends (infer Item)[] ? Loose<Item>[]
      : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;`,
    // What is imported has no id yet; Grafana's exports have null there too, which the type does not know.
    `export const whole: Loose<Dashboard> = ${JSON.stringify({ ...json, id: undefined })};`,
    ...typed,
  ].join('\n');
}

test("a dashboard keeps to the types of Grafana's own schema, which would show what does not", () => {
  const programs = NAMINGS.map((naming) => [naming, program(dashboard([setOf({ naming })], { title: 'T' }))] as const);
  const right = programs[0]![1];
  const breaches = {
    schema: right.replace('"schemaVersion":39', '"schemaVersion":"39"'),
    field: right.replace(/(custom\d.*)"drawStyle":"line"/, '$1"drawStyle":"lime"'),
    option: right.replace(/(options\d.*)"showValue":"never"/, '$1"showValue":"seldom"'),
    variable: right.replace('"hide":0', '"hide":7'),
  };
  const complaints = compile('tsconfig.json', { ...Object.fromEntries(programs), ...breaches });
  for (const [naming] of programs) expect(complaints.get(naming)).toEqual([]);
  for (const breach of Object.keys(breaches)) expect(complaints.get(breach)).toHaveLength(1);
}, 60_000);
