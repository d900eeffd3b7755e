import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resetSettings, settingProblems, settings, VARIABLES } from '../../lib/config/settings';

const NAMES = Object.values(VARIABLES).map(({ name }) => name);

function withEnvironment(env: Record<string, string>): void {
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, env);
  resetSettings();
}

afterEach(() => withEnvironment({}));

test('settings() reads the environment at its first call and then remembers', () => {
  withEnvironment({ DYN_SYSTEM_PORT: '9090' });
  expect(settings().system.port).toBe(9090);
  process.env.DYN_SYSTEM_PORT = '7070';
  expect(settings().system.port).toBe(9090);
  resetSettings();
  expect(settings().system.port).toBe(7070);
});

test('settings() never throws: what is bad is its default, and each problem is told', () => {
  withEnvironment({ DYN_SYSTEM_ENABLED: 'true', DYN_SYSTEM_PORT: 'x', DYN_LOG: 'loud', DYN_SYSTEM_HOST: '127.0.0.1' });
  expect(settings().system).toMatchObject({ enabled: true, port: 8081, host: '127.0.0.1' });
  expect(settings().log.level).toBe('off');
  expect(settingProblems()).toHaveLength(2);
  expect(settingProblems()[0]).toContain('DYN_SYSTEM_PORT');
  expect(settingProblems()[1]).toContain('DYN_LOG');
});

test('a bad port alone does not turn the server on', () => {
  withEnvironment({ DYN_SYSTEM_PORT: 'x' });
  expect(settings().system.enabled).toBe(false);
});

test('a bad switch is off, whatever the port', () => {
  withEnvironment({ DYN_SYSTEM_ENABLED: 'flase', DYN_SYSTEM_PORT: '9090' });
  expect(settings().system).toMatchObject({ enabled: false, port: 9090 });
  expect(settingProblems()).toHaveLength(1);
});

test('paths that clash fall back to their defaults', () => {
  withEnvironment({ DYN_SYSTEM_HEALTH_PATH: '/live' });
  expect(settings().system).toMatchObject({ healthPath: '/health', livePath: '/live' });
  expect(settingProblems()).toHaveLength(1);
});

test('a good environment has no problems', () => {
  withEnvironment({ DYN_SYSTEM_PORT: '0', DYN_LOG: 'info' });
  expect(settingProblems()).toEqual([]);
});

describe('docs/configuration.md', () => {
  const page = readFileSync(join(__dirname, '../../docs/configuration.md'), 'utf8');
  const notRead = /^## Variables of Dynamo that are not read\n(?:(?!^## ).*\n)*/m.exec(page)![0];
  const rows = [...page.matchAll(/^\| `([A-Z]+_\w+)` \| (?:`([^`]*)`|none) \|.*\| `([\w.]+)` \|$/gm)];

  test('lists the variables of the code, with their defaults and options, and no others', () => {
    const documented = rows.map(([, name, fallback, option]) => ({ name, fallback, option }));
    const read = Object.values(VARIABLES).map(({ name, fallback, option }) => {
      // Durations are milliseconds in the code, seconds in the environment.
      const shown = option.endsWith('Ms') ? Number(fallback) / 1_000 : fallback;
      return { name, fallback: shown === 'off' ? '0' : shown === undefined ? undefined : String(shown), option };
    });
    expect(documented).toEqual(read);
  });

  test('speaks of no variable that is not in the table', () => {
    const mentioned = new Set(page.replace(notRead, '').match(/\b(?:DYN|ETCD|NATS)_[A-Z_]+/g));
    expect([...mentioned].filter((name) => !NAMES.includes(name))).toEqual([]);
  });

  test('says of no variable that is read that it is not', () => {
    const named = [...notRead.matchAll(/^\| (.*?) \|/gm)].flatMap(
      ([, cell]) => cell!.match(/\b(?:DYN|ETCD)_[A-Z_]+/g) ?? [],
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => NAMES.includes(name))).toEqual([]);
  });
});
