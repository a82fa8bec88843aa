import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { shortHash } from "../core/format.js";
import type { Source } from "../core/messages.js";
import type { StillAnswer } from "../core/requests.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
import { Picture } from "../ui/picture.js";
import { useScreen } from "../ui/screen.js";
import { useConsulting } from "./consulting.js";

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

/** One picture large, the others beside it; a touch changes places. */
export function PicturesView(): JSX.Element {
  const screen = useScreen();
  const { pictures } = useConsulting();
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
  const stream = (source: Source): MediaStream | null => pictures.value.get(source.key) ?? null;
  return (
    <section class="pictures" aria-label={screen.t("viewer.pictures")}>
      <div class="picture-main">
        <Picture source={main} stream={stream(main)} key={main.key} />
      </div>
      <div class="picture-side">
        {others.map((source) => (
          <div class="picture-other" key={source.key}>
            <Picture source={source} stream={stream(source)} />
            <Button onClick={() => (chosen.value = source.key)}>
              {screen.t("viewer.enlarge", { name: source.name })}
            </Button>
          </div>
        ))}
        <Still source={main} key={main.key} />
      </div>
    </section>
  );
}
