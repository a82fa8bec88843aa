import type { JSX } from "preact";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

const STEPS = ["wiped.step1", "wiped.step2", "wiped.step3"] as const;

/** Nothing of the last patient is here any more, and the cart is made ready for the next. */
export function Wiped(): JSX.Element {
  const { t } = useScreen();
  const { startAfresh } = useKiosk();
  return (
    <Page head={<h1>{t("wiped.title")}</h1>} class="wiped">
      <div class="wiped-card">
        <Icon name="circle-check" />
        <p class="lead">{t("wiped.explain")}</p>
        <ol>
          {STEPS.map((step) => (
            <li key={step}>{t(step)}</li>
          ))}
        </ol>
        <Button primary class="huge" onClick={startAfresh}>
          {t("wiped.done")}
        </Button>
      </div>
    </Page>
  );
}
