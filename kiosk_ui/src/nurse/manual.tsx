import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { unitText, valueText } from "../core/format.js";
import { judge, sent, type Typeable, TYPEABLE } from "../core/manual.js";
import { Problem, useAct } from "../ui/act.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

const REASONS = ["no-device", "device-fault", "told-by-patient", "other-device"] as const;
const LONGEST = 5;

function Chooser({ onChoose }: { onChoose: (what: Typeable) => void }): JSX.Element {
  const screen = useScreen();
  return (
    <div class="choices wrap">
      {TYPEABLE.map((what) => (
        <button type="button" class="button" onClick={() => onChoose(what)} key={what.metric}>
          {screen.word("metric", what.metric)} <span class="muted">{unitText(what.unit)}</span>
        </button>
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

function Entry({ what, id, onDone }: { what: Typeable; id: string; onDone: () => void }): JSX.Element {
  const screen = useScreen();
  const { t, word } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const text = useSignal("");
  const first = useSignal<string | null>(null);
  const reason = useSignal<(typeof REASONS)[number]>("no-device");
  const sign = what.decimals === 0 ? "" : screen.locale.startsWith("fr") ? "," : ".";
  const judgement = judge(what, text.value);
  const again = first.value !== null;
  const differs = again && judgement !== "empty" && sent(text.value) !== first.value;
  const ready = (judgement === "fine" && !again) || (again && !differs && judgement !== "empty");
  const next = async (): Promise<void> => {
    if (judgement === "unusual" && !again) {
      first.value = sent(text.value);
      text.value = "";
      return;
    }
    const manual = {
      metric: what.metric,
      value: sent(text.value),
      unit: what.unit,
      reason: t(`manual.${reason.value}`),
    };
    if (ready && (await act.run(() => api.manual(id, manual)))) onDone();
  };
  const limits = { low: what.possible[0], high: what.possible[1], unit: unitText(what.unit) };
  return (
    <div class="manual-entry">
      <div class="manual-left">
        <output class="manual-value" aria-label={word("metric", what.metric)} dir="ltr">
          {text.value || "–"} <span class="value-unit">{unitText(what.unit)}</span>
        </output>
        <Previous metric={what.metric} />
        {judgement === "impossible" && (
          <p class="field-fault">
            <Icon name="circle-x" />
            {t("manual.impossible", limits)}
          </p>
        )}
        {judgement === "not-a-number" && (
          <p class="field-fault">
            <Icon name="circle-x" />
            {t("manual.not-a-number")}
          </p>
        )}
        {judgement === "unusual" && !again && (
          <p class="notice">
            <Icon name="triangle-alert" />
            {t("manual.unusual")}
          </p>
        )}
        {again && (
          <p class="notice">
            <Icon name="triangle-alert" />
            {t(differs ? "manual.differs" : "manual.again")}
          </p>
        )}
        <div class="choices wrap" role="group" aria-label={t("manual.why")}>
          {REASONS.map((one) => (
            <button
              type="button"
              class="button"
              aria-pressed={reason.value === one}
              onClick={() => (reason.value = one)}
              key={one}
            >
              {t(`manual.${one}`)}
            </button>
          ))}
        </div>
        <Problem error={act.error} />
        <button
          type="button"
          class="button primary"
          disabled={act.busy || !(ready || (judgement === "unusual" && !again))}
          onClick={() => void next()}
        >
          {t(judgement === "unusual" && !again ? "manual.type-again" : "manual.chart")}
        </button>
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
