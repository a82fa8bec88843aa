/**
 * `window.chevet`: what an end-to-end test, or a platform's own monitoring, may ask of the viewer. Read-only.
 *
 * samplesReceived, lost, lastStream are of the newest stream; `samples` gives the last two minutes of any stream as the unit
 * numbered them, null where a sample never came. After the consultation all of it is empty.
 */

import type { StreamCount } from "../core/sound/receiver.js";
import type { Screen } from "../ui/screen.js";
import type { Consulting } from "./consulting.js";

export interface Probe {
  readonly version: 1;
  readonly phase: string;
  readonly alive: boolean;
  readonly samplesReceived: number;
  readonly lost: number;
  readonly lastStream: number | null;
  readonly streams: StreamCount[];
  /** Blocks by what their hash said. */
  readonly proven: number;
  readonly corrupt: number;
  /** Blocks that the unit does not hold any more. */
  readonly gone: number;
  /** What was measured of the known sound, last. */
  readonly figures: object | null;
  readonly listening: object | null;
  readonly unitNow: number | null;
  readonly clockUncertainty: number | null;
  readonly wipes: number;
  samples: (stream: number, first: number, count: number) => (number | null)[];
}

const MOST = 480_000;

export function probe(screen: Screen, consulting: Consulting): Probe {
  const { sound } = consulting;
  return {
    version: 1,
    get phase() {
      return consulting.phase.peek();
    },
    get alive() {
      return screen.live.clock.alive(performance.now());
    },
    get samplesReceived() {
      return sound.current?.count.received ?? 0;
    },
    get lost() {
      return sound.current?.count.missing ?? 0;
    },
    get lastStream() {
      return sound.current?.id ?? null;
    },
    get streams() {
      return sound.counts;
    },
    get proven() {
      return sound.proven;
    },
    get corrupt() {
      return sound.corrupt;
    },
    get gone() {
      return consulting.backfill.lost;
    },
    get figures() {
      return consulting.figures.peek();
    },
    get listening() {
      return consulting.player.peek()?.report ?? null;
    },
    get unitNow() {
      return screen.live.clock.now(performance.now());
    },
    get clockUncertainty() {
      return screen.live.clock.uncertainty;
    },
    get wipes() {
      return screen.live.state.wipes;
    },
    samples(stream, first, count) {
      const found = sound.stream(stream);
      return Array.from({ length: Math.min(count, MOST) }, (_, offset) => {
        const value = found?.at(first + offset) ?? Number.NaN;
        return Number.isNaN(value) ? null : value;
      });
    },
  };
}

declare global {
  interface Window {
    chevet?: Probe | undefined;
  }
}
