/** The audio thread's end of the stethoscope: playout.ts, fed and asked by messages. */

import { Playout } from "./playout.js";

/** What came out: each sample of sound with the (fractional) number of the unit's sample that it was made of. */
export interface Tapped {
  samples: Float32Array<ArrayBuffer>;
  positions: Float64Array<ArrayBuffer>;
}

/** To the worklet. A message with another `stream` or `rate` begins anew. */
export interface Feed {
  stream: number;
  rate: number;
  first: number;
  /** int16. */
  samples: Int16Array;
}

/** To the worklet: tell what comes out, or no more. */
export interface Tap {
  tap: boolean;
}

const REPORT_QUANTA = 16; // about every 43 ms at 48 kHz

class StethoscopeProcessor extends AudioWorkletProcessor {
  #playout: Playout | null = null;
  #stream: string | null = null;
  #quanta = 0;
  #tapped: Tapped | null = null;
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<Feed | Tap | "forget">) => {
      if (event.data === "forget") this.#playout = null;
      else if ("tap" in event.data) this.#tapped = event.data.tap ? this.#empty() : null;
      else this.#take(event.data);
    };
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out && this.#playout) this.#read(this.#playout, out);
    this.#quanta = (this.#quanta + 1) % REPORT_QUANTA;
    if (this.#quanta === 0 && this.#playout) this.port.postMessage(this.#playout.report);
    return true;
  }

  #empty(): Tapped {
    this.#filled = 0;
    return { samples: new Float32Array(128 * REPORT_QUANTA), positions: new Float64Array(128 * REPORT_QUANTA) };
  }

  #read(playout: Playout, out: Float32Array): void {
    const before = playout.report;
    playout.read(out);
    if (!this.#tapped) return;
    const after = playout.report;
    if (before.position === null || after.position === null || !before.playing || !after.playing) return;
    if (after.skipped !== before.skipped || this.#filled + out.length > this.#tapped.samples.length) return;
    const step = (after.position - before.position) / out.length;
    this.#tapped.samples.set(out, this.#filled);
    for (let index = 0; index < out.length; index++) {
      this.#tapped.positions[this.#filled + index] = before.position + index * step;
    }
    this.#filled += out.length;
    if (this.#filled < this.#tapped.samples.length) return;
    this.port.postMessage(this.#tapped);
    this.#tapped = this.#empty();
  }

  #take(feed: Feed): void {
    const stream = `${feed.stream} ${feed.rate}`;
    if (!this.#playout || stream !== this.#stream) this.#playout = new Playout(feed.rate, sampleRate);
    this.#stream = stream;
    const samples = Float32Array.from(feed.samples, (sample) => sample / 32768);
    this.#playout.put(feed.first, samples, currentTime);
  }
}

registerProcessor("stethoscope", StethoscopeProcessor);
