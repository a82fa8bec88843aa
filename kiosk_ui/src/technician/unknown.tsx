import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Assignable } from "../core/api.js";
import { sayCode } from "../core/i18n.js";
import type { Unknown } from "../core/messages.js";
import { useKiosk } from "../nurse/kiosk-context.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import "./unknown.css";

/** The unit's word for each of the things that it does not know. */
function useSentence(): (one: Unknown) => string {
  const { language, t } = useScreen();
  return (one) => {
    const values = { name: one.name || t("unknown.nameless"), socket: one.socket };
    return sayCode(language.value, "unknown", one.why, values) ?? `${values.name} (${values.socket})`;
  };
}

/** Beside the list of devices: a line each for what is plugged in, one line for all that the radio hears. */
export function UnknownLines({ onOpen }: { onOpen: () => void }): JSX.Element | null {
  const screen = useScreen();
  const sentence = useSentence();
  const all = [...screen.state.value.unknown.values()];
  const plugged = all.filter((one) => one.link === "serial");
  const heard = all.length - plugged.length;
  if (all.length === 0) return null;
  return (
    <div class="unknown-list">
      {plugged.map((one) => (
        <Line weight="hint" icon="unplug" key={one.id}>
          {sentence(one)}
        </Line>
      ))}
      {heard > 0 && (
        <Line weight="hint" icon="radio">
          {screen.t("unknown.count", { n: heard })}
        </Line>
      )}
      <Button class="quiet" onClick={onOpen}>
        {screen.t("unknown.open")}
      </Button>
    </div>
  );
}

function AssignPort({ one, drivers, act }: { one: Unknown; drivers: Assignable["drivers"]; act: Act }): JSX.Element {
  const { t, word } = useScreen();
  const { api } = useKiosk();
  const chosen = useSignal<string | null>(null);
  const kindOf = (name: string): string => drivers.find((driver) => driver.name === name)?.kind ?? "";
  const assign = (driver: string) => () => void act.run(() => api.assign(one.id, driver, word("kind", kindOf(driver))));
  return (
    <>
      <p>{t("unknown.assign-explain")}</p>
      <Choices
        label={t("unknown.driver")}
        options={drivers.map((driver) => driver.name)}
        chosen={chosen.value}
        onChoose={(name) => (chosen.value = name)}
        say={(name) => `${word("kind", kindOf(name))} · ${name}`}
      />
      <Button
        icon="check"
        primary
        disabled={act.busy || chosen.value === null}
        onClick={assign(chosen.value ?? "")}
      >
        {t("unknown.assign")}
      </Button>
    </>
  );
}

function Admit({ one, act }: { one: Unknown; act: Act }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  return (
    <>
      <p>{t("unknown.admit-explain")}</p>
      <Button
        icon="check"
        primary
        disabled={act.busy}
        onClick={() => void act.run(() => api.assign(one.id, one.driver ?? "", one.name))}
      >
        {t("unknown.admit")}
      </Button>
    </>
  );
}

/** The technician's sheet: say what it is, admit it, or forget what was said. */
export function UnknownSheet({ onClose }: { onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const sentence = useSentence();
  const { api } = useKiosk();
  const act = useAct();
  const known = useSignal<Assignable>({ drivers: [], added: [] });
  const { unknown, devices } = screen.state.value;
  useEffect(() => {
    void api.assignable().then((told) => (known.value = told), () => undefined);
  }, [api, known, unknown, devices.size]);
  const added = known.value.added.flatMap((key) => devices.get(key) ?? []);
  return (
    <Dialog title={screen.t("unknown.title")} onClose={onClose}>
      <Problem error={act.error} />
      {unknown.size === 0 && <p class="muted">{screen.t("unknown.none")}</p>}
      <ul class="unknown-sheet" tabIndex={0}>
        {[...unknown.values()].map((one) => (
          <li key={one.id}>
            <h3>
              <Icon name={one.link === "ble" ? "radio" : "unplug"} /> {sentence(one)}
            </h3>
            {one.link === "ble" ? (
              <Admit one={one} act={act} />
            ) : (
              <AssignPort one={one} drivers={known.value.drivers} act={act} />
            )}
          </li>
        ))}
        {added.length > 0 && (
          <li>
            <h3>{screen.t("unknown.kept")}</h3>
            {added.map((device) => (
              <HoldButton key={device.key} onHeld={() => void act.run(() => api.forget(device.key))}>
                {screen.t("unknown.forget", { name: device.name })}
              </HoldButton>
            ))}
          </li>
        )}
      </ul>
    </Dialog>
  );
}
