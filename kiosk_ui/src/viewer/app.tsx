import type { JSX } from "preact";
import { PatientBanner } from "../ui/banner.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { SimulatedMark } from "../ui/simulated.js";
import { useConsulting } from "./consulting.js";
import { PicturesView } from "./pictures.js";
import { Stethoscope } from "./stethoscope.js";
import { Talk } from "./talk.js";
import { Tray } from "./tray.js";
import { Vitals } from "./vitals.js";

/** Who is at the other end, and whether the two ends hear each other. */
function Connection(): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { phase, unitConnected } = useConsulting();
  const unit = screen.state.value.hello?.unit.name ?? t("viewer.unit");
  const live = phase.value === "connected" && screen.alive.value;
  return (
    <p class={`connection ${live ? "connection-live" : ""}`} role="status" data-phase={phase.value} data-live={live}>
      <span>
        <Icon name={live ? "radio" : "wifi-off"} />
        {unit}: {t(live ? "viewer.live" : "viewer.not-live")}
      </span>
      {!unitConnected.value && (
        <span class="warn">
          <Icon name="cloud-off" />
          {t("viewer.unit-off-platform")}
        </span>
      )}
    </p>
  );
}

/** Everything below is old: said once, large, with what happens next. */
function NotLive(): JSX.Element | null {
  const screen = useScreen();
  const { phase, refusal } = useConsulting();
  if (phase.value === "connected" && screen.alive.value) return null;
  const code = refusal.value;
  const words = phase.value === "connected" ? screen.t("phase.silent") : screen.t(`phase.${phase.value}`);
  return (
    <div class="not-live" role="alert">
      <Icon name="wifi-off" />
      <strong>{words}</strong>
      {code !== null && <span>{screen.word("error", code)}</span>}
    </div>
  );
}

function Over(): JSX.Element {
  const { t } = useScreen();
  return (
    <main class="over">
      <Icon name="circle-check" />
      <h1>{t("viewer.over")}</h1>
      <p>{t("viewer.over-explain")}</p>
    </main>
  );
}

export function App(): JSX.Element {
  const screen = useScreen();
  const { phase } = useConsulting();
  if (phase.value === "over") return <Over />;
  return (
    <div class={`viewer ${screen.alive.value ? "" : "viewer-dead"}`}>
      <SimulatedMark />
      <header class="viewer-head">
        <PatientBanner patient={screen.state.value.consultation?.patient ?? null} />
        <Talk />
        <Connection />
      </header>
      <NotLive />
      <main class="viewer-body">
        <div class="viewer-left">
          <PicturesView />
          <Stethoscope />
        </div>
        <div class="viewer-right">
          <Vitals />
          <Tray />
        </div>
      </main>
    </div>
  );
}
