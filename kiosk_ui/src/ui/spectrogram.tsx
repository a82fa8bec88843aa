import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { BINS, Spectrum, TOP_HZ } from "../core/spectrogram.js";
import type { Samples } from "../core/sweep.js";

const QUIETEST_DB = -95;
const LOUDEST_DB = -25;
const ERASE = 12; // columns that are wiped before the pen
const MOST_AT_ONCE = 40; // columns in one frame: a tab that comes back catches up over a few frames

/** From black over violet and orange to near white: it rises in lightness, so it reads without colour too. */
const STOPS = [[8, 8, 24], [70, 20, 110], [180, 50, 90], [245, 140, 40], [255, 245, 200]] as const;

const PALETTE = Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (STOPS.length - 1);
  const low = STOPS[Math.floor(place)] ?? STOPS[0];
  const high = STOPS[Math.ceil(place)] ?? low;
  return low.map((value, i) => Math.round(value + ((high[i] ?? value) - value) * (place % 1)));
});

/** Writes columns into a ring as wide as the window, in step with the sweep above it. */
class Ring {
  #canvas: HTMLCanvasElement;
  #seconds: number;
  #samples: Samples | null = null;
  #spectrum: Spectrum | null = null;
  #next = 0;

  constructor(canvas: HTMLCanvasElement, seconds: number) {
    this.#canvas = canvas;
    this.#seconds = seconds;
  }

  frame(samples: Samples | null, head: number): void {
    if (samples !== this.#samples) this.begin(samples);
    const spectrum = this.#spectrum;
    if (!samples || !spectrum) return;
    const last = Math.floor(Math.min(head, samples.end) / spectrum.hop);
    this.#next = Math.max(this.#next, last - this.#canvas.width + ERASE);
    for (let done = 0; this.#next <= last && done < MOST_AT_ONCE; done++, this.#next++) this.#draw(samples, spectrum);
  }

  begin(samples: Samples | null): void {
    this.#samples = samples;
    this.#spectrum = samples && new Spectrum(samples.rate);
    this.#canvas.width = samples && this.#spectrum ? Math.round((this.#seconds * samples.rate) / this.#spectrum.hop) : 1;
    this.#canvas.height = BINS;
    this.#next = this.#spectrum ? Math.floor((samples?.first ?? 0) / this.#spectrum.hop) : 0;
  }

  #draw(samples: Samples, spectrum: Spectrum): void {
    const context = this.#canvas.getContext("2d");
    const width = this.#canvas.width;
    const x = this.#next % width;
    if (!context) return;
    context.clearRect(x, 0, ERASE, BINS);
    if (x + ERASE > width) context.clearRect(0, 0, x + ERASE - width, BINS);
    const column = spectrum.column(samples, this.#next * spectrum.hop);
    if (!column) return;
    const image = context.createImageData(1, BINS);
    column.forEach((db, bin) => {
      const level = Math.round((255 * (db - QUIETEST_DB)) / (LOUDEST_DB - QUIETEST_DB));
      const [r = 0, g = 0, b = 0] = PALETTE[Math.min(255, Math.max(0, level))] ?? [];
      image.data.set([r, g, b, 255], 4 * (BINS - 1 - bin));
    });
    context.putImageData(image, x, 0);
  }
}

interface SpectrogramProps {
  label: string;
  seconds: number;
  /** The samples and the number of the one to draw up to, asked anew for every frame. */
  read: () => { samples: Samples | null; head: number };
}

/** A spectrogram from 0 to 1000 Hz; emptied when it leaves the screen. */
export function Spectrogram({ label, seconds, read }: SpectrogramProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (!canvas.current) return;
    const ring = new Ring(canvas.current, seconds);
    const draw = (): void => {
      const { samples, head } = latest.current();
      ring.frame(samples, head);
      frame = requestAnimationFrame(draw);
    };
    let frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      ring.begin(null);
    };
  }, [seconds]);
  return (
    <div class="spectrogram" dir="ltr">
      <canvas ref={canvas} role="img" aria-label={label} />
      <span class="spectrogram-axis">
        <span>{TOP_HZ} Hz</span>
        <span>0</span>
      </span>
    </div>
  );
}
