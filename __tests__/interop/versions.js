'use strict';

const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** The releases of `ai-dynamo-runtime` that the suite meets: the newest, and the oldest kind of peer that is promised. */
const VERSIONS = (process.env.PROFILED_INTEROP_VERSIONS ?? '1.6.1,1.2.1').split(',').map((version) => version.trim());

/** Where their environments are; kept from one run to the next, half a gigabyte each. */
const HOME = process.env.PROFILED_INTEROP_HOME ?? join(tmpdir(), 'profiled-interop');

/** The folder of one of them. */
const folderOf = (version) => join(HOME, `ai-dynamo-runtime-${version}`);

/** Its Python. */
const pythonOf = (version) => join(folderOf(version), 'bin', 'python');

module.exports = { VERSIONS, folderOf, pythonOf };
