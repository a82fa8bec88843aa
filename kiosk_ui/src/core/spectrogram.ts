/** What a heart sound is made of, column by column: FFT of 512 samples at about 4 kHz, Hann window, hop of 64. */

import type { Samples } from "./sweep.js";

export const SIZE = 512;
export const HOP = 64;
export const RATE_HZ = 4000;
/** Shown and computed up to here: heart and lung sounds are below. */
export const TOP_HZ = 1000;
export const BINS = (SIZE * TOP_HZ) / RATE_HZ;
const FULL_SCALE = 32768;
const TAPS = 15; // of the low pass before every second sample is left out
const FLOOR_DB = -120;

const hann = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / SIZE));

/** Windowed sinc (Hamming), gain 1 at 0 Hz. `factor`: how many samples become one. */
function lowPass(factor: number): Float32Array {
  const middle = (TAPS - 1) / 2;
  const taps = Float32Array.from({ length: TAPS }, (_, n) => {
    const x = (n - middle) / factor;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    return sinc * (0.54 - 0.46 * Math.cos((2 * Math.PI * n) / (TAPS - 1)));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** In place, radix 2, decimation in time. `re`, `im`: SIZE values. */
function transform(re: Float32Array, im: Float32Array): void {
  for (let i = 1, j = 0; i < SIZE; i++) {
    let bit = SIZE >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j]] = [re[j] as number, re[i] as number]; // im is all zero at the start
  }
  for (let length = 2; length <= SIZE; length <<= 1) {
    const half = length >> 1;
    for (let k = 0; k < half; k++) {
      const angle = (-2 * Math.PI * k) / length;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      for (let a = k; a < SIZE; a += length) {
        const b = a + half;
        const [br, bi] = [re[b] as number, im[b] as number];
        const [tr, ti] = [br * c - bi * s, br * s + bi * c];
        [re[b], im[b]] = [(re[a] as number) - tr, (im[a] as number) - ti];
        re[a] = (re[a] as number) + tr;
        im[a] = (im[a] as number) + ti;
      }
    }
  }
}

/** One column of a stream: dB of full scale for each of BINS bands, lowest first. */
export class Spectrum {
  readonly factor: number;
  /** Samples of the stream from one column to the next. */
  readonly hop: number;
  #taps: Float32Array;
  #re = new Float32Array(SIZE);
  #im = new Float32Array(SIZE);
  #out = new Float32Array(BINS);

  constructor(rate: number) {
    this.factor = Math.max(1, Math.round(rate / RATE_HZ));
    this.hop = HOP * this.factor;
    this.#taps = this.factor === 1 ? Float32Array.of(1) : lowPass(this.factor);
  }

  /** The column that ends before sample `end`; null where samples are missing. The array is used again. */
  column(samples: Samples, end: number): Float32Array | null {
    const first = end - SIZE * this.factor;
    for (let n = 0; n < SIZE; n++) {
      let value = 0;
      this.#taps.forEach((tap, k) => (value += tap * samples.at(first + n * this.factor - k)));
      if (Number.isNaN(value)) return null; // a gap is not a sound
      this.#re[n] = (value / FULL_SCALE) * (hann[n] ?? 0);
    }
    this.#im.fill(0);
    transform(this.#re, this.#im);
    for (let bin = 0; bin < BINS; bin++) {
      const power = ((this.#re[bin] ?? 0) ** 2 + (this.#im[bin] ?? 0) ** 2) * (4 / SIZE) ** 2;
      this.#out[bin] = power > 0 ? Math.max(FLOOR_DB, 10 * Math.log10(power)) : FLOOR_DB;
    }
    return this.#out;
  }
}

/**
 * The loudness of the quietest tenth of the last `seconds`, dB of full scale; null where too little came.
 * Heart and breath leave pauses, a noisy room does not: this is what is left in the pauses.
 */
export function pauseLevel(samples: Samples, seconds = 2): number | null {
  const length = Math.round(samples.rate / 50);
  const powers: number[] = [];
  const begin = Math.max(samples.first, samples.end - seconds * samples.rate);
  for (let from = begin; from + length <= samples.end; from += length) {
    let sum = 0;
    for (let n = from; n < from + length; n++) sum += (samples.at(n) / FULL_SCALE) ** 2;
    if (!Number.isNaN(sum)) powers.push(sum / length);
  }
  if (powers.length < (seconds * 50) / 2) return null;
  powers.sort((a, b) => a - b);
  const quiet = powers[Math.floor(powers.length / 10)] ?? 0;
  return quiet > 0 ? 10 * Math.log10(quiet) : FLOOR_DB;
}
