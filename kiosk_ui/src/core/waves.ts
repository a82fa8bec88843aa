/** The last seconds of each waveform, addressed by the sample's own number. A sample that never came is a gap (NaN). */

import type { Waveform } from "./messages.js";
import type { Samples } from "./sweep.js";

export const KEPT_S = 20;

/** One signal. `first` and `end` are sample numbers; `at(i)` is NaN outside them and in gaps. */
export class WaveBuffer implements Samples {
  readonly rate: number;
  readonly unit: string;
  #ring: Float32Array;
  #first: number;
  #end: number;
  #at_ms = 0;

  constructor(rate: number, unit: string, first: number) {
    this.rate = rate;
    this.unit = unit;
    this.#ring = new Float32Array(Math.ceil(rate * KEPT_S)).fill(Number.NaN);
    this.#first = first;
    this.#end = first;
  }

  get first(): number {
    return Math.max(this.#first, this.#end - this.#ring.length);
  }

  get end(): number {
    return this.#end;
  }

  /** The unit's instant of the newest sample, ms. */
  get at_ms(): number {
    return this.#at_ms;
  }

  at(index: number): number {
    if (index < this.first || index >= this.#end) return Number.NaN;
    return this.#ring[index % this.#ring.length] ?? Number.NaN;
  }

  /** The unit's instant of sample `index`, ms, counted from the newest sample's. */
  instant(index: number): number {
    return this.#at_ms - ((this.#end - 1 - index) * 1000) / this.rate;
  }

  /** The number (with its fraction) of the sample that was taken at `unit_ms`. */
  indexAt(unit_ms: number): number {
    return this.#end - 1 - ((this.#at_ms - unit_ms) * this.rate) / 1000;
  }

  /** A block; older than what is kept it is left out, ahead of the end it leaves a gap. */
  put(first: number, samples: readonly (number | null)[], at_ms: number): void {
    const size = this.#ring.length;
    const end = first + samples.length;
    for (let index = Math.max(this.#end, first - size); index < first; index++) this.#ring[index % size] = Number.NaN;
    const oldest = Math.max(this.#end, end) - size;
    for (let index = Math.max(first, oldest); index < end; index++) {
      this.#ring[index % size] = samples[index - first] ?? Number.NaN;
    }
    if (end >= this.#end) {
      this.#end = end;
      this.#at_ms = at_ms;
    }
  }
}

const FASTEST_HZ = 10_000;

/** A link that was opened again counts from 0, so a later instant has a lower number: those samples must not join the last ones. */
function begins(old: WaveBuffer, message: Waveform, rate: number): boolean {
  const restarted = message.at_ms > old.at_ms && message.first + message.samples.length <= old.end;
  return old.rate !== rate || restarted || message.first > old.end + rate * KEPT_S;
}

/** All signals of one unit. */
export class Waves {
  #buffers = new Map<string, WaveBuffer>();

  put(message: Waveform): void {
    const rate = Number(message.rate_hz);
    if (!(rate > 0 && rate <= FASTEST_HZ) || !Number.isSafeInteger(message.first) || message.first < 0) return;
    const key = `${message.device}\n${message.metric}`;
    let buffer = this.#buffers.get(key);
    if (!buffer || begins(buffer, message, rate)) {
      buffer = new WaveBuffer(rate, message.unit, message.first);
      this.#buffers.set(key, buffer);
    }
    buffer.put(message.first, message.samples, message.at_ms);
  }

  get(device: string, metric: string): WaveBuffer | null {
    return this.#buffers.get(`${device}\n${metric}`) ?? null;
  }

  /** The metrics of a device that have a waveform. */
  of(device: string): string[] {
    return [...this.#buffers.keys()]
      .filter((key) => key.startsWith(`${device}\n`))
      .map((key) => key.split("\n")[1] ?? "");
  }

  forget(): void {
    this.#buffers.clear();
  }
}
