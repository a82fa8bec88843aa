/** Asks again for what the network lost, one question at a time, until it is here or the unit has it no more. */

import type { BlocksAnswer } from "../requests.js";
import type { Hole, Stream } from "./receiver.js";

const MOST = 500; // blocks for one question (docs/protocol.md section 7)
const PACE_MS = 10; // between two blocks, at the unit's fastest
const GRACE_MS = 1500;
const FAILED_MS = 3000;

export class Backfill {
  #ask: (stream: number, sequence: number, count: number) => Promise<BlocksAnswer>;
  #gone = new Set<string>();
  #ended = new Set<number>();
  #not_before = 0;
  #asking = false;
  /** Blocks that the unit does not hold any more. */
  lost = 0;

  constructor(ask: (stream: number, sequence: number, count: number) => Promise<BlocksAnswer>) {
    this.#ask = ask;
  }

  /** Call every second or so. `streams`: newest first; `now`: a monotonic clock, ms. */
  async tick(streams: readonly Stream[], now: number): Promise<void> {
    if (this.#asking || now < this.#not_before) return;
    const wanted = this.#next(streams);
    if (!wanted) return;
    const { stream, hole, tail } = wanted;
    this.#asking = true;
    const answer = await this.#ask(stream.id, hole.sequence, hole.count);
    this.#asking = false;
    const coming = answer.coming ?? 0;
    this.#not_before = now + (answer.ok ? (coming > 0 ? coming * PACE_MS + GRACE_MS : 0) : FAILED_MS);
    if (!answer.ok) return;
    if (tail) this.#ended.add(stream.id);
    else if (coming === 0) this.#give_up(stream, hole);
  }

  forget(): void {
    this.#gone.clear();
    this.#ended.clear();
    this.#not_before = this.lost = 0;
  }

  /** The oldest hole of the newest stream that has one; of a stream that is over also what came after its last block. */
  #next(streams: readonly Stream[]): { stream: Stream; hole: Hole; tail: boolean } | null {
    for (const [age, stream] of streams.entries()) {
      const hole = stream.holes(age > 0).find((one) => !this.#gone.has(`${stream.id} ${one.sequence}`));
      if (hole) return { stream, hole: { ...hole, count: Math.min(MOST, hole.count) }, tail: false };
      if (age > 0 && !stream.proof && !this.#ended.has(stream.id)) {
        return { stream, hole: { sequence: Math.ceil(stream.end / stream.block), count: MOST }, tail: true };
      }
    }
    return null;
  }

  #give_up(stream: Stream, hole: Hole): void {
    this.lost += hole.count;
    for (let offset = 0; offset < hole.count; offset++) this.#gone.add(`${stream.id} ${hole.sequence + offset}`);
  }
}
