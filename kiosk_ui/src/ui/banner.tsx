import type { JSX } from "preact";
import { birthDateText, yearsOld } from "../core/format.js";
import type { Patient } from "../core/messages.js";
import { useScreen } from "./screen.js";

/** Who the patient is, on every screen: BIRTH NAME Given, born with month in letters and age, sex, where it came from. */
export function PatientBanner({ patient }: { patient: Patient | null }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  if (!patient) return <p class="patient patient-none">{t("patient.none")}</p>;
  const age = yearsOld(patient.birth_date, new Date());
  return (
    <section class="patient" aria-label={t("patient.label")}>
      <h1 class="patient-name">
        {patient.birth_name.toUpperCase()} <span class="patient-given">{patient.given_names}</span>
      </h1>
      <span class="patient-fact">
        <span class="label">{t("patient.born")}</span> {birthDateText(patient.birth_date, screen.locale)}
        {age === null ? null : ` (${t("patient.years", { n: age })})`}
      </span>
      <span class="patient-fact">
        <span class="label">{t("patient.sex")}</span> {t(`sex.${patient.sex}`)}
      </span>
      <span class="patient-fact">
        <span class="label">{t("patient.origin")}</span> {screen.word("origin", patient.origin)}
      </span>
    </section>
  );
}
