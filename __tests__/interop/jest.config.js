'use strict';

const { join } = require('node:path');

/** The suite against the real runtime. Apart from the others: it needs Python, half a gigabyte for each release, and minutes. */
module.exports = {
  rootDir: join(__dirname, '../..'),
  testMatch: ['<rootDir>/__tests__/interop/**/*.test.ts'],
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  globalSetup: '<rootDir>/__tests__/interop/setup.js',
  reporters: ['default', '<rootDir>/__tests__/interop/report.js'],
  testTimeout: 60_000,
  maxWorkers: 1,
};
