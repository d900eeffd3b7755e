/** Lets so many dials run at once; further ones wait for their turn, in order. */
export class DialGate {
  readonly #max: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Calls `start` when there is room, at once if there is. The function returned gives the room or the turn back; call it once. */
  enter(start: () => void): () => void {
    if (this.#running < this.#max) this.#run(start);
    else this.#waiting.add(start);
    return () => {
      if (this.#waiting.delete(start)) return;
      this.#running -= 1;
      const [next] = this.#waiting;
      if (next && this.#waiting.delete(next)) this.#run(next);
    };
  }

  #run(start: () => void): void {
    this.#running += 1;
    start();
  }
}
