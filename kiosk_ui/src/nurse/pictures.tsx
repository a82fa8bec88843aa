import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Source } from "../core/messages.js";
import { Preview } from "../core/preview.js";
import { NO_PICTURES, type Pictures } from "../core/tracks.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { SourceCodes } from "../ui/line.js";
import { Picture } from "../ui/picture.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

/** What the doctor sees; one touch keeps the camera's own full-size picture. */
export function DoctorsView({ id }: { id: string }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const pictures = useSignal<Pictures>(NO_PICTURES);
  const chosen = useSignal<string | null>(null);
  useEffect(() => {
    const preview = new Preview(api, (next) => (pictures.value = next));
    return () => preview.stop();
  }, [api, pictures]);
  const sources = [...screen.state.value.sources.values()].filter((source) => source.kind === "video");
  const source: Source | undefined = sources.find((one) => one.key === chosen.value) ?? sources[0];
  if (!source)
    return (
      <section class="view">
        <p class="muted">{t("view.none")}</p>
      </section>
    );
  const live = source.state === "live" && screen.alive.value;
  return (
    <section class="view" aria-label={t("view.title")}>
      <h2>
        <Icon name="eye" />
        {t("view.title")}
      </h2>
      <Picture source={source} stream={pictures.value.get(source.key) ?? null} key={source.key} />
      <SourceCodes codes={screen.alive.value ? (source.codes ?? []) : []} />
      <div class="view-buttons">
        {sources.length > 1 &&
          sources.map((one) => (
            <Button pressed={one.key === source.key} onClick={() => (chosen.value = one.key)} key={one.key}>
              {one.name}
            </Button>
          ))}
        <Button
          icon="image"
          primary
          disabled={act.busy || !live}
          onClick={() => void act.run(() => api.still(id, source.key))}
        >
          {t("view.still")}
        </Button>
        {source.preroll_s != null && (
          <Button
            icon="save"
            disabled={act.busy || !live}
            onClick={() => void act.run(() => api.clip(id, source.key))}
          >
            {t("shot.clip", { n: source.preroll_s })}
          </Button>
        )}
        {source.preroll_s != null && (
          <Choices
            label={t("shot.side")}
            options={["left", "right"] as const}
            chosen={source.side ?? null}
            onChoose={(side) =>
              void act.run(() => api.view(id, source.key, side === source.side ? null : side, source.zoom ?? null))
            }
            say={(side) => t(`shot.${side}`)}
          />
        )}
      </div>
      <Problem error={act.error} />
    </section>
  );
}
