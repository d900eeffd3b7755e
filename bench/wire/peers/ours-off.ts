import { dirname, join } from 'node:path';

type Members = Record<string, unknown>;
type Class = { readonly prototype: Members };

/**
 * Takes the recording out of the copy of the package that is loaded now: there is no switch for it in the package. What remains is
 * what has to be done in any case.
 */
export function turnOff(): void {
  const lib = dirname(require.resolve('profiled'));
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- `import` would know only the first copy
  const load = (file: string) => require(join(lib, file)) as Record<string, Class>;
  const { Recorder } = load('profile/recorder.js');
  const nothing = () => {};
  const silence = (target: Members, names: readonly string[]) => {
    for (const name of names) target[name] = nothing;
    return target;
  };
  const silent = silence({}, methodsOf(load('profile/profile.js').Profile!));
  Recorder!.prototype.open = () => silent;
  const { PlaneProfile } = load('ingress/plane-profile.js');
  silence(PlaneProfile!.prototype, methodsOf(PlaneProfile!));
}

function methodsOf({ prototype }: Class): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' ? [name] : [],
  );
}
