import { dirname, join } from 'node:path';
import type { Wrapper } from '../wrapper';
import type * as Ours from './ours';

const lib = dirname(require.resolve('profiled'));

/** Ours from a copy of the package whose streams are not guarded, in this process only: there is no switch for it. */
export const unguarded: Wrapper = {
  wrap(...args) {
    /* eslint-disable @typescript-eslint/no-require-imports -- the very copy that was just loaded */
    const guard = require(join(lib, 'profile/leak-guard.js')) as Record<string, unknown>;
    for (const name of ['guard', 'unguard']) {
      if (typeof guard[name] !== 'function') throw new Error(`the leak guard has no ${name}() that could be taken out`);
      guard[name] = () => {};
    }
    return (require('./ours') as typeof Ours).standard.wrap(...args);
    /* eslint-enable @typescript-eslint/no-require-imports */
  },
};
