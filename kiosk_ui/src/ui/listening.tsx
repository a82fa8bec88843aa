/** The listening in words, the same for the nurse and the doctor: what is muted, how the way is, where, and for how long. */

import type { JSX } from "preact";
import type { SoundProof } from "../core/messages.js";
import { SITES } from "../core/sites.js";
import { Icon } from "./icon.js";
import { Line } from "./line.js";
import { useScreen } from "./screen.js";

const GRADE_ICON = { good: "check", fair: "triangle-alert", poor: "circle-x" } as const;

/** What the doctor's side measured of the known sound. */
export function ProofMark({ proof }: { proof: SoundProof | null }): JSX.Element {
  const { t } = useScreen();
  if (!proof) return <Line weight="hint">{t("proof.none")}</Line>;
  const response = Math.abs(proof.response_db).toFixed(2);
  const figures = { response, snr: Math.round(proof.snr_db), jitter: Math.round(proof.jitter_ms), lost: proof.lost };
  return (
    <div class="sound-proof" data-grade={proof.grade}>
      <Line weight={proof.grade === "good" ? "hint" : "notice"} icon={GRADE_ICON[proof.grade]}>
        {t(`proof.${proof.grade}`)}
      </Line>
      <span class="muted" dir="ltr">
        {t("proof.figures", figures)}
      </span>
    </div>
  );
}

/** What goes on now; nothing while nobody listens. */
export function ListeningMark(): JSX.Element | null {
  const screen = useScreen();
  const { t } = screen;
  const listening = screen.state.value.auscultation;
  if (!listening || listening.state === "idle") return null;
  const now = screen.now.value;
  return (
    <div class="listening" role="status" data-listening={listening.state}>
      <p>
        <Icon name="headphones" />
        <strong>{t("listen.mark")}</strong> {listening.site && screen.word("site", listening.site)}
      </p>
      <Line weight="hint" icon="bell-off">
        {t("listen.quiet")}
      </Line>
      {listening.state === "proving" && <Line weight="notice">{t("listen.proving")}</Line>}
      {listening.state === "recording" && (
        <Line weight="notice" icon="radio">
          {t("listen.recording")} {now !== null && `${Math.max(0, Math.round((now - listening.since_ms) / 1000))} s`}
        </Line>
      )}
      {listening.state !== "proving" && <ProofMark proof={listening.proof} />}
    </div>
  );
}

interface SiteChoiceProps {
  site: string | null;
  disabled: boolean;
  onChoose: (site: string) => void;
}

/** The place of the chest-piece. */
export function SiteChoice({ site, disabled, onChoose }: SiteChoiceProps): JSX.Element {
  const { t } = useScreen();
  return (
    <label class="site">
      <span>{t("listen.site")}</span>
      <select value={site ?? ""} disabled={disabled} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="" disabled>
          {t("listen.site-none")}
        </option>
        {SITES.map((one) => (
          <option value={one} key={one}>
            {t(`site.${one}`)}
          </option>
        ))}
      </select>
    </label>
  );
}
