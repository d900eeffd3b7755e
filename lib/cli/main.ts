#!/usr/bin/env node
import './quiet';
import { stringify } from 'yaml';
import { dashboard } from '../artefacts/dashboard';
import { ruleFile } from '../artefacts/rules';
import { serviceMonitor } from '../artefacts/service-monitor';
import { messageOf, ProfiledError } from '../errors';
import { type CommandLine, readCommandLine } from './command-line';
import { setsOfModules } from './modules';
import { USAGE } from './usage';

/** Exit codes: what was asked for can not be understood or done with these values; or a module could not be read. */
const BAD_USAGE = 2;
const FAILED = 1;

async function main(args: readonly string[]): Promise<void> {
  try {
    const line = readCommandLine(args);
    process.stdout.write(line.command === 'help' ? USAGE : await artefact(line));
  } catch (error) {
    const isUsage =
      ProfiledError.is(error) && ['PROFILED_CONFIG_INVALID', 'PROFILED_METRIC_INVALID'].includes(error.code);
    const text = messageOf(error).replace(/^PROFILED_\w+: /, '');
    process.stderr.write(`profiled: ${text}\n${isUsage ? `\n${USAGE}` : ''}`);
    process.exitCode = isUsage ? BAD_USAGE : FAILED;
  }
}

async function artefact(line: Exclude<CommandLine, { command: 'help' }>): Promise<string> {
  const { modules, preloads } = line.source;
  const sets = modules.length + preloads.length > 0 ? await setsOfModules(line.source) : [line.source.set];
  switch (line.command) {
    case 'rules':
      return yaml(ruleFile(sets, line.options));
    case 'servicemonitor':
      return yaml(serviceMonitor(sets, line.options));
    case 'dashboard':
      return `${JSON.stringify(dashboard(sets, line.options), null, 2)}\n`;
  }
}

/** Expressions keep their lines, and nothing is folded or referred to. */
function yaml(document: object): string {
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}

void main(process.argv.slice(2));
