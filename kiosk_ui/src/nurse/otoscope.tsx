/** A camera as large as the screen: the nurse guides it by what the doctor sees. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Source } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { SourceCodes } from "../ui/line.js";
import { Picture } from "../ui/picture.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";
import type { Seen } from "./seen.js";

/** How many pictures and clips of this camera are kept in this consultation. */
function useKept(source: string): number {
  const { results } = useScreen().state.value;
  return [...results.values()].filter((one) => one.object?.source === source && one.struck == null).length;
}

interface Props {
  id: string;
  source: Source;
  seen: Seen;
  onBack: () => void;
}

/** Which side: said before the picture is taken, kept with it. */
function Side({ id, source }: { id: string; source: Source }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  return (
    <>
      <Choices
        label={t("shot.side")}
        options={["right", "left"] as const}
        chosen={source.side ?? null}
        onChoose={(side) =>
          void act.run(() => api.view(id, source.key, side === source.side ? null : side, source.zoom ?? null))
        }
        say={(side) => t(`shot.${side}`)}
      />
      <Problem error={act.error} />
    </>
  );
}

export function Otoscope({ id, source, seen, onBack }: Props): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const frozen = useSignal(false);
  const kept = useKept(source.key);
  const live = source.state === "live" && screen.alive.value;
  return (
    <section class="bleed" aria-label={source.name}>
      <Picture source={source} stream={seen.pictures.value.get(source.key) ?? null} frozen={frozen.value} />
      <div class="bleed-tools">
        <Button icon="arrow-left" onClick={onBack}>
          {t("instrument.back")}
        </Button>
        <p class="bleed-eye">
          <Icon name="eye" />
          {t("view.title")}
        </p>
        <Side id={id} source={source} />
        <Button icon="image" pressed={frozen.value} onClick={() => (frozen.value = !frozen.value)}>
          {t(frozen.value ? "shot.unfreeze" : "shot.freeze")}
        </Button>
        {source.preroll_s != null && (
          <Button icon="save" disabled={act.busy || !live} onClick={() => void act.run(() => api.clip(id, source.key))}>
            {t("shot.clip", { n: source.preroll_s })}
          </Button>
        )}
        <Button
          icon="camera"
          primary
          class="bleed-shoot"
          disabled={act.busy || !live}
          onClick={() => void act.run(() => api.still(id, source.key))}
        >
          {t("view.still")}
        </Button>
        <p class="bleed-count" role="status">
          {t("shot.count", { n: kept })}
        </p>
        <SourceCodes codes={screen.alive.value ? (source.codes ?? []) : []} />
        <Problem error={act.error} />
      </div>
    </section>
  );
}
