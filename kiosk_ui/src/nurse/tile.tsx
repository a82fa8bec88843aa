/** One device: what it says, how old that is, whether it may be trusted, and whether it is bound to this patient. */

import type { JSX } from "preact";
import { staleDevice, staleNumeric } from "../core/fresh.js";
import type { Device, Numeric, Result } from "../core/messages.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Icon, kindIcon } from "../ui/icon.js";
import { Line, Notices } from "../ui/line.js";
import { type Screen, useScreen } from "../ui/screen.js";
import { Age, StateMark, ValidityMark } from "../ui/state.js";
import { groups, Value } from "../ui/value.js";
import { DeviceWave } from "../ui/wave.js";
import { useKiosk } from "./kiosk-context.js";

const newest = (numerics: readonly Numeric[]): Numeric | null =>
  numerics.reduce<Numeric | null>((best, one) => (best === null || one.at_ms > best.at_ms ? one : best), null);

const WORST = { invalid: 0, questionable: 1, valid: 2 };

const worst = (numerics: readonly Numeric[]): Numeric["validity"] =>
  numerics.map((one) => one.validity).sort((a, b) => WORST[a] - WORST[b])[0] ?? "valid";

function numericsOf(screen: Screen, device: string): Numeric[] {
  return [...screen.state.value.numerics.values()].filter((numeric) => numeric.device === device);
}

/** The failure that is newer than every value of the device: it is shown in their place. */
function failureOf(screen: Screen, device: string, value: Numeric | null): Result | null {
  const results = [...screen.state.value.results.values()].filter((result) => result.device.key === device);
  const last = results.reduce<Result | null>(
    (best, one) => (best === null || one.at_ms >= best.at_ms ? one : best),
    null,
  );
  return last?.status === "failed" && (value === null || last.at_ms >= value.at_ms) ? last : null;
}

function Failure({ result, kind }: { result: Result; kind: string }): JSX.Element {
  const { t, word } = useScreen();
  return (
    <div class="failure" role="alert">
      <Icon name="circle-x" />
      <div>
        <strong>{kind === "blood-pressure" ? t("tile.cuff-failed") : t("tile.failed")}</strong>
        {result.notices.map((code) => (
          <p key={code}>{word("notice", code)}</p>
        ))}
        <Age at_ms={result.at_ms} stale={null} />
      </div>
    </div>
  );
}

function Values({ device, numerics }: { device: Device; numerics: Numeric[] }): JSX.Element {
  const screen = useScreen();
  const last = newest(numerics);
  if (!last) return <p class="muted">{screen.t(device.lease ? "tile.no-value" : "tile.not-in-use")}</p>;
  const stale = staleNumeric(last, device, screen.alive.value, screen.now.value);
  return (
    <div class={`values ${stale ? "stale" : ""}`}>
      <div class="value-row">
        {groups(numerics).map((group) => (
          <Value group={group} key={group[0]?.metric} />
        ))}
        {screen.live.waves.of(device.key).map((metric) => (
          <DeviceWave device={device.key} metric={metric} key={metric} />
        ))}
      </div>
      <p class="value-facts">
        <Age at_ms={last.at_ms} stale={stale} />
        {stale === null && <ValidityMark validity={worst(numerics)} />}
        {last.from_memory && (
          <span class="mark">
            <Icon name="archive" />
            {screen.t("tile.from-memory")}
          </span>
        )}
      </p>
    </div>
  );
}

function LeaseButtons({ device, id, act }: { device: Device; id: string; act: Act }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const off = act.busy || !screen.alive.value;
  const present = staleDevice(device, screen.alive.value) === null;
  if (device.tell === "device-off") {
    return (
      <Button disabled={off} onClick={() => void act.run(() => api.again(device.key))}>
        {t("tile.again")}
      </Button>
    );
  }
  if (!device.lease) {
    return (
      <Button icon="plus" disabled={off || !present} onClick={() => void act.run(() => api.lease(id, device.key))}>
        {t("tile.use")}
      </Button>
    );
  }
  return (
    <>
      {device.continuous && (
        <Button
          icon="save"
          primary
          disabled={off || !present}
          onClick={() => void act.run(() => api.keep(id, device.key))}
        >
          {t("tile.keep")}
        </Button>
      )}
      <Button icon="x" disabled={off} onClick={() => void act.run(() => api.release(id, device.key))}>
        {t("tile.release")}
      </Button>
    </>
  );
}

/** What says several values at once, or has a waveform, needs two places. */
const wide = (device: Device): boolean => device.continuous === true || device.kind === "blood-pressure";

export function Tile({ device, id }: { device: Device; id: string }): JSX.Element {
  const screen = useScreen();
  const act = useAct();
  const alive = screen.alive.value;
  const numerics = numericsOf(screen, device.key);
  const failure = failureOf(screen, device.key, newest(numerics));
  const codes = screen.state.value.notices.get(device.key)?.codes ?? [];
  const lost = alive && (device.state === "lost" || device.state === "fault");
  return (
    <article
      class={`tile ${wide(device) ? "tile-wide" : ""} ${device.lease ? "tile-leased" : ""} ${alive ? "" : "tile-dead"}`}
      data-device={device.key}
    >
      <header class="tile-head">
        <Icon name={kindIcon(device.kind)} />
        <h3>{device.name}</h3>
        <StateMark state={device.state} alive={alive} />
      </header>
      <div class="tile-body">
        {alive && device.tell && (
          <Line weight="notice" icon={lost ? "unplug" : "info"}>
            {screen.word("tell", device.tell)}
          </Line>
        )}
        {failure ? <Failure result={failure} kind={device.kind} /> : <Values device={device} numerics={numerics} />}
        {!failure && <Notices codes={codes} />}
        <Problem error={act.error} />
      </div>
      <footer class="tile-foot">
        <LeaseButtons device={device} id={id} act={act} />
      </footer>
    </article>
  );
}
