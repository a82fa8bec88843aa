/** What the nurse is told about the chest-piece: one sentence, the most pressing one. */

import type { Source } from "./messages.js";

export type Advice = "clipped" | "noisy" | "quiet" | "good";

const QUIET_DB = -45; // below it a chest-piece is not on a chest
const NOISY_DB = -38; // what is left in the pauses between heart sounds, and drowns the faint ones

/** `pause_db`: see `pauseLevel`; null where it is not known. */
export function adviceOf(source: Pick<Source, "clipped" | "level" | "contact">, pause_db: number | null): Advice {
  if (source.clipped) return "clipped";
  if (source.contact === "none" || (source.level ?? -Infinity) < QUIET_DB) return "quiet";
  return pause_db !== null && pause_db > NOISY_DB ? "noisy" : "good";
}
