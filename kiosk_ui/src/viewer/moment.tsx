/** The picture, the sound and the waveforms on one clock: how old the picture is, and what was measured as it was taken. */

import type { JSX } from "preact";
import { unitText } from "../core/format.js";
import { useScreen } from "../ui/screen.js";
import { useConsulting } from "./consulting.js";

/** The sample of each waveform that belongs to the picture on the screen. */
function Samples({ at_ms }: { at_ms: number }): JSX.Element {
  const screen = useScreen();
  const { waves } = screen.live;
  const devices = [...screen.state.value.devices.values()];
  const rows = devices.flatMap((device) =>
    waves.of(device.key).flatMap((metric) => {
      const buffer = waves.get(device.key, metric);
      const value = buffer?.at(Math.round(buffer.indexAt(at_ms)));
      if (!buffer || value === undefined || Number.isNaN(value)) return [];
      const name = screen.word("metric", metric);
      return [screen.t("timeline.sample", { name, value: Math.round(value * 1000) / 1000, unit: unitText(buffer.unit) })];
    }),
  );
  return (
    <ul class="moment-samples">
      {rows.map((row) => (
        <li key={row}>{row}</li>
      ))}
    </ul>
  );
}

export function Moment(): JSX.Element | null {
  const screen = useScreen();
  const consulting = useConsulting();
  void screen.now.value; // told again with every tick of the clock
  const shown = consulting.shown.value;
  const unit = screen.live.clock.now(performance.now());
  if (!shown || unit === null) return null;
  const frozen = consulting.frozenAt.value;
  const { skew } = consulting;
  const delay = Math.round(unit - performance.now() + shown.at - shown.capture_ms);
  return (
    <div class="moment muted" data-delay={delay} data-skew={skew ?? ""}>
      <span>{screen.t("timeline.delay", { n: delay })}</span>
      {skew !== null && <span>{screen.t("timeline.skew", { n: Math.round(skew) })}</span>}
      {frozen !== null && <Samples at_ms={frozen} />}
    </div>
  );
}
