'use strict';

/** Both decorator standards run the suite in `__tests__/decorators`; everything else runs once, under legacy decorators. */
const project = (displayName, tsconfig, globals) => ({
  displayName,
  testEnvironment: 'node',
  globals,
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig }] },
  moduleNameMapper: {
    '^profiled$': '<rootDir>/lib/index.ts',
    '^profiled/testing$': '<rootDir>/lib/testing/index.ts',
    '^profiled/register$': '<rootDir>/lib/register.ts',
  },
});

module.exports = {
  // Jest would leave one core of two idle.
  maxWorkers: '100%',
  // A limit for what hangs, not for what is slow on a busy machine.
  testTimeout: 20_000,
  globalSetup: '<rootDir>/__tests__/support/build.js',
  projects: [
    {
      ...project('legacy', '<rootDir>/tsconfig.json', { DECORATORS: 'legacy' }),
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/__tests__/standard/', '<rootDir>/__tests__/interop/', '/node_modules/'],
    },
    {
      ...project('standard', '<rootDir>/tsconfig.standard.json', { DECORATORS: 'standard' }),
      testMatch: ['<rootDir>/__tests__/decorators/**/*.test.ts', '<rootDir>/__tests__/standard/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.legacy\\.test\\.ts$', '/node_modules/'],
    },
  ],
};
