import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { CORNERS, type FilterName } from "../core/sound/filters.js";
import type { Source } from "../core/messages.js";
import type { ListeningAnswer } from "../core/requests.js";
import type { Samples, SweepOptions } from "../core/sweep.js";
import { Button, Choices } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line, SourceCodes } from "../ui/line.js";
import { ListeningMark, SiteChoice } from "../ui/listening.js";
import { useScreen } from "../ui/screen.js";
import { StateMark } from "../ui/state.js";
import { Trace } from "../ui/wave.js";
import { type Consulting, useConsulting } from "./consulting.js";

const PHONOCARDIOGRAM: SweepOptions = { seconds: 4, symmetric: true, leastSpan: 400 };
const BEHIND_S = 0.1; // of the pen, while nobody listens
const SILENT_MS = 800;
const FLOOR_DB = -60;
const MOST_GAIN = 8;

const FILTERS = Object.keys(CORNERS) as FilterName[];

function FilterChoice(): JSX.Element {
  const { t } = useScreen();
  const consulting = useConsulting();
  const say = (name: FilterName): JSX.Element => (
    <>
      {t(`steth.${name}`)}
      <span class="corners" dir="ltr">
        {CORNERS[name].low}–{CORNERS[name].high} Hz
      </span>
    </>
  );
  return (
    <Choices
      label={t("steth.filter")}
      options={FILTERS}
      chosen={consulting.filter.value}
      onChoose={(name) => consulting.setFilter(name)}
      say={say}
    />
  );
}

/** What the listener can rely on: how much is held back, what is missing, whether the samples are those of the unit. */
function Proof(): JSX.Element {
  const screen = useScreen();
  const { sound, player } = useConsulting();
  void screen.now.value; // told again with every tick of the clock
  const count = sound.current?.count;
  const report = player.value?.report;
  const rate = count?.rate ?? 1;
  const facts = [
    count && screen.t("steth.missing", { n: count.missing }),
    report?.playing && screen.t("steth.buffer", { n: Math.round(report.level_s * 1000) }),
    report && report.gap > 0 && screen.t("steth.silent", { n: Math.round((report.gap * 1000) / rate) }),
    sound.corrupt > 0 && screen.t("steth.corrupt", { n: sound.corrupt }),
    count && screen.t(sound.proven > 0 ? "steth.proven" : "steth.unproven"),
    count?.reference && screen.t("steth.reference"),
  ];
  return <p class="proof muted">{facts.filter((fact) => typeof fact === "string").join(" · ")}</p>;
}

function Listen(): JSX.Element {
  const { t } = useScreen();
  const consulting = useConsulting();
  const failed = useSignal(false);
  const on = consulting.player.value !== null;
  const toggle = async (): Promise<void> => {
    failed.value = false;
    await consulting.auscultate(!on).catch(() => (failed.value = true));
  };
  return (
    <>
      <Button icon="headphones" primary={!on} pressed={on} onClick={() => void toggle()}>
        {t(on ? "steth.stop" : "steth.listen")}
      </Button>
      {failed.value && <Line weight="field-fault">{t("steth.no-audio")}</Line>}
    </>
  );
}

/** The way proven again, what was heard heard again, and what is heard kept. */
function Keeping(): JSX.Element | null {
  const screen = useScreen();
  const { t, word } = screen;
  const consulting = useConsulting();
  const { requests, proving, replaying } = consulting;
  const kept = useSignal<ListeningAnswer | null>(null);
  const listening = screen.state.value.auscultation;
  if (consulting.player.value === null) return null;
  const state = listening?.state ?? "idle";
  const recording = state === "recording";
  const off = !screen.alive.value || proving.value;
  const record = async (): Promise<void> => {
    kept.value = null;
    const answer = await requests.listening(recording ? "stop" : "record");
    if (recording || !answer.ok) kept.value = answer;
  };
  const { ok, samples, code } = kept.value ?? {};
  return (
    <>
      <SiteChoice
        site={listening?.site ?? null}
        disabled={off || recording}
        onChoose={(site) => void requests.listening("begin", { site })}
      />
      <Button icon={recording ? "save" : "radio"} primary={recording} disabled={off || state === "idle"} onClick={() => void record()}>
        {t(recording ? "listen.stop" : "listen.record")}
      </Button>
      <Button icon="check" disabled={off || state !== "listening"} onClick={() => void consulting.prove()}>
        {t("listen.prove")}
      </Button>
      <Button icon="clock" pressed={replaying.value} onClick={() => consulting.replay(!replaying.value)}>
        {t(replaying.value ? "listen.live" : "listen.replay")}
      </Button>
      {ok === true && samples !== undefined && <span role="status">{t("listen.kept", { n: Math.round(samples / 8000) })}</span>}
      {ok === false && (
        <Line weight="field-fault">{t("listen.failed", { why: word("error", code ?? "no-answer") })}</Line>
      )}
    </>
  );
}

/** What is heard is more than the headphones can be given. */
function Overdriven(): JSX.Element | null {
  const screen = useScreen();
  const { player } = useConsulting();
  void screen.now.value; // looked at again with every tick of the clock
  return player.value?.overdriven ? <Line weight="notice">{screen.t("listen.overdriven")}</Line> : null;
}

function Volume(): JSX.Element {
  const { t } = useScreen();
  const consulting = useConsulting();
  return (
    <label class="volume">
      <Icon name="volume-2" />
      <span class="hidden">{t("steth.volume")}</span>
      <input
        type="range"
        min="0"
        max={MOST_GAIN}
        step="0.25"
        value={consulting.volume.value}
        onInput={(event) => consulting.setVolume(Number(event.currentTarget.value))}
      />
    </label>
  );
}

function Level({ source, live }: { source: Source; live: boolean }): JSX.Element {
  const { t } = useScreen();
  const level = live ? Math.max(FLOOR_DB, source.level ?? FLOOR_DB) : FLOOR_DB;
  return (
    <>
      <span class="level">
        <meter min={FLOOR_DB} max={0} value={level} aria-label={t("sound.level")} />
        <span dir="ltr">{live ? `${Math.round(level)} dBFS` : "–"}</span>
      </span>
      {live && source.clipped && <Line weight="notice">{t("steth.clipped")}</Line>}
      {live && source.contact && (
        <Line weight={source.contact === "good" ? "hint" : "notice"}>{t(`contact.${source.contact}`)}</Line>
      )}
      {live && <SourceCodes codes={source.codes ?? []} />}
    </>
  );
}

/** Where the pen is: at what is heard, or where nobody listens a little behind what came last. */
function pen(consulting: Consulting): { samples: Samples | null; head: number } {
  const stream = consulting.sound.current;
  if (!stream) return { samples: null, head: -1 };
  const heard = consulting.player.peek()?.heard(performance.now(), stream.rate);
  return { samples: stream, head: heard ?? stream.end - BEHIND_S * stream.rate };
}

/** Lossless heart and lung sounds: heard, drawn, and proven sample by sample. */
export function Stethoscope(): JSX.Element | null {
  const screen = useScreen();
  const consulting = useConsulting();
  const source = [...screen.state.value.sources.values()].find((one) => one.kind === "audio");
  if (!source) return null;
  void screen.now.value; // looked at again with every tick of the clock
  const arriving = consulting.heardAt !== null && performance.now() - consulting.heardAt < SILENT_MS;
  const expected = screen.alive.value && source.state === "live";
  const live = expected && arriving;
  return (
    <section class={`stethoscope ${live ? "" : "stale"}`} data-state={live ? "live" : "stale"}>
      <header class="panel-head">
        <Icon name="stethoscope" />
        <h2>{source.name}</h2>
        <StateMark state={source.state} alive={screen.alive.value} />
        {expected && !arriving && <span class="stale-why">{screen.t("stale.old")}</span>}
        <Level source={source} live={live} />
        <Proof />
      </header>
      <div class="phonocardiogram">
        <Trace label={screen.t("steth.trace")} options={PHONOCARDIOGRAM} read={() => pen(consulting)} />
      </div>
      <div class="steth-controls">
        <Listen />
        <FilterChoice />
        <Volume />
        <Overdriven />
        <Keeping />
      </div>
      <ListeningMark />
    </section>
  );
}
