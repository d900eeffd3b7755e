'use strict';

/** Writes the job that it was given as its reading. */
process.stdout.write(`${process.argv[2]}\n`);
