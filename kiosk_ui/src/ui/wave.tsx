import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Samples, Sweep, type SweepOptions } from "../core/sweep.js";
import { useScreen } from "./screen.js";

const DELAY_MS = 200; // samples come in packets: the pen stays behind them

interface TraceProps {
  label: string;
  options: SweepOptions;
  /** The samples and the number of the one to draw up to, asked anew for every frame. */
  read: () => { samples: Samples | null; head: number };
}

/** A canvas that a sweep draws on as long as it is on the screen; emptied when it leaves. */
export function Trace({ label, options, read }: TraceProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    if (!canvas.current) return;
    const sweep = new Sweep(canvas.current, options);
    const size = new ResizeObserver(() => sweep.fit());
    size.observe(canvas.current);
    let frame = 0;
    const draw = (): void => {
      const { samples, head } = latest.current();
      sweep.frame(samples, head);
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      size.disconnect();
      sweep.clear();
    };
  }, [options]);
  return (
    <div class="trace" dir="ltr">
      <canvas ref={canvas} role="img" aria-label={label} />
      <span class="trace-span">← {options.seconds} s →</span>
    </div>
  );
}

const WAVE: SweepOptions = { seconds: 6 };

/** A device's waveform on the unit's clock. `at_ms`: the instant to stay at, with a picture that is frozen. */
export function DeviceWave({ device, metric, at_ms }: { device: string; metric: string; at_ms?: number | null }): JSX.Element {
  const screen = useScreen();
  const read = (): { samples: Samples | null; head: number } => {
    const samples = screen.live.waves.get(device, metric);
    const now = screen.live.clock.now(performance.now());
    const shown_ms = at_ms ?? (now === null ? null : now - DELAY_MS);
    return { samples, head: samples && shown_ms !== null ? samples.indexAt(shown_ms) : -1 };
  };
  return <Trace label={screen.word("metric", metric)} options={WAVE} read={read} />;
}
