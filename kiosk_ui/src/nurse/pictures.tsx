import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Source } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { SourceCodes } from "../ui/line.js";
import { Picture } from "../ui/picture.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";
import type { Seen } from "./seen.js";

interface Props {
  id: string;
  seen: Seen;
  /** A camera is to have the whole screen. */
  onOpen: (source: string) => void;
}

/** What the doctor sees; one touch keeps the camera's own full-size picture, another makes it as large as the screen. */
export function DoctorsView({ id, seen, onOpen }: Props): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const chosen = useSignal<string | null>(null);
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
      <Picture source={source} stream={seen.pictures.value.get(source.key) ?? null} key={source.key} />
      <SourceCodes codes={screen.alive.value ? (source.codes ?? []) : []} />
      <div class="view-buttons">
        {sources.length > 1 &&
          sources.map((one) => (
            <Button pressed={one.key === source.key} onClick={() => (chosen.value = one.key)} key={one.key}>
              {one.name}
            </Button>
          ))}
        <Button icon="maximize" onClick={() => onOpen(source.key)}>
          {t("view.enlarge")}
        </Button>
        <Button
          icon="image"
          primary
          disabled={act.busy || !live}
          onClick={() => void act.run(() => api.still(id, source.key))}
        >
          {t("view.still")}
        </Button>
      </div>
      <Problem error={act.error} />
    </section>
  );
}
