import { assert, anything, property, string, tuple, uint8Array } from 'fast-check';
import { decodeFrame, encodeItem } from '../../lib/wire/item-frame';
import {
  decodeResponseFrame,
  encodeControl,
  encodePrologue,
  encodeWrapper,
  FINAL_WRAPPER,
  wrapItem,
} from '../../lib/wire/response-frames';
import { decodeTwoPart, encodeTwoPart } from '../../lib/wire/two-part';

/** What a call gives or throws, comparable. */
function outcomeOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

const slowly = (frame: Uint8Array) => decodeResponseFrame(decodeTwoPart(frame));

describe('encodeItem', () => {
  test.each([0, 1, 20, 4096, 5000, 20_000, 70_000])(
    'gives the bytes of any other encoder for %i characters',
    (length) => {
      for (const unit of ['x', 'é', '€', '😀', '\ud800', '"']) {
        const item = JSON.stringify({ data: unit.repeat(length) });
        expect(encodeItem(item).equals(encodeTwoPart('', wrapItem(item)))).toBe(true);
      }
    },
  );

  test('leaves earlier frames alone', () => {
    const items = Array.from({ length: 3_000 }, (_, i) => JSON.stringify({ data: 'x'.repeat(i % 97) + i }));
    const frames = items.map(encodeItem);
    expect(frames.every((frame, i) => frame.equals(encodeWrapper(wrapItem(items[i]!))))).toBe(true);
  });
});

describe('decodeFrame', () => {
  test('reads the text of an item as the parser of JSON does', () => {
    assert(
      property(string({ unit: 'binary' }), (data) => {
        const frame = encodeItem(JSON.stringify({ data }));
        expect(decodeFrame(frame)).toEqual(slowly(frame));
      }),
      { numRuns: 1_000 },
    );
  });

  test('reads every item as the two steps do', () => {
    assert(
      property(anything(), (item) => {
        const frame = encodeWrapper(wrapItem(JSON.stringify(item) ?? 'null'));
        expect(outcomeOf(() => decodeFrame(frame))).toEqual(outcomeOf(() => slowly(frame)));
      }),
    );
  });

  test('judges damaged frames as the two steps do', () => {
    const whole = encodeItem('{"data":"some text"}');
    assert(
      property(tuple(uint8Array({ minLength: 1, maxLength: 3 }), string()), ([bytes, seed]) => {
        const frame = Buffer.from(whole);
        frame.set(bytes, Math.min(seed.length * 7, frame.length - bytes.length));
        expect(outcomeOf(() => decodeFrame(frame))).toEqual(outcomeOf(() => slowly(frame)));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['every byte of it changed in turn', encodeItem('{"data":"t"}')],
    ['the final marker', encodeWrapper(FINAL_WRAPPER)],
    ['the sentinel', encodeControl('sentinel')],
    ['a prologue', encodePrologue(null)],
  ])('judges %s as the two steps do', (_, whole) => {
    for (let i = 0; i < whole.length; i++) {
      for (const byte of [0, 0x22, 0x5c, 0x7f, 0x80, 0xff, whole[i]!]) {
        const frame = Buffer.from(whole);
        frame[i] = byte;
        expect(outcomeOf(() => decodeFrame(frame))).toEqual(outcomeOf(() => slowly(frame)));
      }
    }
  });

  test('takes bytes that are no Buffer', () => {
    expect(decodeFrame(Uint8Array.from(encodeItem('{"data":"t"}')))).toEqual({ kind: 'item', item: { data: 't' } });
  });
});
