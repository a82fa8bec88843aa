import { describe, expect, it } from "vitest";
import { LONGEST_MESSAGE, parse } from "../src/core/parse.js";

const numeric = {
  type: "numeric",
  device: "oximeter",
  metric: "oxygen-saturation",
  loinc: "2708-6",
  value: "98",
  unit: "%",
  validity: "valid",
  at_ms: 5000,
  taken: null,
  from_memory: false,
};

describe("a text from outside", () => {
  it("is a message when it has what its type promises", () => {
    expect(parse(JSON.stringify(numeric))).toEqual(numeric);
  });

  it("may hold fields that nobody knows yet", () => {
    expect(parse('{"type":"beat","now_ms":12,"mood":"calm"}')).toMatchObject({ now_ms: 12 });
  });

  it.each([
    ["no JSON", "beat"],
    ["a list", "[1]"],
    ["null", "null"],
    ["an unknown type", '{"type":"horoscope"}'],
    ["a type of every object", '{"type":"constructor"}'],
    ["a beat without its instant", '{"type":"beat"}'],
    ["a number for a value", JSON.stringify({ ...numeric, value: 98 })],
    ["a validity nobody defined", JSON.stringify({ ...numeric, validity: "fine" })],
    [
      "a wave with words in it",
      '{"type":"waveform","device":"a","metric":"b","rate_hz":"60","unit":"1","first":0,"at_ms":1,"samples":["x"]}',
    ],
    [
      "a device without a known state",
      '{"type":"device","key":"a","name":"A","kind":"scale","state":"happy","lease":false}',
    ],
  ])("is ignored when it is %s", (_why, raw) => {
    expect(parse(raw)).toBeNull();
  });

  it("is ignored when it is longer than the protocol allows", () => {
    const raw = JSON.stringify({ type: "beat", now_ms: 1, filler: "x".repeat(LONGEST_MESSAGE) });
    expect(parse(raw)).toBeNull();
  });
});
