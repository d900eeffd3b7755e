import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compileLib, runNode } from '../../support/child';

const lib = compileLib();
const ROOT = resolve(__dirname, '../../..');
const MODULES = join(ROOT, 'node_modules');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly peerDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
};

/** A program that makes a runtime and tells which files of the package are loaded, or the error. */
const PROGRAM = `
  const { DistributedRuntime } = require(${JSON.stringify(join(lib, 'runtime/distributed-runtime.js'))});
  DistributedRuntime.fromSettings().then(
    async (runtime) => {
      console.log(Object.keys(require.cache).filter((file) => file.includes('@nats-io')).length > 0);
      await runtime.shutdown();
    },
    ({ code, message }) => console.log(code, message),
  );
`;

/** All packages but that one. */
const without = mkdtempSync(join(tmpdir(), 'profiled-without-'));
for (const name of readdirSync(MODULES)) if (name !== '@nats-io') symlinkSync(join(MODULES, name), join(without, name));
afterAll(() => rmSync(without, { recursive: true, force: true }));

describe('the package that NATS needs', () => {
  it.each([
    ['tcp', 'false'],
    ['memory', 'false'],
    ['nats', 'true'],
  ])('with DYN_REQUEST_PLANE=%s it is loaded: %s', async (plane, isLoaded) => {
    expect(await runNode(PROGRAM, { DYN_REQUEST_PLANE: plane })).toMatchObject({
      code: 0,
      stdout: `${isLoaded}\n`,
      stderr: '',
    });
  });

  it('is not missed by those who do not ask for it', async () => {
    expect(await runNode(PROGRAM, { NODE_PATH: without })).toMatchObject({ stdout: 'false\n', stderr: '' });
  });

  it('is asked for with the command that installs it', async () => {
    const { stdout } = await runNode(PROGRAM, { NODE_PATH: without, DYN_REQUEST_PLANE: 'nats' });
    expect(stdout).toContain('PROFILED_CONFIG_INVALID');
    expect(stdout).toContain(
      'DYN_REQUEST_PLANE=nats needs the package @nats-io/transport-node, which is not installed',
    );
    expect(stdout).toContain('run: npm install @nats-io/transport-node\n');
    expect(MANIFEST.peerDependencies['@nats-io/transport-node']).toBe(
      `^${MANIFEST.devDependencies['@nats-io/transport-node']}`,
    );
  });
});
