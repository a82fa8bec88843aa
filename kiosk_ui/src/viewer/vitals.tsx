import type { JSX } from "preact";
import { unitText, valueText } from "../core/format.js";
import { staleNumeric } from "../core/fresh.js";
import type { Device, Numeric } from "../core/messages.js";
import { Icon } from "../ui/icon.js";
import { Notices } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { Age, StateMark, ValidityMark } from "../ui/state.js";
import { groups } from "../ui/value.js";
import { DeviceWave } from "../ui/wave.js";
import { useConsulting } from "./consulting.js";

/** Why a whole device is not live stands in its own line above; here only what is true of this value alone. */
function Row({ group, device }: { group: Numeric[]; device: Device }): JSX.Element {
  const screen = useScreen();
  const first = group[0] as Numeric;
  const stale = staleNumeric(first, device, screen.alive.value, screen.now.value);
  const validity = group.find((one) => one.validity !== "valid")?.validity ?? "valid";
  const name = group.length > 1 ? screen.t("metric.blood-pressure") : screen.word("metric", first.metric);
  return (
    <tr class={`metric-${first.metric} ${stale ? "stale" : ""}`} data-metric={first.metric} data-stale={stale ?? ""}>
      <th scope="row">{name}</th>
      <td class="value-number" dir="ltr">
        {group.map(({ value }) => valueText(value, screen.locale)).join("/")}
        <span class="value-unit"> {unitText(first.unit)}</span>
      </td>
      <td class="vital-facts">
        <Age at_ms={first.at_ms} stale={stale === "old" ? stale : null} />
        {stale === null && <ValidityMark validity={validity} />}
        {first.from_memory && (
          <span class="mark">
            <Icon name="archive" />
            {screen.t("tile.from-memory")}
          </span>
        )}
      </td>
    </tr>
  );
}

function DeviceRows({ device }: { device: Device }): JSX.Element {
  const screen = useScreen();
  const { numerics, notices } = screen.state.value;
  const own = [...numerics.values()].filter((numeric) => numeric.device === device.key);
  const codes = notices.get(device.key)?.codes ?? [];
  return (
    <tbody data-device={device.key}>
      <tr class="vital-source">
        <th colSpan={2} scope="rowgroup">
          {device.name}
        </th>
        <td>
          <StateMark state={device.state} alive={screen.alive.value} />
        </td>
      </tr>
      {groups(own).map((group) => (
        <Row group={group} device={device} key={group[0]?.metric} />
      ))}
      {codes.length > 0 && (
        <tr>
          <td colSpan={3}>
            <Notices codes={codes} />
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** Every value with its unit, source, validity and age; then the waveforms. */
export function Vitals(): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { frozenAt } = useConsulting();
  const devices = [...screen.state.value.devices.values()].filter((device) => device.lease);
  const waves = devices.flatMap((device) => screen.live.waves.of(device.key).map((metric) => ({ device, metric })));
  return (
    <section class="vitals">
      <header class="panel-head">
        <h2>{t("vitals.title")}</h2>
      </header>
      <p class="muted hint">
        <Icon name="bell-off" />
        {t("vitals.no-alarms")}
      </p>
      {devices.length === 0 && <p class="muted">{t("viewer.no-device")}</p>}
      <table>
        <colgroup>
          <col class="col-name" />
          <col class="col-value" />
          <col />
        </colgroup>
        {devices.map((device) => (
          <DeviceRows device={device} key={device.key} />
        ))}
      </table>
      {waves.map(({ device, metric }) => {
        const live = screen.alive.value && device.state === "live";
        return (
          <div class={`wave metric-${metric} ${live ? "" : "stale"}`} key={`${device.key} ${metric}`}>
            <span class="value-name">
              {screen.word("metric", metric)} · {device.name}
            </span>
            <DeviceWave device={device.key} metric={metric} at_ms={frozenAt.value} />
          </div>
        );
      })}
    </section>
  );
}
