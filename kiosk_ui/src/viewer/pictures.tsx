import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { shortHash } from "../core/format.js";
import type { Source } from "../core/messages.js";
import type { ClipAnswer, StillAnswer } from "../core/requests.js";
import { Button, Choices } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
import { Picture } from "../ui/picture.js";
import { useScreen } from "../ui/screen.js";
import { useConsulting } from "./consulting.js";
import { Moment } from "./moment.js";

/** The answer in words, with the hash that the stored result carries too. */
function Answer({ answer }: { answer: StillAnswer }): JSX.Element {
  const { t, word } = useScreen();
  if (!answer.ok) return <Line weight="field-fault">{word("error", answer.code ?? "no-answer")}</Line>;
  return (
    <span class="hint still-kept" role="status" data-sha256={answer.sha256} data-result={answer.result}>
      <Icon name="check" />
      <span>
        {t("viewer.still-kept", { size: `${answer.width}×${answer.height}` })}{" "}
        <code>{shortHash(answer.sha256 ?? "")}</code>
      </span>
    </span>
  );
}

function Still({ source }: { source: Source }): JSX.Element {
  const screen = useScreen();
  const { requests } = useConsulting();
  const busy = useSignal(false);
  const answer = useSignal<StillAnswer | null>(null);
  const take = async (): Promise<void> => {
    busy.value = true;
    answer.value = null;
    answer.value = await requests.still(source.key);
    busy.value = false;
  };
  const live = screen.alive.value && source.state === "live";
  return (
    <div class="still">
      <Button icon="camera" primary disabled={busy.value || !live} onClick={() => void take()}>
        {screen.t(busy.value ? "viewer.still-asked" : "viewer.still")}
      </Button>
      {answer.value && <Answer answer={answer.value} />}
    </div>
  );
}

/** Which of the patient's sides the camera looks at: kept with every picture from now on. */
function Side({ source }: { source: Source }): JSX.Element {
  const { t } = useScreen();
  const { requests } = useConsulting();
  return (
    <Choices
      label={t("shot.side")}
      options={["left", "right"] as const}
      chosen={source.side ?? null}
      onChoose={(side) => void requests.view(source.key, side === source.side ? null : side, source.zoom ?? null)}
      say={(side) => t(`shot.${side}`)}
    />
  );
}

/** The last seconds of a camera that holds them. */
function Clip({ source }: { source: Source }): JSX.Element | null {
  const { t, word, alive } = useScreen();
  const { requests } = useConsulting();
  const busy = useSignal(false);
  const answer = useSignal<ClipAnswer | null>(null);
  if (source.preroll_s == null) return null;
  const keep = async (): Promise<void> => {
    busy.value = true;
    answer.value = await requests.clip(source.key);
    busy.value = false;
  };
  const { ok, seconds, code } = answer.value ?? {};
  return (
    <div class="still">
      <Button icon="save" disabled={busy.value || !alive.value} onClick={() => void keep()}>
        {t("shot.clip", { n: source.preroll_s })}
      </Button>
      {ok === true && <span role="status">{t("shot.clip-kept", { n: seconds ?? 0 })}</span>}
      {ok === false && <Line weight="field-fault">{word("error", code ?? "no-answer")}</Line>}
    </div>
  );
}

/** The picture stays, and the waveforms at its instant; the stream goes on beneath. */
function Freeze({ frozen, onToggle }: { frozen: boolean; onToggle: () => void }): JSX.Element {
  const { t } = useScreen();
  return (
    <Button icon="image" pressed={frozen} onClick={onToggle}>
      {t(frozen ? "shot.unfreeze" : "shot.freeze")}
    </Button>
  );
}

/** One picture large, the others beside it; a touch changes places. */
export function PicturesView(): JSX.Element {
  const screen = useScreen();
  const consulting = useConsulting();
  const { pictures, frozenAt, shown } = consulting;
  const frozen = useSignal(false);
  const chosen = useSignal<string | null>(null);
  const sources = [...screen.state.value.sources.values()].filter((source) => source.kind === "video");
  const main = sources.find((source) => source.key === chosen.value) ?? sources[0];
  if (!main)
    return (
      <section class="pictures">
        <p class="muted">{screen.t("viewer.no-picture")}</p>
      </section>
    );
  const others = sources.filter((source) => source.key !== main.key);
  const freeze = (on: boolean): void => {
    frozen.value = on;
    frozenAt.value = on ? (shown.peek()?.capture_ms ?? null) : null;
  };
  const enlarge = (source: Source): void => {
    freeze(false);
    chosen.value = source.key;
  };
  const stream = (source: Source): MediaStream | null => pictures.value.get(source.key) ?? null;
  return (
    <section class="pictures" aria-label={screen.t("viewer.pictures")}>
      <div class="picture-main">
        <Picture
          source={main}
          stream={stream(main)}
          frozen={frozen.value}
          receiver={(track) => consulting.receiver(track)}
          onShown={(now) => (shown.value = now)}
          key={main.key}
        />
        <Moment />
        <div class="picture-tools">
          <Freeze frozen={frozen.value} onToggle={() => freeze(!frozen.value)} />
          <Side source={main} />
          <Clip source={main} key={`clip ${main.key}`} />
        </div>
      </div>
      <div class="picture-side">
        {others.map((source) => (
          <div class="picture-other" key={source.key}>
            <Picture source={source} stream={stream(source)} />
            <Button onClick={() => enlarge(source)}>
              {screen.t("viewer.enlarge", { name: source.name })}
            </Button>
          </div>
        ))}
        <Still source={main} key={main.key} />
      </div>
    </section>
  );
}
