import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { SimulatedDevice, Simulator as Described } from "../core/api.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
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
      <div class="choices">
        <Button
          icon={device.plugged ? "unplug" : "power"}
          disabled={act.busy}
          onClick={ask(device.plugged ? "stop" : "start")}
        >
          {t(device.plugged ? "simulator.stop" : "simulator.start")}
        </Button>
        {device.recordings.map((recording) => (
          <Button
            icon="play"
            pressed={playing === null ? null : playing === recording}
            disabled={act.busy}
            onClick={ask("play", recording)}
            key={recording}
          >
            {screen.word("recording", recording)}
          </Button>
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
  const sound = described.value?.sound ?? null;
  return (
    <Dialog title={t("simulator.title")} onClose={onClose} class="simulator">
      <Line weight="hint" icon="flask-conical">
        {t("simulator.explain")}
      </Line>
      <Problem error={act.error} />
      <ul class="simulated-list">
        {described.value?.devices.map((device) => (
          <Row
            device={device}
            playing={sound !== null && device.recordings.includes(sound) ? sound : null}
            act={act}
            refresh={refresh}
            key={device.key}
          />
        ))}
      </ul>
    </Dialog>
  );
}
