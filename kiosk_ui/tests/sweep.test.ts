import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Samples, scaleFor, Sweep } from "../src/core/sweep.js";

const WIDTH = 600;
const HEIGHT = 100;
const SECONDS = 6;

/** Records what is drawn: each move and line as [x, y], each cleared rectangle as [x, width]. */
class Recorder {
  lines: [number, number][][] = [];
  cleared: [number, number][] = [];
  strokeStyle = "";
  lineWidth = 0;
  lineJoin = "";
  beginPath(): void {}
  stroke(): void {}
  moveTo(x: number, y: number): void {
    this.lines.push([[x, y]]);
  }
  lineTo(x: number, y: number): void {
    this.lines.at(-1)?.push([x, y]);
  }
  clearRect(x: number, _y: number, width: number): void {
    this.cleared.push([x, width]);
  }
}

function made(): { sweep: Sweep; recorder: Recorder } {
  const recorder = new Recorder();
  const canvas = { clientWidth: WIDTH, clientHeight: HEIGHT, width: WIDTH, height: HEIGHT, getContext: () => recorder };
  return { sweep: new Sweep(canvas as unknown as HTMLCanvasElement, { seconds: SECONDS }), recorder };
}

/** 10 Hz: one sample is 10 px. It grows as a signal does. */
class Wave implements Samples {
  readonly rate = 10;
  constructor(
    readonly values: number[],
    readonly first = 0,
  ) {}
  get end(): number {
    return this.first + this.values.length;
  }
  at(index: number): number {
    return this.values[index - this.first] ?? Number.NaN;
  }
}

const xs = (recorder: Recorder): number[][] => recorder.lines.map((line) => line.map(([x]) => Math.round(x)));

beforeEach(() => {
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("getComputedStyle", () => ({ color: "#fff" }));
});

describe("a sweep", () => {
  it("draws up to the head and not beyond", () => {
    const { sweep, recorder } = made();
    sweep.frame(new Wave([0, 1, 0, 1, 0]), 2);
    expect(xs(recorder)).toEqual([[0, 10, 20]]);
  });

  it("goes on from where it stopped, and wipes a little ahead", () => {
    const { sweep, recorder } = made();
    const wave = new Wave([0, 1, 0, 1, 0, 1]);
    sweep.frame(wave, 2);
    recorder.lines = [];
    recorder.cleared = [];
    sweep.frame(wave, 4);
    expect(xs(recorder)).toEqual([[20, 30, 40]]);
    expect(recorder.cleared).toEqual([[21, 45]]); // two samples and a quarter of a second
  });

  it("never joins what is on both sides of a gap", () => {
    const { sweep, recorder } = made();
    sweep.frame(new Wave([0, 1, Number.NaN, Number.NaN, 1, 0]), 5);
    expect(xs(recorder)).toEqual([
      [0, 10],
      [40, 50],
    ]);
  });

  it("never draws a line back across the canvas at the right edge", () => {
    const { sweep, recorder } = made();
    sweep.frame(new Wave(Array.from({ length: 62 }, (_, index) => index % 2)), 61);
    for (const line of recorder.lines) {
      expect(line.every(([x], index) => index === 0 || x > (line[index - 1]?.[0] ?? 0))).toBe(true);
    }
    expect(recorder.lines).toHaveLength(2);
  });

  it("draws all of it again when a value leaves the scale", () => {
    const { sweep, recorder } = made();
    const wave = new Wave([0, 1, 0, 1]);
    sweep.frame(wave, 3);
    recorder.lines = [];
    wave.values.push(50, 0);
    sweep.frame(wave, 5);
    const ys = recorder.lines.flat().map(([, y]) => y);
    expect(recorder.lines.flat()).toHaveLength(6);
    expect(Math.min(...ys)).toBeGreaterThan(0);
    expect(Math.max(...ys)).toBeLessThan(HEIGHT);
  });

  it("begins anew with another stream", () => {
    const { sweep, recorder } = made();
    sweep.frame(new Wave([0, 1, 0]), 2);
    recorder.lines = [];
    sweep.frame(new Wave([5, 6, 5], 1000), 1002);
    expect(xs(recorder)).toEqual([[400, 410, 420]]);
  });

  it("draws all of it again when its place on the page changed", () => {
    const { sweep, recorder } = made();
    const wave = new Wave([0, 1, 0]);
    sweep.frame(wave, 2);
    recorder.lines = [];
    sweep.fit();
    sweep.frame(wave, 2);
    expect(xs(recorder)).toEqual([[0, 10, 20]]);
  });

  it("leaves nothing behind when it is cleared", () => {
    const { sweep, recorder } = made();
    sweep.frame(new Wave([0, 1, 0]), 2);
    recorder.cleared = [];
    sweep.clear();
    expect(recorder.cleared).toEqual([[0, WIDTH]]);
  });
});

it("a scale leaves room, and sound has its zero in the middle", () => {
  expect(scaleFor({ low: 0, high: 100 }, false, 1)).toMatchObject({
    low: expect.closeTo(-8),
    high: expect.closeTo(108),
  });
  expect(scaleFor({ low: -50, high: 100 }, true, 1)).toMatchObject({
    low: expect.closeTo(-116),
    high: expect.closeTo(116),
  });
  expect(scaleFor({ low: 3, high: 3 }, true, 400)).toMatchObject({
    low: expect.closeTo(-232),
    high: expect.closeTo(232),
  });
});
