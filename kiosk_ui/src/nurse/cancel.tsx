import type { JSX } from "preact";
import { Problem, useAct } from "../ui/act.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

/** Give up a consultation that has not begun. It is kept as abandoned, and the screen is wiped. */
export function Cancel({ id }: { id: string }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  return (
    <>
      <Problem error={act.error} />
      <HoldButton disabled={act.busy} onHeld={() => void act.run(() => api.abandon(id, "cancelled before it began"))}>
        <Icon name="x" />
        {t("cancel.hold")}
      </HoldButton>
    </>
  );
}
