/** How long to wait before the next try: doubling, bounded, and spread so that many screens do not come back at once. */
export class Backoff {
  #tries = 0;
  #first: number;
  #most: number;
  #random: () => number;

  /** Milliseconds. */
  constructor(first = 250, most = 5000, random: () => number = Math.random) {
    this.#first = first;
    this.#most = most;
    this.#random = random;
  }

  /** Between a half and the whole of the next step. */
  next(): number {
    const step = Math.min(this.#most, this.#first * 2 ** this.#tries);
    this.#tries += 1;
    return step * (0.5 + this.#random() / 2);
  }

  worked(): void {
    this.#tries = 0;
  }
}
