import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseBigJson } from '../../lib/wire/json';

/** A control header with one integer of 30 MB held up the event loop for eight seconds: that is what `BigInt` needs for it. */
test('an integer of megabytes is no bigint, and is read at once', () => {
  const start = process.cpuUsage();
  expect(parseBigJson(`{"id":${'9'.repeat(30_000_000)}}`, 'the text')).toEqual({ id: Infinity });
  // Of the processor and not of the clock, which goes on while others have the machine.
  expect(process.cpuUsage(start).user).toBeLessThan(4_000_000);
});

/** In a process with much code the engine optimises no regular expressions any more, and one over a long token ran out of its stack. */
test('nor is it too long where the engine optimises no regular expressions', () => {
  const program = `
    const { parseBigJson } = require('./dist/lib/wire/json.js');
    const digits = '9'.repeat(30_000_000);
    console.log(parseBigJson('{"id":' + digits + '}', 'the text').id);
    console.log(parseBigJson('{"id":18446744073709551615,"text":"' + digits + '"}', 'the text').id);
  `;
  const args = ['--no-regexp-optimization', '-e', program];
  const output = execFileSync(process.execPath, args, { cwd: join(__dirname, '..', '..'), encoding: 'utf8' });
  expect(output).toBe('Infinity\n18446744073709551615n\n');
});

test('every integer of 64 bits still is one, and what is longer is a number as any reader has it', () => {
  expect(parseBigJson('[18446744073709551615,-9223372036854775808]', 'the text')).toEqual([
    18446744073709551615n,
    -9223372036854775808n,
  ]);
  expect(parseBigJson('[100000000000000000000,-18446744073709551616]', 'the text')).toEqual([1e20, -(2 ** 64)]);
});
