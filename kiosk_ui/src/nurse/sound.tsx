/** The stethoscope at the nurse's side: its tile, and the screen with the body, the sound drawn, and what to do. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type Advice, adviceOf } from "../core/advice.js";
import type { Source } from "../core/messages.js";
import { pauseLevel } from "../core/spectrogram.js";
import type { Samples, SweepOptions } from "../core/sweep.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { BodyMap } from "../ui/bodymap.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line, SourceCodes } from "../ui/line.js";
import { ListeningMark } from "../ui/listening.js";
import { useScreen } from "../ui/screen.js";
import { Spectrogram } from "../ui/spectrogram.js";
import { StateMark } from "../ui/state.js";
import { Trace } from "../ui/wave.js";
import { useKiosk } from "./kiosk-context.js";
import type { Seen } from "./seen.js";

const FLOOR_DB = -60; // of the level meter
const WINDOW_S = 4;
const PHONOCARDIOGRAM: SweepOptions = { seconds: WINDOW_S, symmetric: true, leastSpan: 400 };
const BEHIND_S = 0.1; // of the pen: blocks come in packets
const LOOK_MS = 500;
const RECORD_S = 15;

/** What to do about the level; looked at twice a second. */
function useAdvice(source: Source, seen: Seen): Advice {
  const pause = useSignal<number | null>(null);
  useEffect(() => {
    const look = (): void => {
      const stream = seen.sound.current;
      pause.value = stream && pauseLevel(stream);
    };
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [seen, pause]);
  return adviceOf(source, pause.value);
}

function Level({ source, seen }: { source: Source; seen: Seen }): JSX.Element {
  const { t, alive } = useScreen();
  const advice = useAdvice(source, seen);
  const live = alive.value && source.state === "live";
  const level = live ? Math.max(FLOOR_DB, source.level ?? FLOOR_DB) : FLOOR_DB;
  return (
    <div class="sound-level" data-advice={live ? advice : "none"}>
      <meter min={FLOOR_DB} max={0} value={level} aria-label={t("sound.level")} />
      {live ? (
        <Line weight={advice === "good" ? "hint" : "notice"} icon={advice === "good" ? "check" : "triangle-alert"}>
          {t(`sound.${advice}`)}
        </Line>
      ) : (
        <p class="stale-why">{t(alive.value ? "stale.device" : "stale.unit")}</p>
      )}
    </div>
  );
}

interface Props {
  source: Source;
  seen: Seen;
}

/** Among the devices: whether it hears something, and the way to its screen. */
export function SoundTile({ source, seen, onOpen }: Props & { onOpen: () => void }): JSX.Element {
  const { t, alive } = useScreen();
  return (
    <article class="tile" data-source={source.key}>
      <header class="tile-head">
        <Icon name="stethoscope" />
        <h3>{source.name}</h3>
        <StateMark state={source.state} alive={alive.value} />
      </header>
      <div class="tile-body">
        <Level source={source} seen={seen} />
      </div>
      <footer class="tile-foot">
        <Button icon="headphones" onClick={onOpen}>
          {t("instrument.open")}
        </Button>
      </footer>
    </article>
  );
}

function Recording({ id, live, act }: { id: string; live: boolean; act: Act }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const listening = screen.state.value.auscultation;
  const state = listening?.state ?? "idle";
  const recording = state === "recording";
  const now = screen.now.value;
  const elapsed = recording && now !== null && listening ? Math.max(0, (now - listening.since_ms) / 1000) : 0;
  const ready = state === "listening" || recording;
  return (
    <>
      {recording && (
        <progress max={RECORD_S} value={elapsed} aria-label={t("listen.recording")}>
          {Math.round(elapsed)} s
        </progress>
      )}
      <Button
        icon={recording ? "save" : "radio"}
        primary={ready}
        disabled={act.busy || !live || !ready}
        onClick={() => void act.run(() => api.auscultation(id, recording ? "stop" : "record"))}
      >
        {t(recording ? "listen.stop" : "listen.record")}
      </Button>
      {ready && !recording && (
        <Button icon="x" disabled={act.busy} onClick={() => void act.run(() => api.auscultation(id, "end"))}>
          {t("steth.stop")}
        </Button>
      )}
    </>
  );
}

/** The nurse places the chest-piece: where, how loud, what it draws, who listens. */
export function Stethoscope({ id, source, seen, onBack }: Props & { id: string; onBack: () => void }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const listening = screen.state.value.auscultation;
  const state = listening?.state ?? "idle";
  const live = source.state === "live" && screen.alive.value;
  const read = (): { samples: Samples | null; head: number } => {
    const stream = seen.sound.current;
    return { samples: stream, head: stream ? stream.end - BEHIND_S * stream.rate : -1 };
  };
  return (
    <section class={`auscultate ${live ? "" : "stale"}`} data-source={source.key} aria-label={source.name}>
      <BodyMap
        site={listening?.site ?? null}
        disabled={act.busy || !live || state === "recording" || state === "proving"}
        onChoose={(site) => void act.run(() => api.auscultation(id, "begin", site))}
      />
      <div class="auscultate-sound">
        <header class="panel-head">
          <Icon name="stethoscope" />
          <h2>{source.name}</h2>
          <StateMark state={source.state} alive={screen.alive.value} />
          <span class="muted">{t("sound.goes-to-doctor")}</span>
        </header>
        <div class="phonocardiogram metric-sound">
          <Trace label={t("steth.trace")} options={PHONOCARDIOGRAM} read={read} />
        </div>
        <Spectrogram label={t("steth.spectrogram")} seconds={WINDOW_S} read={read} />
        <Level source={source} seen={seen} />
        {live && <SourceCodes codes={source.codes ?? []} />}
        <ListeningMark />
        <Problem error={act.error} />
        <div class="auscultate-tools">
          <Button icon="arrow-left" onClick={onBack}>
            {t("instrument.back")}
          </Button>
          <Recording id={id} live={live} act={act} />
        </div>
      </div>
    </section>
  );
}
