/** Members that stand in for those of the source; undefined members of this table are the source's own. */
export type Overrides = ReadonlyMap<PropertyKey, unknown>;

/**
 * The source as it is, class, private fields and all, but for the overridden members. Other methods run with the source as
 * `this`, since a private field is not reachable through a proxy.
 */
export function withMembers<T extends object>(source: T, overrides: Overrides): T {
  const proxy: T = new Proxy(source, {
    get(target, key) {
      if (overrides.has(key) && isFree(target, key)) return overrides.get(key);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || key === 'constructor' || !isFree(target, key)) return value;
      return function (this: unknown, ...args: unknown[]): unknown {
        const result: unknown = Reflect.apply(value, this === proxy ? target : this, args);
        return result === target ? proxy : result;
      };
    },
    set(target, key, value) {
      return Reflect.set(target, key, value, target);
    },
  });
  return proxy;
}

/** Whether a proxy may answer something else for `key`: not if the source has it as a constant of its own. */
export function isFree(target: object, key: PropertyKey): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, key);
  return !own || own.configurable === true || (own.writable === true && 'value' in own) || 'get' in own;
}
