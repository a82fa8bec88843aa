/** The way from samples to the headphones: worklet, filter, volume. It begins with a touch: browsers ask for one. */

import type { Block } from "./block.js";
import { Filter, type FilterName } from "./filters.js";
import type { PlayoutReport } from "./playout.js";
import type { Feed } from "./worklet.js";
import workletUrl from "./worklet.ts?worker&url";

export class StethoscopePlayer {
  #context: AudioContext;
  #node: AudioWorkletNode;
  #filter: Filter;
  #volume: GainNode;
  #report: PlayoutReport | null = null;
  #reportAt = 0;

  private constructor(context: AudioContext, filter: FilterName) {
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "stethoscope", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#filter = new Filter(context, filter);
    this.#volume = new GainNode(context);
    this.#node.connect(this.#filter.input);
    this.#filter.output.connect(this.#volume).connect(context.destination);
    this.#node.port.onmessage = (event: MessageEvent<PlayoutReport>) => {
      this.#report = event.data;
      this.#reportAt = performance.now();
    };
  }

  /** Rejects where the browser has no AudioWorklet (a page without https). */
  static async start(filter: FilterName): Promise<StethoscopePlayer> {
    const context = new AudioContext({ latencyHint: "interactive" });
    try {
      await context.audioWorklet.addModule(workletUrl);
    } catch (error) {
      await context.close();
      throw error;
    }
    await context.resume();
    return new StethoscopePlayer(context, filter);
  }

  get report(): PlayoutReport | null {
    return this.#report;
  }

  /** The number of the sample that is heard at `local` (performance.now), or null while nothing is. */
  heard(local: number, rate: number): number | null {
    const report = this.#report;
    if (!report?.playing || report.position === null) return null;
    const since = Math.min(250, local - this.#reportAt);
    return report.position + ((since - this.#context.outputLatency * 1000) * rate) / 1000;
  }

  put(block: Block): void {
    const { stream, rate, first, samples } = block;
    this.#node.port.postMessage({ stream, rate, first, samples } satisfies Feed);
  }

  set filter(name: FilterName) {
    this.#filter.set(name);
  }

  /** 0 to 4: heart sounds are faint. */
  set volume(gain: number) {
    this.#volume.gain.setTargetAtTime(gain, this.#context.currentTime, 0.02);
  }

  forget(): void {
    this.#node.port.postMessage("forget");
    this.#report = null;
  }

  async stop(): Promise<void> {
    this.#node.disconnect();
    await this.#context.close();
  }
}
