import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { unitText, valueText } from "../core/format.js";
import { entryStep, sent, type Typeable, TYPEABLE } from "../core/manual.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

const REASONS = ["no-device", "device-fault", "told-by-patient", "other-device"] as const;
const LONGEST = 5;

type Reason = (typeof REASONS)[number];

function Chooser({ onChoose }: { onChoose: (what: Typeable) => void }): JSX.Element {
  const screen = useScreen();
  return (
    <div class="choices">
      {TYPEABLE.map((what) => (
        <Button onClick={() => onChoose(what)} key={what.metric}>
          {screen.word("metric", what.metric)} <span class="muted">{unitText(what.unit)}</span>
        </Button>
      ))}
    </div>
  );
}

/** The value of this metric that is known already, so that a slip is seen at entry. */
function Previous({ metric }: { metric: string }): JSX.Element | null {
  const screen = useScreen();
  const found = [...screen.state.value.results.values()]
    .filter((result) => result.struck == null)
    .sort((a, b) => b.at.localeCompare(a.at))
    .flatMap((result) => result.numerics)
    .find((numeric) => numeric.metric === metric);
  if (!found) return null;
  return (
    <p class="muted">
      {screen.t("manual.previous", { value: `${valueText(found.value, screen.locale)} ${unitText(found.unit)}` })}
    </p>
  );
}

interface EntryProps {
  what: Typeable;
  id: string;
  onDone: () => void;
}

function Entry({ what, id, onDone }: EntryProps): JSX.Element {
  const screen = useScreen();
  const { t, word } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const text = useSignal("");
  const first = useSignal<string | null>(null);
  const reason = useSignal<Reason>("no-device");
  const { say, next } = entryStep(what, text.value, first.value);
  const go = async (): Promise<void> => {
    const value = sent(text.value);
    if (next === "again") {
      first.value = value;
      text.value = "";
      return;
    }
    const manual = { metric: what.metric, value, unit: what.unit, reason: t(`manual.${reason.value}`) };
    if (await act.run(() => api.manual(id, manual))) onDone();
  };
  const unit = unitText(what.unit);
  const limits = { low: what.possible[0], high: what.possible[1], unit };
  const sign = what.decimals === 0 ? "" : screen.locale.startsWith("fr") ? "," : ".";
  return (
    <div class="manual-entry">
      <div class="manual-left">
        <output class="manual-value" aria-label={word("metric", what.metric)} dir="ltr">
          {text.value || "–"} <span class="value-unit">{unit}</span>
        </output>
        <Previous metric={what.metric} />
        {say && (
          <Line weight={next === null && say !== "again" ? "field-fault" : "notice"}>{t(`manual.${say}`, limits)}</Line>
        )}
        <Choices
          label={t("manual.why")}
          options={REASONS}
          chosen={reason.value}
          onChoose={(one) => (reason.value = one)}
          say={(one) => t(`manual.${one}`)}
        />
        <Problem error={act.error} />
        <Button primary disabled={act.busy || next === null} onClick={() => void go()}>
          {t(next === "again" ? "manual.type-again" : "manual.chart")}
        </Button>
      </div>
      <Keyboard kind="digits" extra={sign} onKey={(key) => (text.value = pressed(text.value, key, LONGEST))} />
    </div>
  );
}

/** A value that was read elsewhere: unit fixed, two limits, a reason, and the mark "manual" for ever. */
export function Manual({ id, onClose }: { id: string; onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const what = useSignal<Typeable | null>(null);
  const title = what.value ? screen.word("metric", what.value.metric) : screen.t("manual.title");
  return (
    <Dialog title={title} onClose={onClose} class="manual">
      {what.value ? (
        <Entry what={what.value} id={id} onDone={onClose} />
      ) : (
        <Chooser onChoose={(one) => (what.value = one)} />
      )}
    </Dialog>
  );
}
