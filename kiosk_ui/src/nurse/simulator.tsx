import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { SimulatedDevice, Simulator as Described } from "../core/api.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

interface RowProps {
  device: SimulatedDevice;
  /** The recording that plays now, where that is known. */
  playing: string | null;
  act: Act;
  refresh: () => Promise<void>;
}

function Row({ device, playing, act, refresh }: RowProps): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const { devices, sources } = screen.state.value;
  const name = (devices.get(device.key) ?? sources.get(device.key))?.name ?? device.key;
  const ask = (action: "stop" | "start" | "play", recording?: string) => () =>
    void act.run(async () => {
      await api.simulate(device.key, action, recording);
      await refresh();
    });
  return (
    <li class="simulated-device">
      <h3>
        {name}
        <span class="mark">
          <Icon name={device.plugged ? "radio" : "unplug"} />
          {t(device.plugged ? "simulator.running" : "simulator.stopped")}
        </span>
      </h3>
      <div class="choices wrap">
        <button type="button" class="button" disabled={act.busy} onClick={ask(device.plugged ? "stop" : "start")}>
          <Icon name={device.plugged ? "unplug" : "power"} />
          {t(device.plugged ? "simulator.stop" : "simulator.start")}
        </button>
        {device.recordings.map((recording) => (
          <button
            type="button"
            class="button"
            aria-pressed={playing === null ? undefined : playing === recording}
            disabled={act.busy}
            onClick={ask("play", recording)}
            key={recording}
          >
            <Icon name="play" />
            {screen.word("recording", recording)}
          </button>
        ))}
      </div>
    </li>
  );
}

/** The demo's switches: pull a plug, play what a device once sent, choose a heart sound. */
export function Simulator({ onClose }: { onClose: () => void }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const described = useSignal<Described | null>(null);
  const refresh = async (): Promise<void> => {
    described.value = await api.simulator();
  };
  useEffect(() => void act.run(refresh), []);
  return (
    <Dialog title={t("simulator.title")} onClose={onClose} class="simulator">
      <p class="hint">
        <Icon name="flask-conical" />
        {t("simulator.explain")}
      </p>
      <Problem error={act.error} />
      <ul class="simulated-list">
        {described.value?.devices.map((device) => (
          <Row
            device={device}
            playing={device.recordings.includes(described.value?.sound ?? "") ? (described.value?.sound ?? null) : null}
            act={act}
            refresh={refresh}
            key={device.key}
          />
        ))}
      </ul>
    </Dialog>
  );
}
