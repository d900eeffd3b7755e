import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform as swc } from '@swc/core';
import { transform as esbuild } from 'esbuild';

const ROOT = join(__dirname, '..', '..');

const SOURCE = `
import { CustomMetric, getRegistry, Profiled, type SingleIn } from 'profiled';

@Profiled('ns', 'comp', 'ep')
class AClassWithALongName {
  #secret = 'secret';
  static made = new Set<AClassWithALongName>();
  constructor() { AClassWithALongName.made.add(this); }

  @CustomMetric({ type: 'counter', name: 'letters_total', help: 'Letters', on: 'item' })
  async *generate(request: string, _ignored?: SingleIn<string>) {
    yield* request;
    yield this.#secret;
  }
}

const handler = new AClassWithALongName();
void (async () => {
  const items: string[] = [];
  for await (const item of handler.generate('abc')) items.push(item);
  const text = await getRegistry().metrics();
  console.log(JSON.stringify({
    items,
    isItself: AClassWithALongName.made.has(handler) && handler instanceof AClassWithALongName,
    samples: text.split('\\n').filter((line) => /^(requests_total|response_bytes_total|letters_total)/.test(line)),
  }));
})();
`;

type Compile = (standard: boolean) => Promise<string>;

const byEsbuild =
  (minify: boolean): Compile =>
  async (standard) => {
    const compilerOptions = standard ? {} : { experimentalDecorators: true };
    const options = {
      loader: 'ts',
      format: 'cjs',
      target: 'node20',
      minify,
      tsconfigRaw: { compilerOptions },
    } as const;
    return (await esbuild(SOURCE, options)).code;
  };

const bySwc: Compile = async (standard) => {
  const { code } = await swc(SOURCE, {
    filename: 'source.ts',
    module: { type: 'commonjs' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: standard ? { decoratorVersion: '2022-03' } : { legacyDecorator: true, decoratorMetadata: true },
    },
  });
  return code;
};

let folder: string;
beforeAll(async () => {
  // Inside of the package, so that `profiled` resolves to it as it does for a user.
  folder = await mkdtemp(join(ROOT, 'dist', 'compiled-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each([
  ['legacy', false],
  ['standard', true],
])('under %s decorators', (mode, standard) => {
  test.each<[string, Compile]>([
    ['esbuild', byEsbuild(false)],
    ['esbuild, minified', byEsbuild(true)],
    ['swc', bySwc],
  ])('compiled by %s', async (compiler, compile) => {
    const file = join(folder, `${compiler}-${mode}.cjs`.replaceAll(/[ ,]+/g, '-'));
    await writeFile(file, await compile(standard));
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    const labels = '{component="comp",endpoint="ep",namespace="ns"}';
    expect(JSON.parse(stdout)).toEqual({
      items: ['a', 'b', 'c', 'secret'],
      isItself: true,
      samples: expect.arrayContaining([
        `requests_total${labels} 1`,
        `response_bytes_total${labels} 9`,
        `letters_total${labels} 4`,
      ]) as string[],
    });
  });
});
