import { describe, expect, it } from "vitest";
import { rangeOf } from "../src/core/sweep.js";
import { Waves } from "../src/core/waves.js";

const wave = (first: number, samples: (number | null)[], at_ms: number) =>
  ({ type: "waveform", device: "o", metric: "p", rate_hz: "50", unit: "1", first, at_ms, samples }) as const;

function put(...blocks: Parameters<typeof wave>[]) {
  const waves = new Waves();
  for (const block of blocks) waves.put({ ...wave(...block), samples: [...block[1]] });
  const buffer = waves.get("o", "p");
  if (!buffer) throw new Error("no buffer");
  return buffer;
}

const read = (buffer: ReturnType<typeof put>, from: number, to: number) =>
  Array.from({ length: to - from }, (_, offset) => buffer.at(from + offset));

describe("a waveform", () => {
  it("has each sample at its number, whatever the order in which blocks came", () => {
    expect(read(put([0, [1, 2], 20], [4, [5, 6], 100], [2, [3, 4], 60]), 0, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("shows what did not come, and what the device left out, as a gap", () => {
    expect(read(put([0, [1, null], 20], [3, [4], 60]), 0, 5)).toEqual([1, Number.NaN, Number.NaN, 4, Number.NaN]);
  });

  it("keeps twenty seconds and no more", () => {
    const buffer = put([0, [7], 0], [800, [8], 16_000], [1500, [9], 30_000]);
    expect([buffer.first, buffer.at(0), buffer.at(1500)]).toEqual([501, Number.NaN, 9]);
  });

  it("begins anew when the link was opened again and counts from 0", () => {
    const buffer = put([1000, [7, 7, 7], 20_000], [0, [1, 2], 25_000]);
    expect([buffer.end, buffer.at(0), buffer.at(1000)]).toEqual([2, 1, Number.NaN]);
  });

  it("knows which sample was taken at an instant", () => {
    const buffer = put([0, [1, 2, 3], 1000]);
    expect(buffer.indexAt(1000)).toBe(2);
    expect(buffer.indexAt(980)).toBe(1);
  });

  it("has a range that gaps do not touch", () => {
    expect(rangeOf(put([0, [5, null, -3, 9], 80]), 0, 3)).toEqual({ low: -3, high: 5 });
    expect(rangeOf(put([0, [null], 0]), 0, 1)).toBeNull();
  });

  it.each(["0", "-1", "fast", "1e9"])("is refused at %s Hz", (rate_hz) => {
    const waves = new Waves();
    waves.put({ ...wave(0, [1], 0), samples: [1], rate_hz });
    expect(waves.get("o", "p")).toBeNull();
  });
});
