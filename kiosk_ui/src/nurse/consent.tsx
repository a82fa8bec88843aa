import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { CONSENTABLE, directionOf, LANGUAGES, type Language, preferred, say } from "../core/i18n.js";
import type { Patient } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { PatientBanner } from "../ui/banner.js";
import { Button, Choices } from "../ui/button.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { Cancel } from "./cancel.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

/** Changed with every change of the text below: it is kept with the consent. */
export const CONSENT_VERSION = "2026-11";

const LINES = ["consent.line1", "consent.line2", "consent.line3", "consent.line4"] as const;

const BY = ["patient", "representative"] as const;

type By = (typeof BY)[number];

/** What the patient hears. */
function Text({ language, onLanguage }: { language: Language; onLanguage: (language: Language) => void }): JSX.Element {
  const { t } = useScreen();
  return (
    <div class="consent-text">
      <Line weight="hint" icon="volume-2">
        {t("consent.read-aloud")}
      </Line>
      <Choices
        label={t("consent.language")}
        options={CONSENTABLE}
        chosen={language}
        onChoose={onLanguage}
        say={(code) => LANGUAGES[code]}
        languages
      />
      <blockquote lang={language} dir={directionOf(language)}>
        {LINES.map((line) => (
          <p key={line}>{say(language, line)}</p>
        ))}
      </blockquote>
      <p class="version">{t("consent.version", { version: CONSENT_VERSION })}</p>
    </div>
  );
}

/** The text is read aloud in the patient's language, which need not be the nurse's. */
export function Consent({ id, patient }: { id: string; patient: Patient }): JSX.Element {
  const { t, language: own } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const language = useSignal<Language>(CONSENTABLE.includes(own.peek()) ? own.peek() : preferred([]));
  const by = useSignal<By>("patient");
  const answer = (given: boolean) => () =>
    void act.run(() => api.consent(id, given, by.value, language.value, CONSENT_VERSION));
  return (
    <Page head={<PatientBanner patient={patient} />} beside={<Cancel id={id} />} class="consent">
      <Text language={language.value} onLanguage={(code) => (language.value = code)} />
      <div class="consent-answer">
        <Choices
          label={t("consent.by")}
          options={BY}
          chosen={by.value}
          onChoose={(who) => (by.value = who)}
          say={(who) => t(`consent.by-${who}`)}
        />
        <Button icon="check" primary class="huge" disabled={act.busy} onClick={answer(true)}>
          {t("consent.given")}
        </Button>
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
