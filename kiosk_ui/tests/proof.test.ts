import { describe, expect, it } from "vitest";
import { Backfill } from "../src/core/sound/backfill.js";
import type { Block } from "../src/core/sound/block.js";
import { knownSound, response, worst } from "../src/core/sound/proof.js";
import { Playout } from "../src/core/sound/playout.js";
import { Proving } from "../src/core/sound/proving.js";
import { StethoscopeReceiver } from "../src/core/sound/receiver.js";
import type { Tapped } from "../src/core/sound/worklet.js";
import { FrameTimes, skew } from "../src/core/timeline.js";

const HZ = [20, 40, 60, 100, 200, 500, 1000, 2000];
const KNOWN = { seconds: 4, tones_hz: HZ, level: 0.14, parts: { tones: [0.6, 1.8], silence: [1.9, 2.3] } } as const;
const known = { ...KNOWN, tones_hz: [...HZ], parts: { tones: [0.6, 1.8], silence: [1.9, 2.3] } } as {
  seconds: number;
  tones_hz: number[];
  level: number;
  parts: { tones: [number, number]; silence: [number, number] };
};

/** The known tones as 16-bit samples at 8 kHz, two seconds; `change` is a factor for each tone. */
function sent(change: (hz: number) => number = () => 1): Float32Array {
  return Float32Array.from({ length: 16_000 }, (_, index) => {
    const value = HZ.reduce(
      (sum, hz, k) => sum + 0.14 * change(hz) * Math.cos((2 * Math.PI * hz * index) / 8000 - (Math.PI * k * (k + 1)) / 8),
      0,
    );
    return Math.round(value * 32768) / 32768;
  });
}

/** What the listener's buffer makes of it at 48 kHz. */
function heard(samples: Float32Array): Tapped[] {
  const playout = new Playout(8000, 48_000);
  const pieces: Tapped[] = [];
  let now = 0;
  for (let first = 0; first + 160 <= samples.length; first += 160) {
    playout.put(first, samples.subarray(first, first + 160), now);
    now += 0.02;
    const piece = { samples: new Float32Array(960), positions: new Float64Array(960) };
    for (let at = 0; at < 960; at += 120) {
      const before = playout.report.position ?? 0;
      const out = new Float32Array(120);
      playout.read(out);
      const step = ((playout.report.position ?? 0) - before) / 120;
      if (!playout.report.playing || step === 0) continue;
      piece.samples.set(out, at);
      for (let index = 0; index < 120; index++) piece.positions[at + index] = before + index * step;
    }
    pieces.push(piece);
  }
  return pieces;
}

describe("the proof of the way", () => {
  it("finds a whole way flat within 0.1 dB and 90 dB above its noise", () => {
    const said = response(heard(sent()), 8000, known);
    expect(Math.abs(worst(said.change_db))).toBeLessThan(0.1);
    expect(said.snr_db).toBeGreaterThan(90);
    expect(said.clipped).toBe(0);
  });

  it("finds what a telephone's filter does to low tones", () => {
    const said = response(heard(sent((hz) => (hz === 20 ? 0.0759 : 1))), 8000, known); // -22.4 dB
    expect(said.change_db[0]).toBeCloseTo(-22.4, 1);
    expect(worst(said.change_db)).toBe(said.change_db[0]);
  });

  it("finds noise", () => {
    const noisy = sent().map((value) => value + (Math.random() - 0.5) * 0.01);
    expect(response(heard(noisy), 8000, known).snr_db).toBeLessThan(45);
  });

  it("has no figures for what was never heard", () => {
    const figures = new Proving().figures([], known, 0);
    expect(figures).toMatchObject({ response_db: -200, snr_db: 0, lost: 99_999, exact: false });
  });

  it("takes no nonsense for a known sound", () => {
    for (const said of [null, {}, { ...known, tones_hz: ["20"] }, { ...known, level: 0 }, { ...known, parts: {} }])
      expect(knownSound(said)).toBeNull();
    expect(knownSound(known)).toBe(known);
  });
});

function block(sequence: number, stream = 7): Block {
  const samples = new Int16Array(160).fill(sequence % 1000);
  return {
    samples,
    rate: 8000,
    sequence,
    first: sequence * 160,
    capture_ms: 1000 + sequence * 20,
    stream,
    clipped: false,
    reference: false,
    proof: false,
    digest: new Uint8Array(8),
  };
}

describe("what the network lost", () => {
  const asked: [number, number, number][] = [];
  const answering = (coming: number, gone: number) => (stream: number, sequence: number, count: number) => {
    asked.push([stream, sequence, count]);
    return Promise.resolve({ ok: true, coming, gone });
  };

  it("is asked for by its number, and not while it may be on its way", async () => {
    asked.length = 0;
    const receiver = new StethoscopeReceiver();
    for (const sequence of [0, 1, 4, 5, 100]) receiver.put(block(sequence), true);
    // The newest 1.5 s (75 blocks) may still come: of 6 to 99 only those up to 25 are asked for.
    const backfill = new Backfill(answering(2, 0));
    await backfill.tick(receiver.streams, 0);
    expect(asked).toEqual([[7, 2, 2]]);
    for (const sequence of [2, 3]) receiver.put(block(sequence), true);
    await backfill.tick(receiver.streams, 1000);
    expect(asked).toHaveLength(1); // what was promised has its time to come
    await backfill.tick(receiver.streams, 2000);
    expect(asked[1]).toEqual([7, 6, 20]);
  });

  it("is asked for again after the connection was gone for 40 s, piece by piece", async () => {
    asked.length = 0;
    const receiver = new StethoscopeReceiver();
    for (let sequence = 0; sequence < 50; sequence++) receiver.put(block(sequence), true);
    for (let sequence = 2050; sequence < 2200; sequence++) receiver.put(block(sequence), true);
    const backfill = new Backfill((stream, sequence, count) => {
      for (let offset = 0; offset < count; offset++) receiver.put(block(sequence + offset, stream), true);
      return answering(count, 0)(stream, sequence, count);
    });
    for (let now = 0; now < 60_000; now += 1000) await backfill.tick(receiver.streams, now);
    expect(asked).toEqual([
      [7, 50, 500],
      [7, 550, 500],
      [7, 1050, 500],
      [7, 1550, 500],
    ]);
    expect(receiver.current?.count.missing).toBe(0);
    expect(receiver.current?.at(2000 * 160)).toBe(0); // 2000 % 1000
  });

  it("is given up when the unit has it no more", async () => {
    asked.length = 0;
    const receiver = new StethoscopeReceiver();
    for (const sequence of [0, 3, 100]) receiver.put(block(sequence), true);
    const backfill = new Backfill(answering(0, 2));
    for (let now = 0; now < 10_000; now += 1000) await backfill.tick(receiver.streams, now);
    expect(asked.slice(0, 2)).toEqual([
      [7, 1, 2],
      [7, 4, 22],
    ]);
    expect(asked).toHaveLength(2);
    expect(backfill.lost).toBe(24);
  });

  it("is asked for at the end of a stream that is over, once", async () => {
    asked.length = 0;
    const receiver = new StethoscopeReceiver();
    for (const sequence of [0, 1, 2]) receiver.put(block(sequence, 7), true);
    receiver.put(block(0, 8), true);
    const backfill = new Backfill(answering(0, 500));
    for (let now = 0; now < 10_000; now += 1000) await backfill.tick(receiver.streams, now);
    expect(asked).toEqual([[7, 3, 500]]);
  });
});

describe("one timeline", () => {
  it("knows when a picture was captured by its RTP time, across the turn of 32 bits", () => {
    const times = new FrameTimes();
    expect(times.capture(5)).toBeNull();
    times.hear([{ rtpTimestamp: 2 ** 32 - 900, captureTimestamp: 5000 }]);
    expect(times.capture(2 ** 32 - 900)).toBe(5000);
    expect(times.capture(900)).toBe(5020);
    expect(times.capture(2 ** 32 - 3900)).toBeCloseTo(4966.67, 2);
    times.hear([]);
    expect(times.capture(900)).toBe(5020);
  });

  it("tells by how much sound and picture are apart", () => {
    expect(skew({ capture_ms: 1000, at: 500 }, { capture_ms: 1030, at: 600 })).toBe(70);
  });
});
