import { describe, expect, it } from "vitest";
import { adviceOf } from "../src/core/advice.js";
import { pauseLevel, Spectrum } from "../src/core/spectrogram.js";
import type { Samples } from "../src/core/sweep.js";

const RATE = 8000;

function made(seconds: number, value: (second: number) => number): Samples {
  return { rate: RATE, first: 0, end: seconds * RATE, at: (n) => (n < 0 ? Number.NaN : 32768 * value(n / RATE)) };
}

const tone = (hz: number): Samples => made(3, (s) => 0.5 * Math.sin(2 * Math.PI * hz * s));

describe("a column of the spectrogram", () => {
  it.each([
    [125, 16],
    [500, 64],
    [875, 112],
  ])("has its peak where a tone of %i Hz is, 6 dB below full scale", (hz, bin) => {
    const column = new Spectrum(RATE).column(tone(hz), 16_000) ?? new Float32Array();
    expect(column.indexOf(Math.max(...column))).toBe(bin);
    expect(Math.abs((column[bin] ?? 0) + 6)).toBeLessThan(3); // the low pass falls off towards 1000 Hz
  });

  it("is not drawn over missing samples", () => {
    const samples = { ...tone(100), at: (n: number) => (n === 15_500 ? Number.NaN : 1) };
    expect(new Spectrum(RATE).column(samples, 16_000)).toBeNull();
  });
});

describe("the room", () => {
  const beat = (s: number): number => (s % 0.8 < 0.1 ? 0.3 : 0);

  it("is quiet between the beats of a heart", () => {
    expect(pauseLevel(made(3, beat))).toBe(-120);
  });

  it("is noisy where the pauses are loud, as at -26 dB", () => {
    const level = pauseLevel(made(3, (s) => beat(s) + 0.05)) ?? 0;
    expect(level).toBeCloseTo(-26, 0);
    expect(adviceOf({ clipped: false, level: -15, contact: "good" }, level)).toBe("noisy");
  });

  it("is not judged by half a second", () => {
    expect(pauseLevel(made(0.5, beat))).toBeNull();
  });
});

describe("the advice", () => {
  it.each([
    [{ clipped: true, level: 0, contact: "good" }, null, "clipped"],
    [{ clipped: false, level: -20, contact: "none" }, null, "quiet"],
    [{ clipped: false, level: -50, contact: null }, -80, "quiet"],
    [{ clipped: false, level: -20, contact: "good" }, -80, "good"],
  ] as const)("%o, pauses %s: %s", (source, pause, said) => {
    expect(adviceOf(source, pause)).toBe(said);
  });
});
