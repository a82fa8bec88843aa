/** The audio thread's end of the stethoscope: playout.ts, fed and asked by messages. */

import { Playout } from "./playout.js";

/** To the worklet. A message with another `stream` or `rate` begins anew. */
export interface Feed {
  stream: number;
  rate: number;
  first: number;
  /** int16. */
  samples: Int16Array;
}

const REPORT_QUANTA = 16; // about every 43 ms at 48 kHz

class StethoscopeProcessor extends AudioWorkletProcessor {
  #playout: Playout | null = null;
  #stream: string | null = null;
  #quanta = 0;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<Feed | "forget">) => {
      if (event.data === "forget") this.#playout = null;
      else this.#take(event.data);
    };
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out) this.#playout?.read(out);
    this.#quanta = (this.#quanta + 1) % REPORT_QUANTA;
    if (this.#quanta === 0 && this.#playout) this.port.postMessage(this.#playout.report);
    return true;
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
