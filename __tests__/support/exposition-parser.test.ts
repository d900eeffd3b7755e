import { parseOpenMetrics, parseText } from './exposition-parser';

const EOF = '# EOF\n';

describe('the OpenMetrics parser of these tests', () => {
  test('reads every part of a sample', () => {
    const [family] = parseOpenMetrics(
      '# TYPE foo_seconds histogram\n# UNIT foo_seconds seconds\n# HELP foo_seconds a \\"b\\" \\\\ \\n\n' +
        'foo_seconds_bucket{a="x\\"\\\\\\n",le="0.1"} 8 # {trace_id="K"} 0.054 1520879607.7\n' +
        'foo_seconds_bucket{a="x\\"\\\\\\n",le="+Inf"} 1.7e1\nfoo_seconds_count{a="x\\"\\\\\\n"} 17\nfoo_seconds_sum{a="x\\"\\\\\\n"} 324789.3\n' +
        EOF,
    );
    expect(family).toMatchObject({ type: 'histogram', unit: 'seconds', help: 'a "b" \\ \n' });
    expect(family!.samples[0]).toEqual({
      name: 'foo_seconds_bucket',
      labels: { a: 'x"\\\n', le: '0.1' },
      value: 8,
      exemplar: { labels: { trace_id: 'K' }, value: 0.054, timestamp: 1520879607.7 },
    });
    expect(family!.samples[1]!.value).toBe(17);
  });

  test.each([
    ['no end', 'a 1\n'],
    ['an end that does not end', 'a 1\n# EOF'],
    ['something behind the end', '# EOF\na 1\n'],
    ['an empty line', 'a 1\n\n# EOF\n'],
    ['a comment', '# hello\n# EOF\n'],
    ['two blanks', 'a  1\n# EOF\n'],
    ['a blank at the end of a line', 'a 1 \n# EOF\n'],
    ['a name that begins with a digit', '1a 1\n# EOF\n'],
    ['a label name with a colon', 'a{b:c="1"} 1\n# EOF\n'],
    ['a label twice', 'a{b="1",b="2"} 1\n# EOF\n'],
    ['labels without a comma', 'a{b="1"c="2"} 1\n# EOF\n'],
    ['a bare quote in a HELP text', '# HELP a "b"\n# EOF\n'],
    ['a value that is none', 'a x\n# EOF\n'],
    ['a type that is none', '# TYPE a untyped\n# EOF\n'],
    ['a second TYPE', '# TYPE a gauge\n# TYPE a gauge\n# EOF\n'],
    ['TYPE behind a sample', 'a 1\n# TYPE a gauge\n# EOF\n'],
    ['a unit that is not in the name', '# TYPE a gauge\n# UNIT a seconds\n# EOF\n'],
    ['a counter without _total', '# TYPE a counter\na 1\n# EOF\n'],
    ['a negative counter', '# TYPE a counter\na_total -1\n# EOF\n'],
    ['a counter that is no number', '# TYPE a counter\na_total NaN\n# EOF\n'],
    ['families that are interleaved', '# TYPE a gauge\na{x="1"} 1\nb 1\na{x="2"} 1\n# EOF\n'],
    ['a sample twice', 'a{x="1",y="2"} 1\na{y="2",x="1"} 1\n# EOF\n'],
    ['an exemplar of a gauge', '# TYPE a gauge\na 1 # {b="c"} 1\n# EOF\n'],
    ['an exemplar with 129 characters', `# TYPE a counter\na_total 1 # {b="${'c'.repeat(128)}"} 1\n# EOF\n`],
    [
      'an exemplar outside of its bucket',
      '# TYPE a histogram\na_bucket{le="1"} 1 # {} 2\na_bucket{le="+Inf"} 1\n# EOF\n',
    ],
    ['a histogram without +Inf', '# TYPE a histogram\na_bucket{le="1"} 1\n# EOF\n'],
    ['buckets that fall', '# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n'],
    ['a count that is not the last bucket', '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_count 2\na_sum 1\n# EOF\n'],
    ['names that clash', '# TYPE a counter\na_total 1\n# TYPE a_total gauge\na_total 1\n# EOF\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parseOpenMetrics(text)).toThrow(SyntaxError);
  });
});

describe('the parser of text 0.0.4', () => {
  test('takes comments, empty lines, blanks and timestamps', () => {
    const [family] = parseText('# hello\n\n# HELP a say "hi" \\\\ \\n\n# TYPE a gauge\na{b="\\""}\t 1 -5\n');
    expect(family).toMatchObject({ help: 'say "hi" \\ \n', samples: [{ labels: { b: '"' }, value: 1 }] });
  });

  test.each([
    ['an exemplar', 'a 1 # {b="c"} 1\n'],
    ['an escape that is none', 'a{b="\\x"} 1\n'],
    ['families that are interleaved', '# TYPE a gauge\na{x="1"} 1\nb 1\na{x="2"} 1\n'],
    ['a last line that does not end', 'a 1'],
  ])('refuses %s', (_, text) => {
    expect(() => parseText(text)).toThrow(SyntaxError);
  });
});
