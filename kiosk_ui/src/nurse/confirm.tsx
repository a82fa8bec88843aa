import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { birthDateText, yearsOld } from "../core/format.js";
import type { Consultation, Patient } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { Cancel } from "./cancel.js";
import { Page } from "./frame.js";
import { Identify } from "./identify.js";
import { useKiosk } from "./kiosk-context.js";

const IDENTIFIERS = ["birth_name", "given_names", "birth_date", "sex"] as const;

type Identifier = (typeof IDENTIFIERS)[number];

const NEEDED = 2;

function useShown(patient: Patient): Record<Identifier, string> {
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

/** Is it this patient? Two identifiers are asked aloud and ticked, each by one touch. */
export function Confirm({ consultation, patient }: { consultation: Consultation; patient: Patient }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const checked = useSignal<ReadonlySet<Identifier>>(new Set());
  const again = useSignal(false);
  const values = useShown(patient);
  useEffect(() => {
    again.value = false; // the traits were read again: what was ticked was said of others
    checked.value = new Set();
  }, [consultation, again, checked]);
  const id = consultation.id ?? "";
  const tick = (name: Identifier): void => {
    const next = new Set(checked.value);
    if (!next.delete(name)) next.add(name);
    checked.value = next;
  };
  const missing = NEEDED - checked.value.size;
  if (again.value) return <Identify id={id} />;
  return (
    <Page
      head={
        <>
          <h1>{t("confirm.title")}</h1>
          <Cancel id={id} />
        </>
      }
      class="confirm"
    >
      <p class="lead">{t("confirm.ask")}</p>
      <ul class="identifiers">
        {IDENTIFIERS.map((name) => (
          <li key={name}>
            <button
              type="button"
              class="button identifier"
              role="checkbox"
              aria-checked={checked.value.has(name)}
              onClick={() => tick(name)}
            >
              <Icon name={checked.value.has(name) ? "circle-check" : "circle"} />
              <span class="label">{t(`identify.${name}`)}</span>
              <strong>{values[name]}</strong>
            </button>
          </li>
        ))}
      </ul>
      <p class="origin">
        {t("patient.origin")}: <strong>{screen.word("origin", patient.origin)}</strong>
      </p>
      <Problem error={act.error} />
      <div class="actions">
        <button type="button" class="button" onClick={() => (again.value = true)}>
          <Icon name="pen-line" />
          {t("confirm.again")}
        </button>
        <button
          type="button"
          class="button primary"
          disabled={act.busy || missing > 0}
          onClick={() => void act.run(() => api.confirm(id, [...checked.value]))}
        >
          {missing > 0 ? t("confirm.missing", { n: missing }) : t("confirm.yes")}
        </button>
      </div>
    </Page>
  );
}
