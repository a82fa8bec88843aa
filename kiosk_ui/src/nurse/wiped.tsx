import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

const STEPS = ["clean.cuff", "clean.scopes", "clean.covers", "clean.screen"] as const;
const CONTACT_S = 60; // most wipes work within a minute; the product's own label decides

type Step = (typeof STEPS)[number];

/** Seconds until the disinfectant has had its time, from the last thing that was wiped; null before. */
function useContact(done: boolean): number | null {
  const left = useSignal<number | null>(null);
  useEffect(() => {
    left.value = done ? CONTACT_S : null;
    if (!done) return;
    const began = performance.now();
    const look = (): void => {
      left.value = Math.max(0, Math.ceil(CONTACT_S - (performance.now() - began) / 1000));
    };
    const timer = setInterval(look, 250);
    return () => clearInterval(timer);
  }, [done, left]);
  return left.value;
}

function Contact({ left }: { left: number | null }): JSX.Element | null {
  const { t } = useScreen();
  if (left === null) return null;
  if (left === 0) return <Line weight="hint">{t("clean.waited")}</Line>;
  const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  return (
    <Line weight="notice" icon="clock">
      {t("clean.wait", { time })}
    </Line>
  );
}

/** Nothing of the last patient is here any more, and the cart is made ready for the next. */
export function Wiped(): JSX.Element {
  const { t } = useScreen();
  const { startAfresh } = useKiosk();
  const done = useSignal<ReadonlySet<Step>>(new Set());
  const missing = STEPS.length - done.value.size;
  const left = useContact(missing === 0);
  const tick = (step: Step): void => {
    const next = new Set(done.value);
    if (!next.delete(step)) next.add(step);
    done.value = next;
  };
  return (
    <Page head={<h1>{t("wiped.title")}</h1>} class="wiped">
      <div class="wiped-card">
        <p class="lead wiped-said">
          <Icon name="circle-check" />
          {t("wiped.explain")}
        </p>
        <h2>{t("clean.title")}</h2>
        <p class="muted">{t("clean.explain")}</p>
        <div class="clean-steps">
          {STEPS.map((step) => (
            <button
              type="button"
              class="button clean-step"
              role="checkbox"
              aria-checked={done.value.has(step)}
              onClick={() => tick(step)}
              key={step}
            >
              <Icon name={done.value.has(step) ? "circle-check" : "circle"} />
              <span>{t(step)}</span>
            </button>
          ))}
        </div>
        <div class="clean-time">
          {missing > 0 ? <p class="muted">{t("clean.missing", { n: missing })}</p> : <Contact left={left} />}
        </div>
        <Button primary class="huge" disabled={missing > 0} onClick={startAfresh}>
          {t("wiped.done")}
        </Button>
      </div>
    </Page>
  );
}
