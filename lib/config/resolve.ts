import { inspect } from 'node:util';
import { ProfiledError } from '../errors';
import { VARIABLES, type Variable } from './variables';

/** A value, where it comes from, and whether someone gave it. */
export interface Picked<T> {
  readonly value: T;
  /** The variable, the option or the default, as an error message names it. */
  readonly source: string;
  /** Whether someone gave it, gave something that can not be used (`value` is the default then), or gave nothing. */
  readonly state: 'given' | 'bad' | 'default';
}

/**
 * Picks settings one by one, argument before environment before default, and collects what is wrong on the way: a value that
 * can not be used is a problem and stands for its default, so that it hides no other.
 */
export class Resolution {
  readonly problems: string[] = [];

  constructor(
    private readonly overrides: object,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#refuseUnknown(overrides, '');
  }

  pick<T>(variable: Variable<T>): Picked<T> {
    const { name, option, reader, fallback } = variable;
    const argument = optionAt(this.overrides, option);
    if (argument !== undefined) {
      return this.#checked(variable, reader.accept(argument), `option \`${option}\``, inspect(argument, { depth: 0 }));
    }
    const text = this.env[name]?.trim();
    if (text) return this.#checked(variable, reader.parse(text), name, inspect(text));
    return { value: fallback, source: `the default of ${name}`, state: 'default' };
  }

  #checked<T>({ reader, fallback }: Variable<T>, value: T | undefined, source: string, shown: string): Picked<T> {
    if (value !== undefined) return { value, source, state: 'given' };
    this.problems.push(
      `${source} is ${reader.isSecret ? 'a secret that is not shown' : shown}; expected ${reader.expected}. Correct it, or leave it out for the default${
        fallback === undefined ? '' : `, ${String(fallback)}`
      }.`,
    );
    return { value: fallback, source: `the default of ${source}`, state: 'bad' };
  }

  #refuseUnknown(overrides: object, prefix: string): void {
    for (const [key, value] of Object.entries<unknown>(overrides as Record<string, unknown>)) {
      const option = prefix + key;
      if (OPTIONS.includes(option) || value === undefined) continue;
      const isGroup = OPTIONS.some((known) => known.startsWith(`${option}.`));
      if (isGroup && typeof value === 'object' && value !== null) this.#refuseUnknown(value, `${option}.`);
      else if (isGroup) this.problems.push(`option \`${option}\` is ${inspect(value)}; expected an object.`);
      else this.problems.push(`option \`${option}\` is unknown; the options are ${OPTIONS.join(', ')}.`);
    }
  }
}

/** Throws if there are any. @throws PROFILED_CONFIG_INVALID, with all of them in its message */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const list = problems.length === 1 ? problems[0] : problems.map((problem) => `\n  - ${problem}`).join('');
  throw new ProfiledError(
    'PROFILED_CONFIG_INVALID',
    `${problems.length > 1 ? 'several settings are wrong:' : ''}${list}`,
  );
}

const OPTIONS: readonly string[] = Object.values(VARIABLES).map(({ option }) => option);

function optionAt(overrides: object, option: string): unknown {
  return option
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], overrides);
}
