import { describe, expect, it } from "vitest";
import { Playout } from "../src/core/sound/playout.js";
import { valueAt } from "../src/core/sound/resampler.js";

const BLOCK = 160;
const QUANTUM = 128;
const CONTEXT = 48_000;
const tone = (hz: number) => (index: number) => 0.5 * Math.sin((2 * Math.PI * hz * index) / 8000);

function block(signal: (index: number) => number, first: number): Float32Array {
  return Float32Array.from({ length: BLOCK }, (_, offset) => signal(first + offset));
}

/** Plays `seconds`; block n arrives at `arrival(n)` seconds, or never when that is null. */
function play(
  signal: (index: number) => number,
  seconds: number,
  arrival: (n: number) => number | null,
): { out: number[]; playout: Playout } {
  const playout = new Playout(8000, CONTEXT);
  const arrivals = Array.from({ length: seconds * 50 }, (_, n) => ({ n, at: arrival(n) }))
    .filter((one): one is { n: number; at: number } => one.at !== null)
    .sort((a, b) => a.at - b.at);
  const out: number[] = [];
  const quantum = new Float32Array(QUANTUM);
  for (let now = 0; now < seconds; now += QUANTUM / CONTEXT) {
    while (arrivals[0] && arrivals[0].at <= now) {
      const { n } = arrivals.shift() ?? { n: 0 };
      playout.put(n * BLOCK, block(signal, n * BLOCK), now);
    }
    playout.read(quantum);
    out.push(...quantum);
  }
  return { out, playout };
}

const onTime = (n: number) => (n + 1) * 0.02;

/** Power of what is not the best fitting sine at `hz`, against its power, in dB. */
function snr(samples: number[], hz: number, rate: number): number {
  let s = 0;
  let c = 0;
  samples.forEach((x, n) => {
    s += (2 / samples.length) * x * Math.sin((2 * Math.PI * hz * n) / rate);
    c += (2 / samples.length) * x * Math.cos((2 * Math.PI * hz * n) / rate);
  });
  const noise = samples.reduce((sum, x, n) => {
    const w = (2 * Math.PI * hz * n) / rate;
    return sum + (x - s * Math.sin(w) - c * Math.cos(w)) ** 2;
  }, 0);
  return 10 * Math.log10(((s * s + c * c) * samples.length) / 2 / noise);
}

describe("samples between samples", () => {
  const resampled = (hz: number) => {
    const ring = Float32Array.from({ length: 8192 }, (_, index) => tone(hz)(index));
    return Array.from({ length: 24_000 }, (_, n) => valueAt(ring, 100 + n / 6));
  };

  it.each([20, 40, 100, 200, 500, 1000, 2000])(
    "%i Hz comes through exact: 90 dB over all error, level within 0.01 dB",
    (hz) => {
      const out = resampled(hz);
      expect(snr(out, hz, 48_000)).toBeGreaterThan(90);
      const rms = Math.sqrt(out.reduce((sum, x) => sum + x * x, 0) / out.length);
      expect(Math.abs(20 * Math.log10((rms * Math.SQRT2) / 0.5))).toBeLessThan(0.01);
    },
  );

  it("an image of 3 kHz at 5 kHz is 80 dB down", () => {
    expect(snr(resampled(3000), 3000, 48_000)).toBeGreaterThan(80);
  });
});

describe("the listener's buffer", () => {
  it("plays a clean link without a break, 50 ms behind", () => {
    const { playout } = play(tone(100), 10, onTime);
    expect(playout.report).toMatchObject({ underruns: 0, gap: 0, skipped: 0, playing: true });
    expect(playout.target).toBe(0.05);
  });

  it("holds back more where the link is uneven, with one short pause to get there", () => {
    const { playout } = play(tone(100), 20, (n) => onTime(n) + (n % 5 === 0 ? 0.12 : 0));
    expect(playout.target).toBeCloseTo(0.15, 2);
    expect(playout.report.gap).toBeLessThan(8000); // while it learnt
    expect(playout.report.underruns).toBe(1);
  });

  it("never holds back more than 300 ms", () => {
    expect(play(tone(100), 5, (n) => onTime(n) + (n % 10 === 0 ? 0.8 : 0)).playout.target).toBe(0.3);
  });

  it("leaves a lost block silent, counts it, and fades at its edges", () => {
    const { out, playout } = play(
      () => 0.5,
      4,
      (n) => (n === 100 ? null : onTime(n)),
    );
    expect(playout.report).toMatchObject({ gap: 160, underruns: 0 });
    const steepest = out
      .slice(CONTEXT)
      .reduce((most, value, index, all) => Math.max(most, Math.abs(value - (all[index - 1] ?? value))), 0);
    expect(steepest).toBeLessThan(0.01); // a bare edge would be 0.5
    expect(out.slice(CONTEXT).filter((value) => value === 0).length).toBeGreaterThan(6 * 150);
  });

  it("after an outage goes on near the present, not where it stopped", () => {
    const { playout } = play(tone(100), 10, (n) => (n >= 100 && n < 250 ? 5.02 : onTime(n)));
    expect(playout.report.level_s).toBeLessThan(0.75);
    expect(playout.report.skipped).toBeGreaterThan(8000);
    expect(playout.report.playing).toBe(true);
  });

  it("follows a device whose clock is 200 ppm fast, without a break", () => {
    const { playout } = play(tone(100), 60, (n) => onTime(n) / 1.0002);
    expect(playout.report).toMatchObject({ underruns: 0, gap: 0, skipped: 0 });
    expect(playout.report.level_s).toBeLessThan(0.1);
  });

  it("begins again when the numbers begin again", () => {
    const playout = new Playout(8000, CONTEXT);
    playout.put(
      800_000,
      block(() => 0.5, 0),
      1,
    );
    playout.put(
      0,
      block(() => 0.5, 0),
      2,
    );
    expect(playout.report.position).toBe(0);
  });
});
