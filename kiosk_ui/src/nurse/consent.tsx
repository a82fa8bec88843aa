import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { LANGUAGES, type Language, say } from "../core/i18n.js";
import type { Patient } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { PatientBanner } from "../ui/banner.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { Cancel } from "./cancel.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

/** Changed with every change of the text below: it is kept with the consent. */
export const CONSENT_VERSION = "2026-11";

const LINES = ["consent.line1", "consent.line2", "consent.line3", "consent.line4"] as const;

type By = "patient" | "representative";

/** The text is read aloud in the patient's language, which need not be the nurse's. */
export function Consent({ id, patient }: { id: string; patient: Patient }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const language = useSignal<Language>(screen.language.peek());
  const by = useSignal<By>("patient");
  const answer = (given: boolean) => () =>
    void act.run(() => api.consent(id, given, by.value, language.value, CONSENT_VERSION));
  return (
    <Page
      head={
        <>
          <PatientBanner patient={patient} />
          <Cancel id={id} />
        </>
      }
      class="consent"
    >
      <div class="consent-text">
        <p class="hint">
          <Icon name="volume-2" />
          {t("consent.read-aloud")}
        </p>
        <div class="choices" role="group" aria-label={t("consent.language")}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <button
              type="button"
              class="button"
              lang={code}
              aria-pressed={language.value === code}
              onClick={() => (language.value = code as Language)}
              key={code}
            >
              {name}
            </button>
          ))}
        </div>
        <blockquote lang={language.value}>
          {LINES.map((line) => (
            <p key={line}>{say(language.value, line)}</p>
          ))}
        </blockquote>
        <p class="version">{t("consent.version", { version: CONSENT_VERSION })}</p>
      </div>
      <div class="consent-answer">
        <div class="choices" role="group" aria-label={t("consent.by")}>
          {(["patient", "representative"] as const).map((who) => (
            <button
              type="button"
              class="button"
              aria-pressed={by.value === who}
              onClick={() => (by.value = who)}
              key={who}
            >
              {t(`consent.by-${who}`)}
            </button>
          ))}
        </div>
        <button type="button" class="button primary huge" disabled={act.busy} onClick={answer(true)}>
          <Icon name="check" />
          {t("consent.given")}
        </button>
        <Problem error={act.error} />
        <HoldButton disabled={act.busy} onHeld={answer(false)}>
          <Icon name="x" />
          {t("consent.refused")}
        </HoldButton>
        <p class="muted">{t("consent.refused-explain")}</p>
      </div>
    </Page>
  );
}
