import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Health } from "../core/api.js";
import { CODES, LANGUAGES } from "../core/i18n.js";
import type { Device, Source } from "../core/messages.js";
import { UnknownLines, UnknownSheet } from "../technician/unknown.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Icon, kindIcon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { Age, StateMark } from "../ui/state.js";
import { Page } from "./frame.js";
import { THEMES, useKiosk } from "./kiosk-context.js";
import { Precheck } from "./precheck.js";
import { Worklist } from "./worklist.js";

const HEALTH_EVERY_MS = 5000;

function useHealth(): Health | null {
  const { api } = useKiosk();
  const health = useSignal<Health | null>(null);
  useEffect(() => {
    const ask = async (): Promise<void> => {
      health.value = await api.health().catch(() => null);
    };
    void ask();
    const timer = setInterval(() => void ask(), HEALTH_EVERY_MS);
    return () => clearInterval(timer);
  }, [api, health]);
  return health.value;
}

function LanguageSwitch(): JSX.Element {
  const { language, t } = useScreen();
  return (
    <Choices
      label={t("home.language")}
      options={CODES}
      chosen={language.value}
      onChoose={(code) => (language.value = code)}
      say={(code) => LANGUAGES[code]}
      languages
    />
  );
}

const THEME_ICON = { light: "sun", dark: "moon", contrast: "eye" };

/** The next of the three. */
function ThemeSwitch(): JSX.Element {
  const { theme } = useKiosk();
  const { t } = useScreen();
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "light";
  return (
    <Button icon={THEME_ICON[next]} onClick={() => (theme.value = next)}>
      {t(`theme.${next}`)}
    </Button>
  );
}

function Readiness({ health, alive }: { health: Health | null; alive: boolean }): JSX.Element {
  const screen = useScreen();
  const state = !alive || !health ? "unknown" : health.status === "ok" ? "ready" : "degraded";
  const faults = health?.checks.filter((check) => check.state !== "ok") ?? [];
  const icon = { ready: "circle-check", degraded: "triangle-alert", unknown: "circle-dashed" }[state];
  return (
    <section class={`readiness readiness-${state}`}>
      <Icon name={icon} />
      <div>
        <h2>{screen.t(`home.${state}`)}</h2>
        {alive &&
          faults.map((check) => (
            <p key={check.name}>
              {screen.word("check", check.name)}: {check.detail}
            </p>
          ))}
      </div>
    </section>
  );
}

function DeviceRow({ device }: { device: Device }): JSX.Element {
  const screen = useScreen();
  return (
    <li class="device-row">
      <Icon name={kindIcon(device.kind)} />
      <span class="device-name">{device.name}</span>
      <StateMark state={device.state} alive={screen.alive.value} />
      {device.at_ms != null && <Age at_ms={device.at_ms} stale={null} />}
      {device.battery != null && <span>{screen.t("device.battery", { n: device.battery })}</span>}
    </li>
  );
}

function SourceRow({ source }: { source: Source }): JSX.Element {
  const screen = useScreen();
  return (
    <li class="device-row">
      <Icon name={source.kind === "video" ? "video" : "stethoscope"} />
      <span class="device-name">{source.name}</span>
      <StateMark state={source.state} alive={screen.alive.value} />
    </li>
  );
}

export interface HomeProps {
  onQuarantine: () => void;
  onSimulator: () => void;
}

function Asides({ onQuarantine, onSimulator }: HomeProps): JSX.Element {
  const screen = useScreen();
  const { quarantine, hello } = screen.state.value;
  return (
    <div class="home-asides">
      {quarantine.size > 0 && (
        <Button icon="archive" onClick={onQuarantine}>
          {screen.t("quarantine.count", { n: quarantine.size })}
        </Button>
      )}
      {hello?.simulated && (
        <Button icon="flask-conical" onClick={onSimulator}>
          {screen.t("simulator.title")}
        </Button>
      )}
    </div>
  );
}

export function Home(props: HomeProps): JSX.Element {
  const screen = useScreen();
  const { api } = useKiosk();
  const health = useHealth();
  const act = useAct();
  const sheet = useSignal(false);
  const looking = useSignal<"worklist" | "precheck" | null>(null);
  const { hello, devices, sources } = screen.state.value;
  const switches = (
    <>
      <ThemeSwitch />
      <LanguageSwitch />
    </>
  );
  return (
    <Page head={<h1>{hello?.unit.name ?? screen.t("app.name")}</h1>} beside={switches} class="home">
      <section class="home-devices">
        <h2>{screen.t("home.devices")}</h2>
        <ul class="device-list">
          {[...devices.values()].map((device) => (
            <DeviceRow device={device} key={device.key} />
          ))}
          {[...sources.values()].map((source) => (
            <SourceRow source={source} key={source.key} />
          ))}
        </ul>
        <UnknownLines onOpen={() => (sheet.value = true)} />
        {sheet.value && <UnknownSheet onClose={() => (sheet.value = false)} />}
      </section>
      <section class="home-start">
        <Readiness health={health} alive={screen.alive.value} />
        <Button
          icon="plus"
          primary
          class="huge"
          disabled={act.busy || !screen.alive.value}
          onClick={() => void act.run(api.open)}
        >
          {screen.t("home.new")}
        </Button>
        <Problem error={act.error} />
        <div class="home-asides">
          <Button icon="clock" disabled={!screen.alive.value} onClick={() => (looking.value = "worklist")}>
            {screen.t("worklist.title")}
          </Button>
          <Button icon="activity" disabled={!screen.alive.value} onClick={() => (looking.value = "precheck")}>
            {screen.t("precheck.title")}
          </Button>
        </div>
        {looking.value === "worklist" && <Worklist onClose={() => (looking.value = null)} />}
        {looking.value === "precheck" && <Precheck onClose={() => (looking.value = null)} />}
        <Asides {...props} />
      </section>
    </Page>
  );
}
