/**
 * Loads a module anew, and all of its package that it loads: its functions compile for themselves, with type feedback of their
 * own. A module that was loaded before stays as it is for those who hold it.
 */
export function fresh<T>(path: string, within: string = path): T {
  for (const file of Object.keys(require.cache)) if (file.startsWith(within)) delete require.cache[file];
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only `require` loads a module twice
  return require(path) as T;
}
