import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { staleDevice } from "../core/fresh.js";
import type { Consultation as Told } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { PatientBanner } from "../ui/banner.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { ListeningMark } from "../ui/listening.js";
import { useScreen } from "../ui/screen.js";
import { Assign } from "./assign.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";
import { Manual } from "./manual.js";
import { Otoscope } from "./otoscope.js";
import { DoctorsView } from "./pictures.js";
import { Results } from "./results.js";
import { type Seen, useSeen } from "./seen.js";
import { SoundTile, Stethoscope } from "./sound.js";
import { Talk } from "./talk.js";
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

function Tiles({ id, seen, onSound }: { id: string; seen: Seen; onSound: (key: string) => void }): JSX.Element {
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
          <SoundTile source={source} seen={seen} onOpen={() => onSound(source.key)} key={source.key} />
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

/** The instrument that has the whole screen, or all of them beside what the doctor sees. */
function Bedside({ id, seen }: { id: string; seen: Seen }): JSX.Element {
  const screen = useScreen();
  const open = useSignal<string | null>(null);
  const source = open.value === null ? undefined : screen.state.value.sources.get(open.value);
  const onBack = (): void => void (open.value = null);
  if (source?.kind === "video") return <Otoscope id={id} source={source} seen={seen} onBack={onBack} key={source.key} />;
  if (source) return <Stethoscope id={id} source={source} seen={seen} onBack={onBack} />;
  const onOpen = (key: string): void => void (open.value = key);
  return (
    <>
      <div class="side">
        <DoctorsView id={id} seen={seen} onOpen={onOpen} />
        <ListeningMark />
        <Results heading={screen.t("result.title")} />
      </div>
      <Tiles id={id} seen={seen} onSound={onOpen} />
    </>
  );
}

export function Consultation({ consultation, onSimulator }: ConsultationProps): JSX.Element {
  const { api } = useKiosk();
  const seen = useSeen(api);
  return (
    <Page
      head={<PatientBanner patient={consultation.patient} />}
      beside={
        <>
          {consultation.doctor?.state === "connected" && <Talk />}
          <DoctorMark consultation={consultation} />
        </>
      }
      class="consultation"
    >
      <Bedside id={consultation.id ?? ""} seen={seen} />
      <Actions consultation={consultation} onSimulator={onSimulator} />
    </Page>
  );
}
