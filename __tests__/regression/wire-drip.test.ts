import { TwoPartDecoder } from '../../lib/wire/two-part';
import { collectGarbage } from '../support/eventually';

/** Each chunk was kept alone: 193 bytes of memory for a byte on the wire, 6 GiB for one frame of 32 MiB. */
test('a message that drips in byte by byte takes little more memory than its bytes', () => {
  const held = () => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const decoder = new TwoPartDecoder();
  const before = held();
  decoder.push(Buffer.from(`${'0'.repeat(16)}0000000000100000${'0'.repeat(16)}`, 'hex'));
  for (let i = 0; i < 2 ** 17; i++) decoder.push(Buffer.from(new ArrayBuffer(1)));
  expect(decoder.next()).toBeUndefined();
  expect(decoder.buffered).toBe(24 + 2 ** 17);
  expect(held() - before).toBeLessThan(2 ** 20);
});
