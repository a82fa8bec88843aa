import { describe, expect, it } from "vitest";
import { UnitClock } from "../src/core/clock.js";

describe("the unit's clock as a screen knows it", () => {
  it("is unknown, and the unit unheard, before the first beat", () => {
    const clock = new UnitClock();
    expect(clock.now(0)).toBeNull();
    expect(clock.alive(0)).toBe(false);
  });

  it("follows the beat that was delayed least", () => {
    const clock = new UnitClock();
    clock.beat(100_000, 1040); // 40 ms late
    clock.beat(100_250, 1255); // 5 ms late
    clock.beat(100_500, 1590); // 90 ms late
    expect(clock.now(2000)).toBe(100_995);
  });

  it("forgets a beat after ten seconds, so that drift cannot add up", () => {
    const clock = new UnitClock();
    clock.beat(100_000, 1000);
    clock.beat(111_000, 12_010);
    expect(clock.now(12_010)).toBe(111_000);
  });

  it("takes the middle of the shortest round trip where there is one", () => {
    const clock = new UnitClock();
    clock.beat(100_000, 1050);
    clock.pong(100_100, 1000, 1200);
    clock.pong(100_300, 1300, 1700);
    expect(clock.now(2000)).toBe(101_000);
    expect(clock.uncertainty).toBe(100);
  });

  it("calls the unit lost after 800 ms without a beat, not before", () => {
    const clock = new UnitClock();
    clock.beat(100_000, 1000);
    expect(clock.alive(1800)).toBe(true);
    expect(clock.alive(1801)).toBe(false);
    expect(clock.silence(1801)).toBe(801);
  });
});
