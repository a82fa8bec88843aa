/**
 * The listener's buffer: samples go in by number as they arrive, sound comes out at the context's rate.
 *
 * It holds back as little as the link allows (50 to 300 ms): the worst lateness of the last seconds decides. Two
 * quartz clocks never agree, so it plays up to 0.3 % faster or slower to stay there. What did not come is silence, with
 * a short fade at its edges (an edge would sound like a click of the heart), and is counted; nothing is ever invented.
 */

import { TAPS, valueAt } from "./resampler.js";

export const LEAST_S = 0.05;
export const MOST_S = 0.3;

const RING = 65_536; // 8 s at 8 kHz; a power of two
const MARGIN_S = 0.03; // one block and half a render quantum of the slowest device
const BLOCK_S = 0.02; // what comes at once: to begin so much too full is to be right on average
const WINDOW_S = 10;
const FADE_S = 0.005;
const MOST_TRIM = 0.003;
const TOO_FULL_S = 0.4;
const TOO_EMPTY_S = 0.04; // below the target: better one short pause than one at every late block

export interface PlayoutReport {
  /** The sample that is heard now, with its fraction; null before the first. */
  position: number | null;
  /** Sound in hand and sound wanted in hand, seconds. */
  level_s: number;
  target_s: number;
  /** Times the sound ran out or paused to gather more; samples that were silence because they had not come; samples jumped over to catch up. */
  underruns: number;
  gap: number;
  skipped: number;
  /** Of these, what was jumped over before the first sound. */
  begun: number;
  playing: boolean;
}

/** The worst lateness over a window, against the best: two buckets of half a window each. */
class Jitter {
  #best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  #worst = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  #since: number | null = null;

  add(lateness: number, now: number): void {
    this.#since ??= now;
    if (now - this.#since > WINDOW_S / 2) {
      this.#best = [Number.POSITIVE_INFINITY, this.#best[0] ?? Number.POSITIVE_INFINITY];
      this.#worst = [Number.NEGATIVE_INFINITY, this.#worst[0] ?? Number.NEGATIVE_INFINITY];
      this.#since = now;
    }
    this.#best[0] = Math.min(this.#best[0] ?? lateness, lateness);
    this.#worst[0] = Math.max(this.#worst[0] ?? lateness, lateness);
  }

  get spread(): number {
    const spread = Math.max(...this.#worst) - Math.min(...this.#best);
    return Number.isFinite(spread) ? spread : 0;
  }
}

export class Playout {
  #rate: number;
  #contextRate: number;
  #ring = new Float32Array(RING);
  #filled = new Uint8Array(RING);
  #begin: number | null = null;
  #end = 0;
  #position = 0;
  #playing = false;
  #pausing = false;
  #gain = 0;
  #level = 0;
  #jitter = new Jitter();
  #underruns = 0;
  #gap = 0;
  #skipped = 0;
  #begun: number | null = null;

  /** Rates of the samples and of the sound that comes out, Hz. */
  constructor(rate: number, contextRate: number) {
    this.#rate = rate;
    this.#contextRate = contextRate;
  }

  get report(): PlayoutReport {
    return {
      position: this.#begin === null ? null : this.#position,
      level_s: this.#ahead,
      target_s: this.target,
      underruns: this.#underruns,
      gap: this.#gap,
      skipped: this.#skipped,
      begun: this.#begun ?? 0,
      playing: this.#playing,
    };
  }

  /** How much sound it wants in hand, seconds. */
  get target(): number {
    return Math.min(MOST_S, Math.max(LEAST_S, this.#jitter.spread + MARGIN_S));
  }

  /** `samples` from number `first` on, full scale 1, which arrived at `now` (seconds, any monotonic clock). */
  put(first: number, samples: Float32Array, now: number): void {
    const end = first + samples.length;
    if (this.#begin === null || end < this.#end - RING / 2 || first > this.#end + RING / 2) this.#start(first);
    this.#jitter.add(now - end / this.#rate, now);
    for (let index = this.#end; index < end; index++) this.#clear(index);
    samples.forEach((sample, offset) => {
      const slot = (first + offset) & (RING - 1);
      this.#ring[slot] = sample;
      this.#filled[slot] = 1;
    });
    this.#end = Math.max(this.#end, end);
  }

  /** Fill `out` (full scale 1) with what is to be heard next. */
  read(out: Float32Array): void {
    const trim = this.#steer(out.length / this.#contextRate);
    const step = (this.#rate / this.#contextRate) * (1 + trim);
    for (let index = 0; index < out.length; index++) out[index] = this.#next(step);
  }

  #start(first: number): void {
    this.#ring.fill(0);
    this.#filled.fill(0);
    this.#begin = first;
    this.#end = first;
    this.#position = first;
    this.#playing = false;
    this.#begun = null;
    this.#jitter = new Jitter();
  }

  get #ahead(): number {
    return this.#begin === null ? 0 : (this.#end - this.#position) / this.#rate;
  }

  /** Begin, catch up or trim the speed; returns the trim. */
  #steer(quantum_s: number): number {
    if (this.#begin === null) return 0;
    if (!this.#playing && this.#ahead >= this.target) {
      this.#playing = true;
      this.#pausing = false;
      if (this.#ahead > this.target + BLOCK_S) this.#jump();
      this.#begun ??= this.#skipped;
      this.#level = this.target;
    }
    if (this.#ahead > this.target + TOO_FULL_S) this.#jump();
    if (!this.#playing) return 0;
    this.#level += (this.#ahead - this.#level) * Math.min(1, quantum_s / 0.5);
    const error = this.#level - this.target;
    this.#pausing ||= error < -TOO_EMPTY_S;
    return Math.max(-MOST_TRIM, Math.min(MOST_TRIM, error * 0.1));
  }

  /** Go to where exactly the target is in hand. */
  #jump(): void {
    const to = this.#end - Math.round(this.target * this.#rate);
    if (to <= this.#position) return;
    this.#skipped += Math.floor(to - this.#position);
    this.#position = to;
    this.#gain = 0;
  }

  #next(step: number): number {
    if (!this.#playing) return 0;
    if (this.#position + TAPS / 2 >= this.#end || (this.#pausing && this.#gain === 0)) {
      this.#playing = false;
      this.#underruns += 1;
      this.#gain = 0;
      return 0;
    }
    const whole = Math.floor(this.#position);
    const open = this.#pausing || this.#hole(whole) ? 0 : 1;
    const fade = 1 / (FADE_S * this.#contextRate);
    this.#gain += Math.max(-fade, Math.min(fade, open - this.#gain));
    const value = this.#gain === 0 ? 0 : this.#gain * valueAt(this.#ring, this.#position);
    this.#position += step;
    for (let passed = whole; passed < Math.floor(this.#position); passed++) this.#pass(passed);
    return value;
  }

  /** A hole is near enough that the fade towards it must begin, or has not been left yet. */
  #hole(index: number): boolean {
    const near = Math.ceil(FADE_S * this.#rate) + TAPS / 2;
    const missing = (at: number): boolean => this.#filled[at & (RING - 1)] === 0;
    return missing(index) || missing(index + near) || missing(Math.max(this.#begin ?? 0, index - TAPS / 2));
  }

  #pass(index: number): void {
    if (this.#filled[index & (RING - 1)] === 0) this.#gap += 1;
  }

  #clear(index: number): void {
    const slot = index & (RING - 1);
    this.#ring[slot] = 0;
    this.#filled[slot] = 0;
  }
}
