/** What a known sound lost on its way to the listener: docs/protocol.md section 6, "Proof". Pure. */

import type { Tapped } from "./worklet.js";

/** As the unit describes the sound: each tone's level (full scale 1), and where its parts begin and end, seconds. */
export interface KnownSound {
  seconds: number;
  tones_hz: number[];
  level: number;
  parts: { tones: [number, number]; silence: [number, number] };
}

export interface Figures {
  response_db: number;
  snr_db: number;
  jitter_ms: number;
  buffer_ms: number;
  clipped: number;
  lost: number;
  exact: boolean;
}

const FULL = 32766.5 / 32768;
const WORST_DB = -200;

export function knownSound(said: unknown): KnownSound | null {
  const sound = said as KnownSound;
  const numbers = (list: unknown): boolean =>
    Array.isArray(list) && list.length > 0 && list.length <= 16 && list.every((one) => Number.isFinite(one));
  const whole = numbers(sound?.tones_hz) && numbers(sound.parts?.tones) && numbers(sound.parts?.silence);
  return whole && sound.level > 0 && sound.seconds > 0 && sound.seconds < 30 ? sound : null;
}

/** Samples and positions within a part, in order. */
function within(pieces: readonly Tapped[], rate: number, [begin, end]: [number, number]): [number[], number[]] {
  const samples: number[] = [];
  const seconds: number[] = [];
  for (const { samples: values, positions } of pieces) {
    for (let index = 0; index < values.length; index++) {
      const at = (positions[index] ?? -1) / rate;
      if (at < begin || at >= end) continue;
      samples.push(values[index] ?? 0);
      seconds.push(at);
    }
  }
  return [samples, seconds];
}

/** The solution of a symmetric positive system, by Cholesky's method; in place. */
function solve(matrix: Float64Array[], right: Float64Array): Float64Array {
  const count = right.length;
  const cell = (row: number, column: number): number => matrix[row]?.[column] ?? 0;
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = cell(row, column);
      for (let k = 0; k < column; k++) sum -= cell(row, k) * cell(column, k);
      const target = matrix[row] as Float64Array;
      target[column] = row === column ? Math.sqrt(Math.max(sum, 1e-12)) : sum / cell(column, column);
    }
  }
  for (let row = 0; row < count; row++) {
    let sum = right[row] ?? 0;
    for (let k = 0; k < row; k++) sum -= cell(row, k) * (right[k] ?? 0);
    right[row] = sum / cell(row, row);
  }
  for (let row = count - 1; row >= 0; row--) {
    let sum = right[row] ?? 0;
    for (let k = row + 1; k < count; k++) sum -= cell(k, row) * (right[k] ?? 0);
    right[row] = sum / cell(row, row);
  }
  return right;
}

/** Amplitude of each tone by least squares, and the power of what is none of them. */
export function tones(
  samples: readonly number[],
  seconds: readonly number[],
  tones_hz: readonly number[],
): { levels: number[]; tonal: number; rest: number } {
  const width = 2 * tones_hz.length + 1; // and a steady voltage
  const matrix = Array.from({ length: width }, () => new Float64Array(width));
  const right = new Float64Array(width);
  const row = new Float64Array(width);
  const fill = (at: number): void => {
    tones_hz.forEach((hz, tone) => {
      row[2 * tone] = Math.cos(2 * Math.PI * hz * at);
      row[2 * tone + 1] = Math.sin(2 * Math.PI * hz * at);
    });
    row[width - 1] = 1;
  };
  samples.forEach((sample, index) => {
    fill(seconds[index] ?? 0);
    for (let a = 0; a < width; a++) {
      const value = row[a] ?? 0;
      right[a] = (right[a] ?? 0) + value * sample;
      const line = matrix[a] as Float64Array;
      for (let b = 0; b <= a; b++) line[b] = (line[b] ?? 0) + value * (row[b] ?? 0);
    }
  });
  const parts = solve(matrix, right);
  let rest = 0;
  samples.forEach((sample, index) => {
    fill(seconds[index] ?? 0);
    rest += (sample - parts.reduce((sum, part, a) => sum + part * (row[a] ?? 0), 0)) ** 2;
  });
  const levels = tones_hz.map((_, tone) => Math.hypot(parts[2 * tone] ?? 0, parts[2 * tone + 1] ?? 0));
  const tonal = levels.reduce((sum, level) => sum + level ** 2 / 2, 0);
  return { levels, tonal, rest: rest / Math.max(1, samples.length) };
}

const db = (ratio: number): number => Math.max(WORST_DB, 20 * Math.log10(Math.max(ratio, 1e-10)));

/** Change of level of each tone, dB, and what was added to them. */
export function response(
  pieces: readonly Tapped[],
  rate: number,
  known: KnownSound,
): { change_db: number[]; snr_db: number; clipped: number; heard: number } {
  const [samples, seconds] = within(pieces, rate, known.parts.tones);
  const clipped = samples.filter((sample) => Math.abs(sample) >= FULL).length;
  if (samples.length < 1000) return { change_db: known.tones_hz.map(() => WORST_DB), snr_db: 0, clipped, heard: 0 };
  const { levels, tonal, rest } = tones(samples, seconds, known.tones_hz);
  const snr_db = Math.min(200, 10 * Math.log10(tonal / Math.max(rest, 1e-20)));
  return { change_db: levels.map((level) => db(level / known.level)), snr_db, clipped, heard: samples.length };
}

/** The largest change, with its sign. */
export function worst(changes: readonly number[]): number {
  return changes.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
}
