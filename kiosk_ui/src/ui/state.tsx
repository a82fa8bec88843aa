/** States in words and in shape: nothing here is told by colour alone. */

import type { JSX } from "preact";
import type { Stale } from "../core/fresh.js";
import type { Delivery, DeviceState, SourceState, Validity } from "../core/messages.js";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

const STATE_ICON: Record<DeviceState | "unit", string> = {
  live: "radio",
  ready: "circle-check",
  lost: "unplug",
  absent: "circle-dashed",
  fault: "triangle-alert",
  unit: "wifi-off",
};

/** A device or a source: live, ready, lost, absent, fault; or that the unit itself is not heard. */
export function StateMark({ state, alive }: { state: DeviceState | SourceState; alive: boolean }): JSX.Element {
  const { t } = useScreen();
  const shown = alive ? state : "unit";
  return (
    <span class={`mark mark-${shown}`}>
      <Icon name={STATE_ICON[shown]} />
      {t(`state.${shown}`)}
    </span>
  );
}

/** How long ago, ticking, and why it is no longer live where it is not. */
export function Age({ at_ms, stale }: { at_ms: number; stale: Stale | null }): JSX.Element {
  const screen = useScreen();
  const now = screen.now.value;
  const age = now === null ? "–" : screen.age(now - at_ms);
  return (
    <span class="age">
      <Icon name="clock" />
      <span class="age-text">{age}</span>
      {stale !== null && <span class="stale-why">{screen.t(`stale.${stale}`)}</span>}
    </span>
  );
}

const VALIDITY_ICON: Record<Validity, string> = { valid: "check", questionable: "triangle-alert", invalid: "circle-x" };

export function ValidityMark({ validity }: { validity: Validity }): JSX.Element {
  const { t } = useScreen();
  return (
    <span class={`mark validity-${validity}`}>
      <Icon name={VALIDITY_ICON[validity]} />
      {t(`validity.${validity}`)}
    </span>
  );
}

const DELIVERY_ICON: Record<Delivery, string> = {
  unsaved: "triangle-alert",
  stored: "hard-drive",
  persisted: "cloud-check",
  opened: "eye",
  refused: "circle-x",
};

/** Where a result has got to: the unit, the platform, the doctor's eyes; or why the platform would not take it. */
export function DeliveryMark({
  delivery,
  refusal,
}: {
  delivery: Delivery;
  refusal?: string | null | undefined;
}): JSX.Element {
  const { t } = useScreen();
  return (
    <span class={`mark delivery-${delivery}`}>
      <Icon name={DELIVERY_ICON[delivery]} />
      {t(`delivery.${delivery}`)}
      {refusal ? <q>{refusal}</q> : null}
    </span>
  );
}
