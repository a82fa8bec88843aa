import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { bytesText, shortHash, timeText, unitText, valueText } from "../core/format.js";
import type { Result, StoredObject } from "../core/messages.js";
import { type Fetched, fetchStored } from "../core/stored.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { Notices } from "../ui/line.js";
import { ProofMark } from "../ui/listening.js";
import { newestFirst, ResultMarks, useOrigin, useTitle } from "../ui/result.js";
import { useScreen } from "../ui/screen.js";
import { ValidityMark } from "../ui/state.js";
import { inOrder } from "../ui/value.js";
import { useConsulting } from "./consulting.js";

const RECORDED = new Set(["still", "clip", "sound"]);

/** At once, before the platform has the picture itself. */
function Thumbnail({ result }: { result: Result }): JSX.Element | null {
  const { state } = useScreen();
  const small = state.value.thumbnails.get(result.id);
  const url = useSignal<string | null>(null);
  useEffect(() => {
    if (!small) return;
    const bytes = Uint8Array.from(atob(small.data), (letter) => letter.charCodeAt(0));
    const made = (url.value = URL.createObjectURL(new Blob([bytes], { type: small.media_type })));
    return () => {
      URL.revokeObjectURL(made);
      url.value = null;
    };
  }, [small, url]);
  return url.value === null ? null : <img class="thumbnail" src={url.value} alt="" />;
}

/** As it is to be seen or heard. */
function Shown({ object, url }: { object: StoredObject; url: string }): JSX.Element {
  const { t } = useScreen();
  if (object.media_type.startsWith("audio/")) return <audio class="stored" src={url} controls />;
  if (object.media_type.startsWith("video/")) return <video class="stored" src={url} controls muted loop />;
  return <img class="stored" src={url} alt={t("result.still")} />;
}

/** The bytes as the platform stores them; they are let go when they leave the screen. */
function StoredBytes({ object }: { object: StoredObject }): JSX.Element {
  const { t } = useScreen();
  const { place } = useConsulting();
  const fetched = useSignal<Fetched | null>(null);
  const url = useSignal<string | null>(null);
  useEffect(() => {
    let gone = false;
    void fetchStored(place.platform, place.token, object.sha256).then((found) => {
      if (gone) return;
      fetched.value = found;
      if ("blob" in found) url.value = URL.createObjectURL(found.blob);
    });
    return () => {
      gone = true;
      if (url.value) URL.revokeObjectURL(url.value);
    };
  }, [place, object.sha256, fetched, url]);
  const state = fetched.value?.state ?? "fetching";
  return (
    <>
      {url.value && <Shown object={object} url={url.value} />}
      <p class={state === "forged" ? "field-fault" : "hint"} data-proof={state}>
        <Icon name={state === "proven" ? "check" : state === "forged" ? "circle-x" : "info"} />
        {t(`stored.${state}`)}
      </p>
    </>
  );
}

function Facts({ result }: { result: Result }): JSX.Element {
  const screen = useScreen();
  const object = result.object;
  return (
    <>
      <dl class="facts">
        {inOrder(result.numerics).map((numeric) => (
          <div key={numeric.metric}>
            <dt>{screen.word("metric", numeric.metric)}</dt>
            <dd>
              <strong dir="ltr">
                {valueText(numeric.value, screen.locale)} {unitText(numeric.unit)}
              </strong>{" "}
              <ValidityMark validity={numeric.validity} />
            </dd>
          </div>
        ))}
      </dl>
      <Notices codes={result.notices} />
      {RECORDED.has(result.kind) && object && <StoredBytes object={object} />}
      {object?.sound && (
        <>
          {object.sound.site && <p>{screen.word("site", object.sound.site)}</p>}
          <ProofMark proof={object.sound.proof} />
        </>
      )}
      {object && (
        <p class="muted" dir="ltr">
          {object.side ? `${screen.t(`shot.${object.side}`)} · ` : ""}
          {object.seconds ? `${object.seconds} s · ` : ""}
          {object.width && object.height ? `${object.width}×${object.height} · ` : ""}
          {bytesText(object.bytes, screen.locale)} · SHA-256 <code>{shortHash(object.sha256)}</code>
        </p>
      )}
      {result.reason && <p>{screen.t("result.reason", { reason: result.reason })}</p>}
      {result.struck != null && <p>{screen.t("result.struck-because", { reason: result.struck })}</p>}
    </>
  );
}

function Detail({ result, onClose }: { result: Result; onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const title = useTitle();
  const origin = useOrigin();
  return (
    <Dialog title={title(result)} onClose={onClose}>
      <p>
        {origin(result)} · <span dir="ltr">{timeText(result.at, screen.locale, true)}</span>
      </p>
      <p class="result-marks">
        <ResultMarks result={result} />
      </p>
      <Facts result={result} />
    </Dialog>
  );
}

/** What was charted, newest first; to open one is told to the platform and, by it, to the nurse. */
export function Tray(): JSX.Element {
  const screen = useScreen();
  const consulting = useConsulting();
  const title = useTitle();
  const origin = useOrigin();
  const open = useSignal<string | null>(null);
  const rows = newestFirst(screen);
  const chosen = rows.find((result) => result.id === open.value);
  const show = (result: Result): void => {
    open.value = result.id;
    consulting.opened(result.id);
  };
  return (
    <section class="tray">
      <header class="panel-head">
        <h2>{screen.t("result.title")}</h2>
      </header>
      {rows.length === 0 && <p class="muted">{screen.t("result.none")}</p>}
      <ul class="result-list">
        {rows.map((result) => (
          <li key={result.id}>
            <button
              type="button"
              class={`button result ${result.struck != null ? "struck" : ""}`}
              data-result={result.id}
              data-delivery={result.delivery}
              onClick={() => show(result)}
            >
              <Thumbnail result={result} />
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
        ))}
      </ul>
      {chosen && <Detail result={chosen} onClose={() => (open.value = null)} />}
    </section>
  );
}
