import { describe, expect, it } from "vitest";
import { Live } from "../src/core/live.js";

const hello = { type: "hello", protocol: 1, unit: { id: "u1", name: "Ward 3" }, now_ms: 1000, simulated: false };
const device = {
  type: "device",
  key: "oximeter",
  name: "Oximeter",
  kind: "oximeter",
  driver: "d",
  state: "live",
  since_ms: 0,
  at_ms: 900,
  lease: true,
};
const spo2 = {
  type: "numeric",
  device: "oximeter",
  metric: "oxygen-saturation",
  loinc: null,
  value: "98",
  unit: "%",
  validity: "valid",
  at_ms: 900,
  taken: null,
  from_memory: false,
};
const wave = {
  type: "waveform",
  device: "oximeter",
  metric: "plethysmogram",
  rate_hz: "60",
  unit: "1",
  first: 0,
  at_ms: 900,
  samples: [1, 2, 3],
};
const result = {
  type: "result",
  id: "r1",
  consultation: "c1",
  kind: "measurement",
  status: "valid",
  device: { key: "oximeter", name: "Oximeter" },
  at: "2026-11-23T14:00:00+01:00",
  at_ms: 900,
  taken: null,
  numerics: [],
  notices: [],
  delivery: "stored",
};
const patient = {
  birth_name: "GARCIA-HAMMADI",
  given_names: "Sarah-Lou Anna",
  birth_date: "1977-01-21",
  sex: "F",
  origin: "typed",
};
const consultation = {
  type: "consultation",
  id: "c1",
  state: "active",
  opened: null,
  patient,
  confirmed: true,
  consent: null,
  resumed: false,
  doctor: null,
};
const held = {
  type: "quarantine",
  id: "q1",
  reason: "no-lease",
  device: { key: "cuff", name: "Cuff" },
  at: "2026-11-23T14:00:00+01:00",
  numerics: [],
  gone: false,
};

function heard(...messages: object[]): Live {
  const live = new Live(() => undefined);
  for (const message of messages) live.receive(JSON.stringify(message), 0);
  return live;
}

describe("the state of a unit", () => {
  it("keeps the newest message of each key", () => {
    const { state } = heard(hello, device, { ...device, state: "lost" }, spo2, { ...spo2, value: "97" });
    expect([...state.devices.values()].map((row) => row.state)).toEqual(["lost"]);
    expect([...state.numerics.values()].map((row) => row.value)).toEqual(["97"]);
  });

  it("drops a quarantined reading that is gone", () => {
    expect(heard(hello, held).state.quarantine.size).toBe(1);
    expect(heard(hello, held, { ...held, gone: true }).state.quarantine.size).toBe(0);
  });

  it("says once for each change that it changed, and not for a beat", () => {
    let changes = 0;
    const live = new Live(() => (changes += 1));
    live.receive(JSON.stringify(device), 0);
    live.receive('{"type":"beat","now_ms":5}', 0);
    live.receive("noise", 0);
    expect(changes).toBe(1);
  });

  it("has nothing of the patient after wiped", () => {
    const live = heard(hello, device, spo2, wave, result, consultation, {
      type: "notice",
      device: "oximeter",
      codes: ["weak"],
      at_ms: 1,
    });
    live.receive('{"type":"wiped"}', 1);
    const { state } = live;
    expect([state.numerics.size, state.results.size, state.notices.size, state.consultation]).toEqual([0, 0, 0, null]);
    expect(live.waves.get("oximeter", "plethysmogram")).toBeNull();
    expect(state.devices.get("oximeter")?.lease).toBe(false);
    expect(state.wipes).toBe(1);
  });

  it("forgets the last patient when another consultation appears, even if wiped was missed", () => {
    const { state } = heard(hello, consultation, result, spo2, {
      ...consultation,
      id: "c2",
      state: "open",
      patient: null,
    });
    expect([state.results.size, state.numerics.size, state.wipes, state.consultation?.id]).toEqual([0, 0, 1, "c2"]);
  });

  it("keeps the consultation on the screen while a new connection repeats the rest", () => {
    const { state } = heard(hello, device, consultation, result, hello);
    expect([state.devices.size, state.consultation?.id, state.results.size]).toEqual([0, "c1", 1]);
  });

  it("takes an id of null as no consultation", () => {
    const { state } = heard(hello, {
      type: "consultation",
      id: null,
      state: null,
      patient: null,
      resumed: false,
      doctor: null,
    });
    expect(state.consultation).toBeNull();
  });
});
