import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { birthDateText, yearsOld } from "../core/format.js";
import type { Consultation, Patient } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { Cancel } from "./cancel.js";
import { Page } from "./frame.js";
import { Identify } from "./identify.js";
import { useKiosk } from "./kiosk-context.js";

export const IDENTIFIERS = ["birth_name", "given_names", "birth_date", "sex"] as const;

export type Identifier = (typeof IDENTIFIERS)[number];

export const NEEDED = 2;

export function useShown(patient: Patient): Record<Identifier, string> {
  const { t, locale } = useScreen();
  const years = yearsOld(patient.birth_date, new Date());
  const age = years === null ? "" : ` (${t("patient.years", { n: years })})`;
  return {
    birth_name: patient.birth_name.toUpperCase(),
    given_names: patient.given_names,
    birth_date: birthDateText(patient.birth_date, locale) + age,
    sex: t(`sex.${patient.sex}`),
  };
}

interface TickProps {
  name: Identifier;
  value: string;
  checked: boolean;
  onTick: () => void;
}

export function Tick({ name, value, checked, onTick }: TickProps): JSX.Element {
  const { t } = useScreen();
  return (
    <li>
      <button type="button" class="button identifier" role="checkbox" aria-checked={checked} onClick={onTick}>
        <Icon name={checked ? "circle-check" : "circle"} />
        <span class="label">{t(`identify.${name}`)}</span>
        <strong>{value}</strong>
      </button>
    </li>
  );
}

interface AcknowledgeProps {
  checked: boolean;
  onTick: () => void;
  say: string;
  why: string;
}

/** A warning that has to be touched before it goes on. */
export function Acknowledge({ checked, onTick, say, why }: AcknowledgeProps): JSX.Element {
  return (
    <div class="acknowledge" role="alert">
      <p>
        <Icon name="triangle-alert" /> {why}
      </p>
      <button type="button" class="button identifier" role="checkbox" aria-checked={checked} onClick={onTick}>
        <Icon name={checked ? "circle-check" : "circle"} />
        <strong>{say}</strong>
      </button>
    </div>
  );
}

/** Another patient of this unit could be taken for this one: in what they differ, never who it is. */
function Homonym({ differs, checked, onTick }: { differs: string[]; checked: boolean; onTick: () => void }): JSX.Element {
  const { t, word } = useScreen();
  const what = differs.map((field) => word("identify", field)).join(", ");
  return (
    <Acknowledge checked={checked} onTick={onTick} say={t("homonym.seen")} why={t("homonym.warning", { what })} />
  );
}

/** Is it this patient? Two identifiers are asked aloud and ticked, each by one touch. */
export function Confirm({ consultation, patient }: { consultation: Consultation; patient: Patient }): JSX.Element {
  const { t, word } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const checked = useSignal<ReadonlySet<Identifier>>(new Set());
  const again = useSignal(false);
  const seen = useSignal(false);
  const values = useShown(patient);
  useEffect(() => {
    again.value = false; // the traits were read again: what was ticked was said of others
    checked.value = new Set();
    seen.value = false;
  }, [consultation, again, checked, seen]);
  const id = consultation.id ?? "";
  const tick = (name: Identifier): void => {
    const next = new Set(checked.value);
    if (!next.delete(name)) next.add(name);
    checked.value = next;
  };
  const missing = NEEDED - checked.value.size;
  const confirm = (): void => void act.run(() => api.confirm(id, [...checked.value], seen.value));
  const homonym = consultation.homonym ?? [];
  const unseen = homonym.length > 0 && !seen.value;
  if (again.value) return <Identify id={id} />;
  return (
    <Page head={<h1>{t("confirm.title")}</h1>} beside={<Cancel id={id} />} class="confirm">
      <p class="lead">{t("confirm.ask")}</p>
      <ul class="identifiers">
        {IDENTIFIERS.map((name) => (
          <Tick
            name={name}
            value={values[name]}
            checked={checked.value.has(name)}
            onTick={() => tick(name)}
            key={name}
          />
        ))}
      </ul>
      {homonym.length > 0 && (
        <Homonym differs={homonym} checked={seen.value} onTick={() => (seen.value = !seen.value)} />
      )}
      <p class="origin">
        {t("patient.origin")}: <strong>{word("origin", patient.origin)}</strong>
      </p>
      <Problem error={act.error} />
      <div class="actions">
        <Button icon="pen-line" onClick={() => (again.value = true)}>
          {t("confirm.again")}
        </Button>
        <Button primary disabled={act.busy || missing > 0 || unseen} onClick={confirm}>
          {missing > 0 ? t("confirm.missing", { n: missing }) : t("confirm.yes")}
        </Button>
      </div>
    </Page>
  );
}
