import { describe, expect, it } from "vitest";
import { digitsOf, isoOf, shown } from "../src/core/birthdate.js";
import { staleNumeric, staleSource } from "../src/core/fresh.js";
import type { Device, Numeric, Source } from "../src/core/messages.js";
import { entryStep, judge, sent, TYPEABLE, type Typeable } from "../src/core/manual.js";

describe("a birth date that is typed", () => {
  const today = new Date("2026-11-23T10:00:00Z");

  it("is shown with its slashes", () => {
    expect(["2", "210", "21011977"].map(shown)).toEqual(["2", "21/0", "21/01/1977"]);
    expect(digitsOf("21/01/1977x9")).toBe("21011977");
  });

  it.each([
    ["21011977", "1977-01-21"],
    ["29022024", "2024-02-29"],
    ["29022023", null],
    ["31042000", null],
    ["00011990", null],
    ["24112026", null],
    ["01011700", null],
    ["2101197", null],
  ])("%s is %s", (digits, iso) => {
    expect(isoOf(digits, today)).toBe(iso);
  });
});

describe("a value that is typed", () => {
  const of = (metric: string): Typeable => TYPEABLE.find((one) => one.metric === metric) as Typeable;

  it.each([
    ["body-temperature", "36,6", "fine"],
    ["body-temperature", "36.6", "fine"],
    ["body-temperature", "41.2", "unusual"],
    ["body-temperature", "366", "impossible"],
    ["body-temperature", "36.66", "not-a-number"],
    ["body-temperature", "", "empty"],
    ["blood-pressure-systolic", "120.5", "not-a-number"],
    ["blood-pressure-systolic", "999", "impossible"],
    ["pain-severity", "10", "fine"],
    ["pain-severity", "11", "impossible"],
  ])("%s %s is %s", (metric, text, judgement) => {
    expect(judge(of(metric), text)).toBe(judgement);
  });

  const temperature = TYPEABLE.find((one) => one.metric === "body-temperature") as Typeable;

  it.each([
    ["", null, null, null],
    ["36.6", null, null, "chart"],
    ["99", null, "impossible", null],
    ["41.2", null, "unusual", "again"],
    ["", "41.2", "again", null],
    ["41,2", "41.2", null, "chart"],
    ["41.3", "41.2", "differs", "again"],
    ["36.6", "41.2", null, "chart"],
  ])("%s after %s: says %s, then %s", (text, first, say, next) => {
    expect(entryStep(temperature, text, first)).toEqual({ say, next });
  });

  it("goes out with a point", () => {
    expect(sent("36,6")).toBe("36.6");
  });
});

describe("what may be shown as live", () => {
  const device = (facts: Partial<Device>): Device => ({
    type: "device",
    key: "o",
    name: "O",
    kind: "oximeter",
    driver: "d",
    state: "live",
    since_ms: 0,
    at_ms: 0,
    lease: true,
    continuous: true,
    ...facts,
  });
  const numeric: Numeric = {
    type: "numeric",
    device: "o",
    metric: "pulse-rate",
    loinc: null,
    value: "60",
    unit: "/min",
    validity: "valid",
    at_ms: 10_000,
    taken: null,
    from_memory: false,
  };

  it.each([
    ["a live value", {}, true, 10_500, null],
    ["a value of a unit that is not heard", {}, false, 10_500, "unit"],
    ["a value of a lost device, however young", { state: "lost" as const }, true, 10_001, "device"],
    ["a value of a device in fault", { state: "fault" as const }, true, 10_001, "device"],
    ["a stream that has stopped", {}, true, 12_001, "old"],
    ["a cuff's value of an hour ago", { continuous: false, state: "ready" as const }, true, 3_610_000, null],
  ])("%s", (_what, facts, alive, now, stale) => {
    expect(staleNumeric(numeric, device(facts), alive, now)).toBe(stale);
  });

  it("a value whose device is unknown is not live", () => {
    expect(staleNumeric(numeric, undefined, true, 10_001)).toBe("device");
  });

  it("a lost camera is not live", () => {
    const source: Source = { type: "source", key: "c", name: "C", kind: "video", state: "lost", at_ms: 1, dropped: 0 };
    expect([
      staleSource(source, true),
      staleSource({ ...source, state: "live" }, true),
      staleSource(undefined, true),
    ]).toEqual(["device", null, "device"]);
  });
});
