/** What arrived of the stethoscope's streams: every sample at its number, every block once, every hole counted. */

import type { Samples } from "../sweep.js";
import type { Block } from "./block.js";

export const KEPT_S = 120; // a way that was down for 40 s is filled again from behind
const STREAMS_REMEMBERED = 6;
const SETTLED_S = 1.5; // the channel is reliable: what is missing for less may be on its way

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

/** Consecutive blocks, by the unit's number of the first. */
export interface Hole {
  sequence: number;
  count: number;
}

/** One stream's last two minutes, numbered as the unit numbered them. */
export class Stream implements Samples {
  readonly id: number;
  readonly rate: number;
  readonly reference: boolean;
  readonly proof: boolean;
  /** Samples of one block, and the instant of sample 0 on the unit's clock, ms. */
  readonly block: number;
  #origin_ms: number;
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
    this.proof = block.proof;
    this.block = block.samples.length;
    this.#origin_ms = block.capture_ms - (block.first * 1000) / block.rate;
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

  /** The instant at which sample `index` was captured, unit clock, ms. */
  instant(index: number): number {
    return this.#origin_ms + (index * 1000) / this.rate;
  }

  /** What has not come and is not on its way any more, oldest first. `over`: nothing of this stream is on its way. */
  holes(over = false): Hole[] {
    const holes: Hole[] = [];
    if (this.#end - this.#begin === this.#received) return holes;
    const size = this.block;
    const oldest = Math.ceil(this.first / size);
    const newest = Math.floor((this.#end - (over ? 0 : SETTLED_S) * this.rate) / size);
    for (let sequence = oldest; sequence < newest; sequence++) {
      if (!Number.isNaN(this.at(sequence * size))) continue;
      const last = holes.at(-1);
      if (last && last.sequence + last.count === sequence) last.count += 1;
      else holes.push({ sequence, count: 1 });
    }
    return holes;
  }

  /** A copy of samples `first` to `first + count`; what never came is 0. */
  copy(first: number, count: number): Int16Array<ArrayBuffer> {
    return Int16Array.from({ length: count }, (_, offset) => this.at(first + offset) || 0);
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

  /** Newest first. */
  get streams(): Stream[] {
    return [...this.#streams.values()].reverse();
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
