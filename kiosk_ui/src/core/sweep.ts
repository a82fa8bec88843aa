/** A waveform as monitors draw it: the trace stands still, a gap wipes over it, only what is new is drawn. */

/** Where samples come from: numbered, NaN where there is none (waves.ts, sound/receiver.ts). */
export interface Samples {
  readonly rate: number;
  readonly first: number;
  readonly end: number;
  at(index: number): number;
}

export interface SweepOptions {
  /** What one width of the canvas lasts. */
  seconds: number;
  /** Zero in the middle, as for sound. */
  symmetric?: boolean;
  /** The smallest span of values that fills the height, in the samples' unit. */
  leastSpan?: number;
}

interface Scale {
  low: number;
  high: number;
}

const ERASE_S = 0.25;
const MARGIN = 0.08;
const LOOSE = 0.4; // a trace that fills less of the height is magnified at the next turn

/** Smallest and largest sample in [from, to), or null when there is none. */
export function rangeOf(samples: Samples, from: number, to: number): Scale | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = Math.max(Math.ceil(from), samples.first); index < Math.min(to, samples.end); index++) {
    const value = samples.at(index);
    if (value < low) low = value; // a gap (NaN) is neither
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : null;
}

/** Room for the range and a margin; never less than the smallest span. */
export function scaleFor(range: Scale, symmetric: boolean, leastSpan: number): Scale {
  const peak = Math.max(Math.abs(range.low), Math.abs(range.high));
  const middle = symmetric ? 0 : (range.low + range.high) / 2;
  const half = Math.max(symmetric ? peak : (range.high - range.low) / 2, leastSpan / 2) * (1 + 2 * MARGIN);
  return { low: middle - half, high: middle + half };
}

export class Sweep {
  #canvas: HTMLCanvasElement;
  #options: Required<SweepOptions>;
  #samples: Samples | null = null;
  #drawn: number | null = null;
  #scale: Scale | null = null;
  #colour = "";
  #turn = 0;

  constructor(canvas: HTMLCanvasElement, options: SweepOptions) {
    this.#canvas = canvas;
    this.#options = { symmetric: false, leastSpan: 1, ...options };
  }

  /** Draw up to sample `head` (it may lie beyond the samples there are). Call once a frame. */
  frame(samples: Samples | null, head: number): void {
    if (samples !== this.#samples) this.#begin(samples);
    if (!samples) return;
    const to = Math.min(Math.floor(head), samples.end - 1);
    const from = this.#drawn;
    const window = this.#options.seconds * samples.rate;
    if (to < samples.first || (from !== null && to <= from)) return;
    const again = from === null || to - from > window / 2 || this.#outgrown(samples, from, to);
    if (again) this.#redraw(samples, to);
    else this.#extend(samples, from, to);
    this.#drawn = to;
  }

  /** The canvas has the pixels of the screen; call when its place on the page changed (it empties the canvas). */
  fit(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#canvas.width = Math.round(clientWidth * ratio);
    this.#canvas.height = Math.round(clientHeight * ratio);
    this.#drawn = null;
  }

  /** Nothing is left on the canvas. */
  clear(): void {
    this.#begin(null);
  }

  #begin(samples: Samples | null): void {
    this.#samples = samples;
    this.#drawn = null;
    this.#scale = null;
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  get #context(): CanvasRenderingContext2D {
    const context = this.#canvas.getContext("2d");
    if (!context) throw new Error("this browser gives no 2D canvas");
    return context;
  }

  /** Whether the new samples need another scale: outside the present one, or far inside it at the end of a turn. */
  #outgrown(samples: Samples, from: number, to: number): boolean {
    const scale = this.#scale;
    const fresh = rangeOf(samples, from, to + 1);
    if (!scale || !fresh) return false;
    if (fresh.low < scale.low || fresh.high > scale.high) return true;
    const turn = Math.floor(to / samples.rate / this.#options.seconds);
    if (turn === this.#turn) return false;
    this.#turn = turn;
    const whole = rangeOf(samples, to - this.#options.seconds * samples.rate, to + 1);
    const wanted = whole && scaleFor(whole, this.#options.symmetric, this.#options.leastSpan);
    return wanted !== null && wanted.high - wanted.low < LOOSE * (scale.high - scale.low);
  }

  #redraw(samples: Samples, to: number): void {
    const from = Math.max(samples.first, Math.ceil(to - (this.#options.seconds - ERASE_S) * samples.rate));
    const range = rangeOf(samples, from, to + 1) ?? { low: 0, high: 0 };
    this.#scale = scaleFor(range, this.#options.symmetric, this.#options.leastSpan);
    this.#colour = getComputedStyle(this.#canvas).color;
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#trace(samples, from, to);
  }

  #extend(samples: Samples, from: number, to: number): void {
    const { width, height } = this.#canvas;
    const start = this.#x(samples, from);
    const length = ((to - from) / samples.rate + ERASE_S) * (width / this.#options.seconds);
    const context = this.#context;
    context.clearRect(start + 1, 0, length, height);
    if (start + length > width) context.clearRect(0, 0, start + length - width, height);
    this.#trace(samples, from, to);
  }

  #x(samples: Samples, index: number): number {
    const { seconds } = this.#options;
    return (((index / samples.rate) % seconds) / seconds) * this.#canvas.width;
  }

  /** One polyline from sample to sample; it breaks at gaps and at the right edge. */
  #trace(samples: Samples, from: number, to: number): void {
    const context = this.#context;
    const { height } = this.#canvas;
    const { low, high } = this.#scale ?? { low: 0, high: 1 };
    context.strokeStyle = this.#colour;
    context.lineWidth = 2 * (globalThis.devicePixelRatio || 1);
    context.lineJoin = "round";
    context.beginPath();
    let pen = Number.POSITIVE_INFINITY; // where the pen is; it is lifted at gaps
    for (let index = from; index <= to; index++) {
      const value = samples.at(index);
      const x = this.#x(samples, index);
      const y = height - ((value - low) / (high - low)) * height;
      if (Number.isNaN(value)) pen = Number.POSITIVE_INFINITY;
      else if (x < pen) context.moveTo(x, y);
      else context.lineTo(x, y);
      if (!Number.isNaN(value)) pen = x;
    }
    context.stroke();
  }
}
