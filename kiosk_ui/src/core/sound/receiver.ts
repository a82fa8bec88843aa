/** What arrived of the stethoscope's streams: every sample at its number, every block once, every hole counted. */

import type { Samples } from "../sweep.js";
import type { Block } from "./block.js";

export const KEPT_S = 30;
const STREAMS_REMEMBERED = 8;

export interface StreamCount {
  stream: number;
  rate: number;
  /** Samples received, each counted once. */
  received: number;
  /** Samples between the first and the newest that have not come (yet: the channel is reliable but unordered). */
  missing: number;
  blocks: number;
  /** Blocks that came again. */
  repeated: number;
  reference: boolean;
}

/** One stream's last 30 seconds, numbered as the unit numbered them. */
export class Stream implements Samples {
  readonly id: number;
  readonly rate: number;
  readonly reference: boolean;
  #values: Int16Array;
  #filled: Uint8Array;
  #begin: number;
  #end: number;
  #received = 0;
  #blocks = 0;
  #repeated = 0;

  constructor(block: Block) {
    this.id = block.stream;
    this.rate = block.rate;
    this.reference = block.reference;
    this.#values = new Int16Array(this.rate * KEPT_S);
    this.#filled = new Uint8Array(this.rate * KEPT_S);
    this.#begin = block.first;
    this.#end = block.first;
  }

  get first(): number {
    return Math.max(this.#begin, this.#end - this.#values.length);
  }

  get end(): number {
    return this.#end;
  }

  get count(): StreamCount {
    const missing = this.#end - this.#begin - this.#received;
    const { id: stream, rate, reference } = this;
    return {
      stream,
      rate,
      received: this.#received,
      missing,
      blocks: this.#blocks,
      repeated: this.#repeated,
      reference,
    };
  }

  /** The sample as a number from -32768 to 32767; NaN where none came. */
  at(index: number): number {
    const slot = index % this.#values.length;
    if (index < this.first || index >= this.#end || this.#filled[slot] === 0) return Number.NaN;
    return this.#values[slot] ?? Number.NaN;
  }

  /** False when the block came before, or is older than what is kept. */
  put(block: Block): boolean {
    const size = this.#values.length;
    const end = block.first + block.samples.length;
    if (end <= this.#end - size || !Number.isNaN(this.at(block.first))) {
      this.#repeated += 1;
      return false;
    }
    this.#open(block.first, end);
    block.samples.forEach((sample, offset) => {
      const slot = (block.first + offset) % size;
      this.#values[slot] = sample;
      this.#filled[slot] = 1;
    });
    this.#received += block.samples.length;
    this.#blocks += 1;
    return true;
  }

  /** Make room up to `end`: what lies between is a hole until it comes. */
  #open(first: number, end: number): void {
    const size = this.#values.length;
    if (end - this.#end > size) this.#filled.fill(0);
    else for (let index = this.#end; index < end; index++) this.#filled[index % size] = 0;
    this.#begin = Math.min(this.#begin, first);
    this.#end = Math.max(this.#end, end);
  }
}

export type Verdict = "kept" | "repeated" | "corrupt" | "unreadable" | "old-stream";

/** All streams of one consultation; it outlives a connection, so what is sent again after one is known. */
export class StethoscopeReceiver {
  #streams = new Map<number, Stream>();
  #current: Stream | null = null;
  corrupt = 0;
  unreadable = 0;
  /** Blocks whose hash was compared and agreed. */
  proven = 0;

  get current(): Stream | null {
    return this.#current;
  }

  stream(id: number): Stream | null {
    return this.#streams.get(id) ?? null;
  }

  get counts(): StreamCount[] {
    return [...this.#streams.values()].map((stream) => stream.count);
  }

  /** `proof`: what `intact` said of it. */
  put(block: Block | null, proof: boolean | null): Verdict {
    if (!block) {
      this.unreadable += 1;
      return "unreadable";
    }
    if (proof === false) {
      this.corrupt += 1;
      return "corrupt";
    }
    if (proof) this.proven += 1;
    const stream = this.#streamOf(block);
    if (!stream.put(block)) return "repeated";
    return stream === this.#current ? "kept" : "old-stream";
  }

  forget(): void {
    this.#streams.clear();
    this.#current = null;
    this.corrupt = 0;
    this.unreadable = 0;
    this.proven = 0;
  }

  #streamOf(block: Block): Stream {
    const known = this.#streams.get(block.stream);
    if (known && known.rate === block.rate) return known;
    const stream = new Stream(block);
    this.#streams.set(block.stream, stream);
    this.#current = stream;
    const oldest = this.#streams.keys().next();
    if (this.#streams.size > STREAMS_REMEMBERED && !oldest.done) this.#streams.delete(oldest.value);
    return stream;
  }
}
