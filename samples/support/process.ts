/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function untilCtrlC(): Promise<void> {
  return new Promise((resolve) => {
    const stayAlive = setInterval(() => {}, 2 ** 30);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(stayAlive);
        resolve();
      });
    }
  });
}

/** Lets `main` be the whole program: a failure is one clear line and exit code 1. */
export function finish(main: Promise<void>): void {
  main.catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
}
