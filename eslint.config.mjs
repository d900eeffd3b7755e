import eslint from '@eslint/js';
import { existsSync } from 'node:fs';
import tseslint from 'typescript-eslint';

/** Who owns what: these packages and objects may be used in the named folders only. */
const owners = [
  { name: 'prom-client', owners: 'lib/metrics and lib/testing' },
  { name: 'express', owners: 'lib/server' },
];

/** What is compared in a bench is typed only where it is installed; `npm run bench` and `bench:wire` install it. */
const benches = [
  {
    project: './bench/tsconfig.json',
    peers: ['bench/recording/wrappers', 'bench/scrape/process', 'bench/scaling/process'],
    installed: 'bench/node_modules/prom-client',
  },
  {
    project: './bench/wire/tsconfig.json',
    peers: ['bench/wire/peers'],
    installed: 'bench/wire/node_modules/nice-grpc',
  },
];
const isInstalled = ({ installed }) => existsSync(new URL(installed, import.meta.url));

export default tseslint.config(
  { ignores: ['**/dist', 'coverage', 'node_modules', 'bench/results', '**/*.tgz'] },
  { ignores: benches.filter((bench) => !isInstalled(bench)).flatMap(({ peers }) => peers) },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          './tsconfig.json',
          './tsconfig.standard.json',
          ...benches.filter(isInstalled).map(({ project }) => project),
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Thenables, hostile getters and `throw undefined` are what this library is about.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      // Methods are taken from their objects on purpose here, and called with Reflect.apply.
      '@typescript-eslint/unbound-method': 'off',
      // An interface of promises is kept by async methods, so that what they throw is a rejection.
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Enumerate what is exported.' },
        { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
        { selector: 'TSEnumDeclaration', message: 'Use a const array and its union type.' },
      ],
    },
  },
  {
    files: ['lib/**/*.ts', 'decorators/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-imports': [
        'error',
        { paths: owners.map(({ name, owners: at }) => ({ name, message: `Only ${at} may import it.` })) },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only lib/config reads the environment.' },
        { object: 'process', property: 'exit', message: 'Only samples end the process.' },
        { object: 'process', property: 'on', message: 'Only samples handle signals.' },
        { object: 'process', property: 'once', message: 'Only samples handle signals.' },
      ],
      'max-lines': ['error', { max: 300, skipBlankLines: true }],
    },
  },
  {
    files: ['lib/metrics/**/*.ts', 'lib/testing/**/*.ts', 'lib/server/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  { files: ['lib/config/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['__tests__/**/*.ts', 'samples/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      'no-sparse-arrays': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: {
      globals: {
        module: 'writable',
        require: 'readonly',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
);
