/** The way from samples to the headphones: worklet, filter, volume. It begins with a touch: browsers ask for one. */

import type { Block } from "./block.js";
import { Filter, type FilterName } from "./filters.js";
import type { PlayoutReport } from "./playout.js";
import type { Feed, Tap, Tapped } from "./worklet.js";
import workletUrl from "./worklet.ts?worker&url";

const MOST_TAPPED = 400; // pieces of 43 ms: far more than the known sound

export class StethoscopePlayer {
  #context: AudioContext;
  #node: AudioWorkletNode;
  #filter: Filter;
  #volume: GainNode;
  #loudness: AnalyserNode;
  #peaks = new Float32Array(2048);
  #report: PlayoutReport | null = null;
  #reportAt = 0;
  #tapped: Tapped[] | null = null;
  #replay: AudioBufferSourceNode | null = null;

  private constructor(context: AudioContext, filter: FilterName) {
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "stethoscope", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#filter = new Filter(context, filter);
    this.#volume = new GainNode(context);
    this.#node.connect(this.#filter.input);
    this.#loudness = new AnalyserNode(context, { fftSize: this.#peaks.length });
    this.#filter.output.connect(this.#volume).connect(context.destination);
    this.#volume.connect(this.#loudness);
    this.#node.port.onmessage = (event: MessageEvent<PlayoutReport | Tapped>) => {
      if ("samples" in event.data) {
        if (this.#tapped && this.#tapped.length < MOST_TAPPED) this.#tapped.push(event.data);
        return;
      }
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

  /** 0 to 8: heart sounds are faint. */
  set volume(gain: number) {
    this.#volume.gain.setTargetAtTime(gain, this.#context.currentTime, 0.02);
  }

  /** Whether what is heard now, filtered and amplified, is more than the output can give. */
  get overdriven(): boolean {
    this.#loudness.getFloatTimeDomainData(this.#peaks);
    return this.#peaks.some((value) => Math.abs(value) > 1);
  }

  /** Keep what comes out of the buffer from now on, before filter and volume. */
  tap(): void {
    this.#tapped = [];
    this.#node.port.postMessage({ tap: true } satisfies Tap);
  }

  /** What was kept. */
  untap(): Tapped[] {
    const tapped = this.#tapped ?? [];
    this.#tapped = null;
    this.#node.port.postMessage({ tap: false } satisfies Tap);
    return tapped;
  }

  /** Play these again and again instead of what is live, through the same filter; null: live again. */
  replay(samples: Int16Array | null, rate: number): void {
    this.#replay?.stop();
    this.#replay?.disconnect();
    this.#replay = null;
    if (samples === null || samples.length === 0) return void this.#node.connect(this.#filter.input);
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    this.#replay = new AudioBufferSourceNode(this.#context, { buffer, loop: true });
    this.#node.disconnect();
    this.#replay.connect(this.#filter.input);
    this.#replay.start();
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
