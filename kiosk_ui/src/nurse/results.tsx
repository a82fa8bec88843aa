import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { bytesText, shortHash, timeText } from "../core/format.js";
import type { Result } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Choices } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { Notices } from "../ui/line.js";
import { newestFirst, ResultMarks, useOrigin, useTitle } from "../ui/result.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

const REASONS = ["wrong-patient", "wrong-position", "doubtful", "repeated", "mistyped"] as const;

type Reason = (typeof REASONS)[number];

export function ResultRow({ result, onOpen }: { result: Result; onOpen: () => void }): JSX.Element {
  const screen = useScreen();
  const title = useTitle();
  const origin = useOrigin();
  return (
    <li>
      <button
        type="button"
        class={`button result ${result.struck != null ? "struck" : ""}`}
        data-result={result.id}
        onClick={onOpen}
      >
        <span class="result-title" dir="auto">
          {title(result)}
        </span>
        <span class="result-time" dir="ltr">
          {timeText(result.at, screen.locale)}
        </span>
        <span class="result-marks">
          <span class="result-source">{origin(result)}</span>
          <ResultMarks result={result} />
        </span>
      </button>
    </li>
  );
}

/** The stored bytes of a still, shown from memory and let go with the dialog. */
function StoredPicture({ result }: { result: Result }): JSX.Element | null {
  const { api } = useKiosk();
  const url = useSignal<string | null>(null);
  useEffect(() => {
    let gone = false;
    void api.object(result.id).then(
      (blob) => {
        if (!gone) url.value = URL.createObjectURL(blob);
      },
      () => undefined,
    );
    return () => {
      gone = true;
      if (url.value) URL.revokeObjectURL(url.value);
    };
  }, [api, result.id, url]);
  return url.value ? <img class="stored" src={url.value} alt="" /> : null;
}

function ObjectFacts({ result }: { result: Result }): JSX.Element | null {
  const screen = useScreen();
  const object = result.object;
  if (!object) return null;
  const size = object.width && object.height ? `${object.width}×${object.height} · ` : "";
  return (
    <p class="muted" dir="ltr">
      {size}
      {bytesText(object.bytes, screen.locale)} · SHA-256 <code>{shortHash(object.sha256)}</code>
    </p>
  );
}

function Strike({ result, onDone }: { result: Result; onDone: () => void }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const reason = useSignal<Reason | null>(null);
  const strike = async (): Promise<void> => {
    const chosen = reason.value;
    if (chosen && (await act.run(() => api.strike(result.consultation, result.id, t(`strike.${chosen}`))))) onDone();
  };
  return (
    <section class="strike">
      <h3>{t("strike.title")}</h3>
      <p class="muted">{t("strike.explain")}</p>
      <Choices
        label={t("strike.reason")}
        options={REASONS}
        chosen={reason.value}
        onChoose={(one) => (reason.value = one)}
        say={(one) => t(`strike.${one}`)}
      />
      <Problem error={act.error} />
      <HoldButton disabled={act.busy || reason.value === null} onHeld={() => void strike()}>
        <Icon name="x" />
        {t("strike.hold")}
      </HoldButton>
    </section>
  );
}

export function ResultDialog({ result, onClose }: { result: Result; onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const title = useTitle();
  const origin = useOrigin();
  return (
    <Dialog title={title(result)} onClose={onClose} class="result-dialog">
      <p>
        {origin(result)} · <span dir="ltr">{timeText(result.at, screen.locale, true)}</span>
      </p>
      <p class="result-marks">
        <ResultMarks result={result} />
      </p>
      <Notices codes={result.notices} />
      {result.assigned && (
        <p>
          {screen.t("result.assigned", { by: result.assigned.by, reason: result.assigned.reason })}{" "}
          {screen.word("quarantine", result.assigned.held)}
        </p>
      )}
      {result.reason && <p>{screen.t("result.reason", { reason: result.reason })}</p>}
      {result.kind === "still" && <StoredPicture result={result} />}
      <ObjectFacts result={result} />
      {result.struck != null ? (
        <p>{screen.t("result.struck-because", { reason: result.struck })}</p>
      ) : (
        <Strike result={result} onDone={onClose} />
      )}
    </Dialog>
  );
}

/** The list, newest first, and the one that is opened. */
export function Results({ heading }: { heading: string }): JSX.Element {
  const screen = useScreen();
  const open = useSignal<string | null>(null);
  const rows = newestFirst(screen);
  const chosen = rows.find((result) => result.id === open.value);
  return (
    <section class="results">
      <h2>{heading}</h2>
      {rows.length === 0 && <p class="muted">{screen.t("result.none")}</p>}
      <ul class="result-list">
        {rows.map((result) => (
          <ResultRow result={result} onOpen={() => (open.value = result.id)} key={result.id} />
        ))}
      </ul>
      {chosen && <ResultDialog result={chosen} onClose={() => (open.value = null)} />}
    </section>
  );
}
