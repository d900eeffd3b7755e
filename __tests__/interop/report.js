'use strict';

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const PAGE = join(__dirname, '../../docs/interop.md');
const [BEGIN, END] = ['<!-- results -->', '<!-- end of results -->'];
const WORDS = { passed: 'yes', pending: '-', failed: '**no**' };

const row = (cells) => `| ${cells.join(' | ')} |`;

/** One table: a row for each case, a column for each release. */
function tableOf(group, cases) {
  const releases = [...new Set(cases.map(({ release }) => release))];
  const rows = new Map();
  for (const { title, release, status } of cases) rows.set(title, { ...rows.get(title), [release]: WORDS[status] });
  const lines = [...rows].map(([title, results]) =>
    row([title, ...releases.map((release) => results[release] ?? '-')]),
  );
  return [`### ${group}`, '', row(['case', ...releases]), row(['---', ...releases.map(() => '---')]), ...lines].join(
    '\n',
  );
}

/** With `PROFILED_INTEROP_WRITE` set, puts the results of a run into `docs/interop.md`. */
module.exports = class Report {
  onRunComplete(_, { testResults }) {
    if (!process.env.PROFILED_INTEROP_WRITE) return;
    const groups = new Map();
    for (const { ancestorTitles, title, status } of testResults.flatMap((file) => file.testResults)) {
      const [release, group] = ancestorTitles;
      if (group)
        groups.set(group, [...(groups.get(group) ?? []), { release: release.split(' ').pop(), title, status }]);
    }
    const date = new Date().toISOString().slice(0, 10);
    const tables = [...groups]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([group, cases]) => tableOf(group, cases))
      .join('\n\n');
    const text = `${BEGIN}\n\nRun on ${date} with Node ${process.version}; \`-\` is a case that a release does not have.\n\n${tables}\n\n${END}`;
    const page = readFileSync(PAGE, 'utf8');
    writeFileSync(PAGE, page.slice(0, page.indexOf(BEGIN)) + text + page.slice(page.indexOf(END) + END.length));
  }
};
