/** One proof in the making: the blocks of the known sound as they arrive, and the figures when it is over. */

import type { Block } from "./block.js";
import type { PlayoutReport } from "./playout.js";
import { type Figures, type KnownSound, response, worst } from "./proof.js";
import type { Tapped } from "./worklet.js";

export class Proving {
  #stream: number | null = null;
  #rate = 8000;
  #early = Number.POSITIVE_INFINITY;
  #late = Number.NEGATIVE_INFINITY;
  #exact = true;
  #over: () => void = () => undefined;
  /** Resolves when the known sound has been and another stream goes on. */
  readonly over: Promise<void> = new Promise((done) => (this.#over = done));
  report: PlayoutReport | null = null;

  /** Any block that arrives; `intact`: what its hash said; `local`: performance.now. True: it is of the known sound. */
  take(block: Block, intact: boolean | null, local: number): boolean {
    if (!block.proof) {
      if (this.#stream !== null && block.stream !== this.#stream) this.#over();
      return false;
    }
    this.#stream = block.stream;
    this.#rate = block.rate;
    const lateness = local - (block.first * 1000) / block.rate;
    this.#early = Math.min(this.#early, lateness);
    this.#late = Math.max(this.#late, lateness);
    this.#exact &&= intact === true;
    return true;
  }

  figures(tapped: readonly Tapped[], known: KnownSound, corrupt: number): Figures {
    const { change_db, snr_db, clipped, heard } = response(tapped, this.#rate, known);
    const report = this.report;
    const none = this.#stream === null || heard === 0;
    const begun = report?.begun ?? 0; // what came before the player began was not yet to be heard
    return {
      response_db: worst(change_db),
      snr_db,
      jitter_ms: none ? 99_999 : this.#late - this.#early,
      buffer_ms: (report?.target_s ?? 0) * 1000,
      clipped,
      lost: none ? 99_999 : (report?.gap ?? 0) + Math.max(0, (report?.skipped ?? 0) - begun),
      exact: !none && this.#exact && corrupt === 0,
    };
  }
}
