import { ProfiledError } from '../errors';
import { show } from '../metrics/labels';

/** Units from the largest to the smallest, each at most once, as Prometheus has it. */
const DURATION = /^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/;
/** A DNS label, or several with dots between. */
const KUBERNETES_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Something on the command line that can not be used. */
export function invalid(message: string): ProfiledError {
  return new ProfiledError('PROFILED_CONFIG_INVALID', message);
}

/** The flags as they were given, read one by one. Every reader throws PROFILED_CONFIG_INVALID naming its flag. */
export class Values {
  constructor(private readonly flags: Readonly<Record<string, unknown>>) {}

  text(flag: string): string | undefined {
    const text = this.flags[flag] as string | undefined;
    if (text === '' && flag !== 'prefix') throw this.#bad(flag, 'a text with something in it');
    return text;
  }

  texts(flag: string): readonly string[] {
    return (this.flags[flag] as string[] | undefined) ?? [];
  }

  number(flag: string, fallback: number, { above, below = Infinity }: { above: number; below?: number }): number {
    const text = this.text(flag);
    const value = text === undefined ? fallback : Number(text);
    if (Number.isFinite(value) && value > above && value < below) return value;
    throw this.#bad(flag, `a number above ${above}${below === Infinity ? '' : ` and below ${below}`}`);
  }

  duration(flag: string, fallback: string): string {
    const text = this.text(flag) ?? fallback;
    if (DURATION.test(text) && /[1-9]/.test(text)) return text;
    throw this.#bad(flag, 'a duration of Prometheus above 0, such as 30s, 5m or 1h30m');
  }

  oneOf<T extends string>(flag: string, accepted: readonly T[]): T | undefined {
    const text = this.text(flag);
    if (text === undefined || accepted.includes(text as T)) return text as T | undefined;
    throw this.#bad(flag, accepted.join(' or '));
  }

  path(flag: string): string | undefined {
    return this.#matching(flag, /^\/\S*$/, 'a path that begins with /');
  }

  url(flag: string): string | undefined {
    return this.#matching(flag, /^https?:\/\/[^\s#]+$/, 'a URL that begins with http:// or https://, without #');
  }

  kubernetesName(flag: string): string | undefined {
    return this.#matching(flag, KUBERNETES_NAME, 'a name of Kubernetes: lower case letters, digits, - and .');
  }

  /** A flag that can be repeated and has the form `name=value`. */
  pairs(flag: string): Record<string, string> {
    const pairs: Record<string, string> = {};
    for (const text of this.texts(flag)) {
      const [, name, value] = /^([^=]+)=([^]*)$/.exec(text) ?? [];
      if (name === undefined || Object.hasOwn(pairs, name)) {
        throw invalid(`--${flag} must be NAME=VALUE, each name once, got ${show(text)}`);
      }
      pairs[name] = value!;
    }
    return pairs;
  }

  #matching(flag: string, pattern: RegExp, expected: string): string | undefined {
    const text = this.text(flag);
    if (text === undefined || pattern.test(text)) return text;
    throw this.#bad(flag, expected);
  }

  #bad(flag: string, expected: string): ProfiledError {
    return invalid(`--${flag} must be ${expected}, got ${show(this.flags[flag])}`);
  }
}
