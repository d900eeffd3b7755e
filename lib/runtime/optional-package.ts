import { ProfiledError } from '../errors';

/**
 * Loads what needs packages that a program only installs if it chose `setting`.
 * @throws PROFILED_CONFIG_INVALID with the line that installs them, where one of them is missing
 */
export function loadOptional<T>(setting: string, packages: readonly string[], load: () => T): T {
  try {
    return load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = packages.find((name) => message.includes(`'${name}'`));
    if (code !== 'MODULE_NOT_FOUND' || missing === undefined) throw error;
    throw new ProfiledError(
      'PROFILED_CONFIG_INVALID',
      `${setting} needs the package ${missing}, which is not installed; run: npm install ${packages.join(' ')}`,
      { cause: error },
    );
  }
}
