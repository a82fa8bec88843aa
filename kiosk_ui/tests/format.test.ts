import { describe, expect, it } from "vitest";
import { ageParts, birthDateText, bytesText, unitText, valueText, yearsOld } from "../src/core/format.js";

describe("a value", () => {
  it.each([
    ["36.60", "en-GB", "36.60"],
    ["36.60", "fr-FR", "36,60"],
    ["120", "fr-FR", "120"],
    ["-0.5", "en-GB", "-0.5"],
    ["1234.5", "en-GB", "1234.5"],
  ])("%s in %s keeps the digits of the device: %s", (value, language, shown) => {
    expect(valueText(value, language)).toBe(shown);
  });

  it.each([null, "", "NaN", "--", "1e3"])("%s is a dash, never a number", (value) => {
    expect(valueText(value, "en-GB")).toBe("–");
  });

  it("has its unit as printed", () => {
    expect(["mm[Hg]", "Cel", "%", "/min"].map(unitText)).toEqual(["mmHg", "°C", "%", "/min"]);
  });
});

describe("a birth date", () => {
  it("has its month in letters", () => {
    expect(birthDateText("1977-01-21", "en-GB")).toBe("21-Jan-1977");
    expect(birthDateText("1977-01-21", "fr-FR")).toBe("21-janv.-1977");
  });

  it("that is none comes back as it is", () => {
    expect(birthDateText("1977-13-41", "en-GB")).toBe("1977-13-41");
  });

  it("gives an age that changes on the birthday", () => {
    expect(yearsOld("1977-01-21", new Date(2026, 0, 20))).toBe(48);
    expect(yearsOld("1977-01-21", new Date(2026, 0, 21))).toBe(49);
    expect(yearsOld("1977-00-00", new Date(2026, 0, 21))).toBeNull();
  });
});

it.each([
  [0, "now", 0],
  [1499, "now", 0],
  [1500, "second", 1],
  [59_999, "second", 59],
  [60_000, "minute", 1],
  [3_600_000, "hour", 1],
])("an age of %i ms is told as %s %i", (age, unit, n) => {
  expect(ageParts(age)).toEqual({ unit, n });
});

it("bytes are told in kB and MB", () => {
  expect([bytesText(812_345, "en-GB"), bytesText(3_400_000, "fr-FR")]).toEqual(["812.3 kB", "3,4 MB"]);
});
