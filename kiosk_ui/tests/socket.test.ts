import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "../src/core/backoff.js";
import { Socket } from "../src/core/socket.js";
import { FakeSocket, useFakes } from "./fakes.js";

describe("a connection that keeps itself", () => {
  let heard: string[];
  let lost: number;
  let socket: Socket;

  beforeEach(() => {
    useFakes();
    heard = [];
    lost = 0;
    const events = { message: (text: string) => void heard.push(text), lost: () => void (lost += 1) };
    socket = new Socket("ws://unit/api/live", events, { quiet: 3000, backoff: new Backoff(100, 800, () => 1) });
  });

  afterEach(() => {
    socket.stop();
    vi.useRealTimers();
  });

  it("opens again, later each time, and soon again once it worked", () => {
    const waits = [100, 200, 400, 800, 800];
    for (const wait of waits) {
      const before = FakeSocket.made.length;
      FakeSocket.last.drops();
      vi.advanceTimersByTime(wait - 1);
      expect(FakeSocket.made.length).toBe(before);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.made.length).toBe(before + 1);
    }
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "beat", now_ms: 1 });
    FakeSocket.last.drops();
    vi.advanceTimersByTime(100);
    expect(FakeSocket.made.length).toBe(7);
  });

  it("gives up one that has gone silent without a word", () => {
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "beat", now_ms: 1 });
    const silent = FakeSocket.last;
    vi.advanceTimersByTime(2999);
    expect([silent.readyState, lost]).toEqual([1, 0]);
    vi.advanceTimersByTime(1);
    expect([silent.readyState, lost]).toEqual([3, 1]);
  });

  it("does not listen to a connection that it has left", () => {
    const old = FakeSocket.last;
    const late = old.onmessage;
    socket.again();
    expect(old.onmessage).toBeNull();
    expect(late).not.toBeNull();
    FakeSocket.last.says({ type: "beat", now_ms: 2 });
    expect(heard).toEqual(['{"type":"beat","now_ms":2}']);
  });

  it("says whether something was sent", () => {
    expect(socket.send('{"a":1}')).toBe(false);
    FakeSocket.last.opens();
    expect(socket.send('{"a":1}')).toBe(true);
  });

  it("stays closed when it was stopped", () => {
    socket.stop();
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.made.length).toBe(1);
  });
});

it("waits are spread between the half and the whole", () => {
  expect(new Backoff(1000, 8000, () => 0).next()).toBe(500);
  expect(new Backoff(1000, 8000, () => 0.5).next()).toBe(750);
});
