import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { preferences } from '../../lib/server/accept';
import { chooseCoding } from '../../lib/server/content-coding';
import { chooseContentType } from '../../lib/server/content-type';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_1 = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const OPEN_0 = 'application/openmetrics-text; version=0.0.1; charset=utf-8';

describe('Accept', () => {
  test.each([
    [undefined, TEXT],
    ['', TEXT],
    ['*/*', TEXT],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT],
    ['application/json', TEXT],
    ['text/plain', TEXT],
    ['text/plain;version=0.0.4;q=0.5,*/*;q=0.1', TEXT],
    ['application/openmetrics-text', OPEN_1],
    ['application/openmetrics-text;version=1.0.0', OPEN_1],
    ['application/openmetrics-text; version="1.0.0"; charset=utf-8', OPEN_1],
    ['Application/OpenMetrics-Text; Version=1.0.0', OPEN_1],
    ['application/openmetrics-text;version=0.0.1', OPEN_0],
    ['application/openmetrics-text;version=0.0.1;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8', OPEN_0],
    ['application/openmetrics-text;version=2.0.0', TEXT],
    ['application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.5', OPEN_1],
    ['application/openmetrics-text,text/plain', OPEN_1],
    ['text/plain,application/openmetrics-text', OPEN_1],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.6', TEXT],
    ['application/openmetrics-text;q=0.5,*/*;q=0.6', TEXT],
    ['application/openmetrics-text;q=0,*/*', TEXT],
    ['application/openmetrics-text;q=0', TEXT],
    ['application/openmetrics-text;q=2', TEXT],
    ['application/openmetrics-text;q=x', TEXT],
    ['application/*', TEXT],
    // What Prometheus 3 and 2 send.
    [
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1',
      OPEN_1,
    ],
    ['text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', TEXT],
    ['application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', OPEN_0],
  ])('%s is answered with %s', (accept, header) => {
    expect(chooseContentType(accept).header).toBe(header);
  });
});

describe('Accept-Encoding', () => {
  test.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip, deflate, br', 'gzip'],
    ['gzip;q=0.5, br', 'br'],
    ['br', 'br'],
    ['*', 'gzip'],
    ['*;q=0.5, gzip;q=0', 'identity'],
    ['identity', 'identity'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip', 'gzip'],
    ['gzip;q=0', 'identity'],
    ['gzip;q=nonsense', 'identity'],
    ['deflate', 'identity'],
    ['identity;q=0', undefined],
    ['identity;q=0, gzip', 'gzip'],
    ['identity;q=0, deflate', undefined],
    ['*;q=0', undefined],
    ['*;q=0, br', 'br'],
    ['*;q=0, identity', 'identity'],
  ])('%s is answered with %s', (header, coding) => {
    expect(chooseCoding(header)).toBe(coding);
  });

  test('zstd is taken where Node has it', () => {
    expect(chooseCoding('zstd')).toBe('createZstdCompress' in zlib ? 'zstd' : 'identity');
  });
});

describe('elements', () => {
  test('commas, semicolons and quotes within quotes belong to the value', () => {
    const [first, second, ...rest] = preferences('a/b; x="1,2;\\"3"; Q=0.5 , c/d');
    expect([first!.value, first!.parameters.get('x'), first!.weight]).toEqual(['a/b', '1,2;"3', 0.5]);
    expect([second!.value, second!.weight, rest]).toEqual(['c/d', 1, []]);
  });

  test('no header breaks it, or keeps it busy', () => {
    const pieces = fc.constantFrom(',', ';', '"', '\\', '=', 'q', '0.5', ' ', 'text/plain', '*', 'é');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 2_000 }), (all) => {
        const header = all.join('');
        for (const { weight } of preferences(header)) expect(weight >= 0 && weight <= 1).toBe(true);
        expect(['text', 'openmetrics']).toContain(chooseContentType(header).format);
      }),
    );
  });
});
