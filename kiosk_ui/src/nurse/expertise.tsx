/** A question to a specialist who is not on the call (tele-expertise), and what became of it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Dossier } from "../core/api.js";
import { timeText } from "../core/format.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

const URGENCIES = ["routine", "urgent", "stat"] as const;
const DUTIES = ["hygiene", "responsible-person"] as const;
const LONGEST = { question: 1000, by: 100 };

type Urgency = (typeof URGENCIES)[number];
type Field = keyof typeof LONGEST;

/** What was asked, how far it is, and the answer in the specialist's own words. */
function Asked({ dossiers }: { dossiers: Dossier[] }): JSX.Element {
  const screen = useScreen();
  return (
    <ul class="held-list" tabIndex={0}>
      {dossiers.map((one) => (
        <li class="held" key={one.id}>
          <strong dir="auto">{one.question}</strong>
          <span>
            {screen.word("expertise", one.state)} · {screen.word("expertise", one.delivery)} ·{" "}
            <span dir="ltr">{timeText(one.at, screen.locale, true)}</span>
          </span>
          {one.answers.map((answer) => (
            <span dir="auto" key={answer.at}>
              {answer.by}: {answer.text}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}

interface QuestionProps {
  onAsk: (question: string, urgency: Urgency, by: string) => void;
  onDuty: (duty: string, by: string) => void;
  busy: boolean;
}

function Question({ onAsk, onDuty, busy }: QuestionProps): JSX.Element {
  const { t } = useScreen();
  const words = { question: useSignal(""), by: useSignal("") };
  const active = useSignal<Field>("question");
  const urgency = useSignal<Urgency | null>(null);
  const by = words.by.value.trim();
  const whole = urgency.value !== null && words.question.value.trim() !== "" && by !== "";
  return (
    <>
      {(["question", "by"] as const).map((name) => (
        <label class={`field ${active.value === name ? "field-active" : ""}`} key={name}>
          <span class="field-label">{t(`expertise.${name}`)}</span>
          <input
            name={name}
            value={words[name].value}
            inputMode="none"
            autocomplete="off"
            maxLength={LONGEST[name]}
            onFocus={() => (active.value = name)}
            onInput={(event) => (words[name].value = event.currentTarget.value)}
          />
        </label>
      ))}
      <Choices
        label={t("expertise.urgency")}
        options={URGENCIES}
        chosen={urgency.value}
        onChoose={(one) => (urgency.value = one)}
        say={(one) => t(`expertise.${one}`)}
      />
      <Keyboard
        kind="letters"
        onKey={(key) => (words[active.value].value = pressed(words[active.value].value, key, LONGEST[active.value]))}
      />
      {DUTIES.map((duty) => (
        <Button icon="check" disabled={busy || by === ""} onClick={() => onDuty(duty, by)} key={duty}>
          {t(`expertise.${duty}`)}
        </Button>
      ))}
      <HoldButton
        disabled={busy || !whole}
        onHeld={() => urgency.value && onAsk(words.question.value.trim(), urgency.value, by)}
      >
        <Icon name="check" />
        {t("expertise.hold")}
      </HoldButton>
    </>
  );
}

/** Ask a specialist who is not on the call: works without a network, and shows what became of it. */
export function Expertise({ consultation, onClose }: { consultation: string; onClose: () => void }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const known = useSignal<Dossier[]>([]);
  const load = async (): Promise<void> => {
    known.value = (await api.dossiers()).dossiers.filter((one) => one.consultation === consultation);
  };
  useEffect(() => void act.run(load), []);
  const ask = (question: string, urgency: Urgency, by: string): Promise<boolean> =>
    act.run(async () => {
      await api.ask(consultation, question, urgency, by);
      await load();
    });
  return (
    <Dialog title={t("expertise.title")} onClose={onClose} class="assign">
      <p class="lead">{t("expertise.explain")}</p>
      <Asked dossiers={known.value} />
      <Question
        busy={act.busy}
        onAsk={(...words) => void ask(...words)}
        onDuty={(duty, by) => void act.run(() => api.acknowledge(consultation, duty, by))}
      />
      <Problem error={act.error} />
    </Dialog>
  );
}
