/** One question of the bench to one of its processes. */
export interface Question {
  readonly n: number;
  readonly op: string;
  readonly argument: unknown;
}

/** The answer with the same number: a result, or why there is none. */
export type Answer = { readonly n: number; readonly result: unknown } | { readonly n: number; readonly error: string };

/** What a process has used by now, by its own clock. */
export interface Usage {
  readonly atMs: number;
  readonly cpuMs: number;
}

/** CPU of this process, all its threads. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), cpuMs: (user + system) / 1_000 };
}

/** What this process holds, in bytes, with its garbage collected. */
export function memory(): { readonly rss: number; readonly js: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, js: heapUsed + external };
}

type Operations = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers the questions of the process that started this one, until that lets go. */
export function answerWith(operations: Operations): void {
  process.on('message', ({ n, op, argument }: Question) => {
    void (async () => operations[op]!(argument as never))().then(
      (result: unknown) => process.send?.({ n, result }),
      (error: unknown) => process.send?.({ n, error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}
