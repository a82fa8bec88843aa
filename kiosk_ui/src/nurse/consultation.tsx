import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { staleDevice } from "../core/fresh.js";
import type { Consultation as Told, Source } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { PatientBanner } from "../ui/banner.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Line, SourceCodes } from "../ui/line.js";
import { ListeningMark, SiteChoice } from "../ui/listening.js";
import { useScreen } from "../ui/screen.js";
import { StateMark } from "../ui/state.js";
import { Assign } from "./assign.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";
import { Manual } from "./manual.js";
import { DoctorsView } from "./pictures.js";
import { Results } from "./results.js";
import { Tile } from "./tile.js";

const DOCTOR_ICON = { waiting: "clock", connected: "circle-check", lost: "unplug", gone: "circle-dashed" };

export function DoctorMark({ consultation }: { consultation: Told }): JSX.Element {
  const { t, alive } = useScreen();
  const doctor = consultation.doctor;
  const state = doctor?.state ?? "waiting";
  if (!alive.value)
    return (
      <span class="doctor stale-why">
        <Icon name="wifi-off" />
        {t("stale.unit")}
      </span>
    );
  return (
    <span class={`doctor doctor-${state}`} role="status">
      <Icon name={DOCTOR_ICON[state]} />
      {doctor ? t(`doctor.${state}`, { name: doctor.name }) : t("doctor.none")}
    </span>
  );
}

const FLOOR_DB = -60; // of the level meter
const QUIET_DB = -45; // below it a chest-piece is not on a chest

type Loudness = "clipped" | "quiet" | "good";

function loudness(source: Source): Loudness {
  if (source.clipped) return "clipped";
  return (source.level ?? FLOOR_DB) < QUIET_DB ? "quiet" : "good";
}

/** What the stethoscope hears, so that the nurse can place it without listening. */
function SoundTile({ source, id }: { source: Source; id: string }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const listening = screen.state.value.auscultation;
  const state = listening?.state ?? "idle";
  const alive = screen.alive.value;
  const live = alive && source.state === "live";
  const level = live ? Math.max(FLOOR_DB, source.level ?? FLOOR_DB) : FLOOR_DB;
  const heard = loudness(source);
  return (
    <article class="tile" data-source={source.key}>
      <header class="tile-head">
        <Icon name="stethoscope" />
        <h3>{source.name}</h3>
        <StateMark state={source.state} alive={alive} />
      </header>
      <div class="tile-body">
        <meter min={FLOOR_DB} max={0} value={level} aria-label={t("sound.level")} />
        {live ? (
          <Line weight={heard === "good" ? "hint" : "notice"} icon={heard === "good" ? "check" : "triangle-alert"}>
            {t(`sound.${heard}`)}
          </Line>
        ) : (
          <p class="stale-why">{t(alive ? "stale.device" : "stale.unit")}</p>
        )}
        {live && <SourceCodes codes={source.codes ?? []} />}
        <p class="muted">{t("sound.goes-to-doctor")}</p>
        <ListeningMark />
        <Problem error={act.error} />
      </div>
      <footer class="tile-foot">
        <SiteChoice
          site={listening?.site ?? null}
          disabled={act.busy || !live || state === "recording" || state === "proving"}
          onChoose={(site) => void act.run(() => api.auscultation(id, "begin", site))}
        />
        {(state === "listening" || state === "recording") && (
          <Button icon="radio" disabled={act.busy || !alive} onClick={() => void act.run(() => api.auscultation(id, state === "recording" ? "stop" : "record"))}>
            {t(state === "recording" ? "listen.stop" : "listen.record")}
          </Button>
        )}
        {state !== "idle" && (
          <Button icon="x" disabled={act.busy || !alive} onClick={() => void act.run(() => api.auscultation(id, "end"))}>
            {t("steth.stop")}
          </Button>
        )}
      </footer>
    </article>
  );
}

function Tiles({ id }: { id: string }): JSX.Element {
  const screen = useScreen();
  const { devices, sources } = screen.state.value;
  const sounds = [...sources.values()].filter((source) => source.kind === "audio");
  return (
    <section class="tiles" aria-label={screen.t("vitals.title")}>
      <div class="tile-grid">
        {[...devices.values()].map((device) => (
          <Tile device={device} id={id} key={device.key} />
        ))}
        {sounds.map((source) => (
          <SoundTile source={source} id={id} key={source.key} />
        ))}
      </div>
    </section>
  );
}

interface ConsultationProps {
  consultation: Told;
  onSimulator: () => void;
}

/** What may be done at any moment; leaving is at the far end. */
function Actions({ consultation, onSimulator }: ConsultationProps): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const typing = useSignal(false);
  const assigning = useSignal(false);
  const id = consultation.id ?? "";
  const alive = screen.alive.value;
  const off = act.busy || !alive;
  const { devices, hello, quarantine } = screen.state.value;
  const { patient } = consultation;
  const unused = [...devices.values()].some((device) => !device.lease && staleDevice(device, alive) === null);
  return (
    <div class="actions">
      <Button icon="plus" disabled={off || !unused} onClick={() => void act.run(() => api.lease(id, "*"))}>
        {t("tile.use-all")}
      </Button>
      <Button icon="pen-line" disabled={off} onClick={() => (typing.value = true)}>
        {t("manual.title")}
      </Button>
      {quarantine.size > 0 && (
        <Button icon="archive" disabled={off} onClick={() => (assigning.value = true)}>
          {t("quarantine.short", { n: quarantine.size })}
        </Button>
      )}
      {hello?.simulated && (
        <Button icon="flask-conical" onClick={onSimulator}>
          {t("simulator.short")}
        </Button>
      )}
      <p class="no-alarms">
        <Icon name="bell-off" />
        {t("vitals.no-alarms")}
      </p>
      <Problem error={act.error} />
      <Button primary class="finish" disabled={off} onClick={() => void act.run(() => api.review(id))}>
        {t("review.go")}
      </Button>
      {assigning.value && patient && (
        <Assign consultation={consultation} patient={patient} onClose={() => (assigning.value = false)} />
      )}
      {typing.value && <Manual id={id} onClose={() => (typing.value = false)} />}
    </div>
  );
}

export function Consultation({ consultation, onSimulator }: ConsultationProps): JSX.Element {
  const { t } = useScreen();
  const id = consultation.id ?? "";
  return (
    <Page
      head={<PatientBanner patient={consultation.patient} />}
      beside={<DoctorMark consultation={consultation} />}
      class="consultation"
    >
      <div class="side">
        <DoctorsView id={id} />
        <Results heading={t("result.title")} />
      </div>
      <Tiles id={id} />
      <Actions consultation={consultation} onSimulator={onSimulator} />
    </Page>
  );
}
