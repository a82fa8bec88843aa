import type { JSX } from "preact";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

/** On every screen of a unit whose devices are not real. */
export function SimulatedMark(): JSX.Element | null {
  const screen = useScreen();
  if (!screen.state.value.hello?.simulated) return null;
  return (
    <aside class="simulated" aria-label={screen.t("simulated.mark")}>
      <Icon name="flask-conical" />
      <strong>{screen.t("simulated.mark")}</strong>
      <span>{screen.t("simulated.explain")}</span>
    </aside>
  );
}
