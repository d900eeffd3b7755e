'use strict';

/**
 * Who may import whom. A folder of lib may import itself and what stands here; anything absent is forbidden.
 * `__tests__/architecture.test.ts` runs these rules, and proves that a breach of them is found.
 */
const MAY_IMPORT = {
  errors: [],
  internal: [],
  config: ['errors', 'internal'],
  engine: ['errors', 'internal'],
  wire: ['errors', 'internal'],
  metrics: ['config', 'errors', 'internal'],
  profile: ['metrics', 'engine', 'errors', 'internal'],
  transports: ['wire', 'errors', 'internal'],
  discovery: ['wire', 'errors', 'internal'],
  ingress: ['profile', 'metrics', 'engine', 'wire', 'errors', 'internal', 'transports/transport'],
  server: ['metrics', 'config', 'errors', 'internal'],
  runtime: [
    'config',
    'discovery',
    'engine',
    'errors',
    'ingress',
    'internal',
    'metrics',
    'profile',
    'transports',
    'wire',
    'server/auto-start',
    'server/health',
    'server/system-server',
  ],
  testing: ['metrics', 'errors'],
  artefacts: ['metrics', 'errors'],
  cli: ['artefacts', 'metrics', 'errors', 'server/auto-start'],
};

const DECORATORS_MAY_IMPORT = ['profile', 'metrics', 'engine', 'errors', 'server/auto-start'];

const at = (names) => names.map((name) => `^lib/${name}(/|\\.ts$)`);

const folderRules = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `lib-${name}`,
  severity: 'error',
  from: { path: `^lib/${name}(/|\\.ts$)` },
  to: { path: '^(lib|decorators|samples|bench|__tests__)/', pathNot: at([name, ...allowed]) },
}));

/** A package may be imported only by its owners. */
const owned = (name, packages, owners) => ({
  name: `owner-of-${name}`,
  severity: 'error',
  from: { path: '^(lib|decorators)/', pathNot: owners },
  to: { path: packages },
});

module.exports = {
  forbidden: [
    ...folderRules,
    {
      name: 'decorators',
      severity: 'error',
      from: { path: '^decorators/' },
      to: { path: '^(lib|samples|bench|__tests__)/', pathNot: at(DECORATORS_MAY_IMPORT) },
    },
    {
      name: 'index-alone-knows-the-decorators',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/index\\.ts$' },
      to: { path: '^decorators/' },
    },
    {
      name: 'nobody-imports-the-index',
      severity: 'error',
      from: { path: '^(lib|decorators)/' },
      to: { path: '^lib/index\\.ts$' },
    },
    {
      name: 'ingress-knows-transports-as-types',
      severity: 'error',
      from: { path: '^lib/ingress/' },
      to: { path: '^lib/transports/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(lib|decorators)/', pathNot: '^lib/(register|testing/)' },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    owned('prom-client', 'node_modules/prom-client', ['^lib/metrics/', '^lib/testing/']),
    owned('express', 'node_modules/(@types/)?express', ['^lib/server/']),
    owned('sockets', '^(node:)?(net|tls|dgram|http|https|http2)$', [
      '^lib/transports/',
      '^lib/discovery/',
      '^lib/server/',
    ]),
    owned('workers', '^(node:)?(cluster|worker_threads)$', ['^lib/server/', '^lib/cli/']),
    owned('files', '^(node:)?(fs|fs/promises)$', [
      '^lib/discovery/',
      '^lib/config/access-files\\.ts$',
      '^lib/transports/nats/credentials\\.ts$',
    ]),
    owned('grpc', 'node_modules/@grpc/', ['^lib/discovery/']),
    owned('nats', 'node_modules/@nats-io', ['^lib/transports/nats/']),
    owned('yaml', 'node_modules/yaml', ['^lib/cli/']),
    owned('pino', 'node_modules/pino', ['^lib/config/']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'default', 'types'] },
  },
};
