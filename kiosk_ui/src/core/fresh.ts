/** What may be shown as live, and why not. The one place that decides when a value turns grey. */

import type { Device, Numeric, Source } from "./messages.js";

/** `unit`: no beat; `device`: lost, in fault or absent; `old`: a stream that has stopped speaking. */
export type Stale = "unit" | "device" | "old";

/** A continuous device says its values several times a second; docs/api.md lets them be charted for so long. */
export const CONTINUOUS_LIMIT_MS = 2000;

export function staleDevice(device: Device | undefined, alive: boolean): Stale | null {
  if (!alive) return "unit";
  return device && (device.state === "live" || device.state === "ready") ? null : "device";
}

export function staleNumeric(
  numeric: Numeric,
  device: Device | undefined,
  alive: boolean,
  now: number | null,
): Stale | null {
  const stale = staleDevice(device, alive);
  if (stale !== null || now === null) return stale ?? "unit";
  return device?.continuous && now - numeric.at_ms > CONTINUOUS_LIMIT_MS ? "old" : null;
}

export function staleSource(source: Source | undefined, alive: boolean): Stale | null {
  if (!alive) return "unit";
  return source?.state === "live" ? null : "device";
}
