import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Call, type Phase } from "../src/core/call.js";
import { Requests } from "../src/core/requests.js";
import { FakePeer, FakeSocket, settled, useFakes } from "./fakes.js";

const hello = { type: "hello", protocol: 1, unit: { id: "u", name: "U" }, now_ms: 1, simulated: false, tracks: [] };
const offer = { type: "signal", description: { type: "offer", sdp: "theirs" } };

let phases: [Phase, string | null][];
let texts: string[];
let call: Call;

beforeEach(() => {
  useFakes();
  phases = [];
  texts = [];
  call = new Call(
    { url: "ws://platform/viewer", consultation: "c1", token: "t1", name: "Dr M" },
    {
      live: (text) => void texts.push(text),
      block: () => undefined,
      control: () => undefined,
      tracks: () => undefined,
      phase: (phase, code) => void phases.push([phase, code]),
      unit: () => undefined,
    },
  );
});

afterEach(() => {
  call.stop();
  vi.useRealTimers();
});

async function connected(): Promise<FakePeer> {
  FakeSocket.last.opens();
  FakeSocket.last.says({ type: "joined", peer: "p1", ice_servers: [{ urls: ["stun:s"] }] });
  FakeSocket.last.says(offer);
  await settled();
  FakePeer.last.says("live", hello);
  return FakePeer.last;
}

describe("a doctor's call", () => {
  it("joins, answers the unit's offer and is connected when the unit speaks", async () => {
    const peer = await connected();
    expect(FakeSocket.last.sent).toEqual([
      { type: "join", protocol: 1, consultation: "c1", token: "t1", name: "Dr M", role: "doctor" },
      { type: "signal", description: { type: "answer", sdp: "ours" } },
    ]);
    expect(peer.configuration.iceServers).toEqual([{ urls: ["stun:s"] }]);
    expect(phases).toEqual([
      ["waiting", null],
      ["connected", null],
    ]);
    expect(texts).toEqual([JSON.stringify(hello)]);
  });

  it("gives the unit's candidates to the connection, also those that came before it was ready", async () => {
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "joined", peer: "p1", ice_servers: [] });
    FakeSocket.last.says(offer);
    FakeSocket.last.says({ type: "signal", candidate: { candidate: "a", sdpMid: "0" } });
    await settled();
    FakeSocket.last.says({ type: "signal", candidate: null });
    await settled();
    expect(FakePeer.last.candidates).toEqual([{ candidate: "a", sdpMid: "0" }, undefined]);
  });

  it("asks the unit for another connection when this one fails, and keeps it until the other speaks", async () => {
    const old = await connected();
    old.fails();
    await settled();
    expect(phases.at(-1)).toEqual(["lost", null]);
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "signal", description: { type: "offer", sdp: "restart" } });
    expect([FakeSocket.made.length, old.connectionState]).toEqual([1, "failed"]);
    FakeSocket.last.says(offer);
    await settled();
    FakePeer.last.says("live", hello);
    expect([old.connectionState, phases.at(-1)]).toEqual(["closed", ["connected", null]]);
  });

  it("asks for another one while it is silent, and joins again after fifteen", async () => {
    await connected();
    await vi.advanceTimersByTimeAsync(1900);
    expect(FakeSocket.last.sent).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.last.sent).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(12_300);
    expect([FakeSocket.last.sent.length, FakeSocket.made.length]).toEqual([7, 1]);
    await vi.advanceTimersByTimeAsync(700);
    expect(FakeSocket.made).toHaveLength(2);
  });

  it("goes on over the old connection when that comes back by itself", async () => {
    const peer = await connected();
    await vi.advanceTimersByTimeAsync(2600);
    expect(phases.at(-1)).toEqual(["lost", null]);
    peer.says("live", { type: "beat", now_ms: 1 });
    expect(phases.at(-1)).toEqual(["connected", null]);
  });

  it("keeps the picture while the platform restarts, until the new connection speaks", async () => {
    const old = await connected();
    FakeSocket.last.drops();
    for (let beat = 0; beat < 4; beat++) {
      old.says("live", { type: "beat", now_ms: beat });
      await vi.advanceTimersByTimeAsync(250);
    }
    expect([phases.at(-1)?.[0], old.connectionState]).toEqual(["connected", "new"]);
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "joined", peer: "p2", ice_servers: [] });
    FakeSocket.last.says(offer);
    await settled();
    expect(old.connectionState).toBe("new");
    FakePeer.last.says("live", hello);
    expect(old.connectionState).toBe("closed");
    expect(phases.map(([phase]) => phase)).toEqual(["waiting", "connected", "connected"]);
  });

  it("does not listen to a connection that was replaced", async () => {
    const old = await connected();
    FakeSocket.last.says(offer);
    await settled();
    FakePeer.last.says("live", hello);
    texts = [];
    old.channels.get("live")?.onmessage?.({ data: "late" });
    expect(texts).toEqual([]);
  });

  it("tries again after a refusal that may pass, and not after one that will not", () => {
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "error", code: "not-active", message: "" });
    FakeSocket.last.drops();
    vi.advanceTimersByTime(5000);
    expect([FakeSocket.made.length, phases.at(-1)]).toEqual([2, ["refused", "not-active"]]);
    FakeSocket.last.opens();
    FakeSocket.last.says({ type: "error", code: "wrong-token", message: "" });
    FakeSocket.last.drops();
    vi.advanceTimersByTime(60_000);
    expect([FakeSocket.made.length, phases.at(-1)]).toEqual([2, ["barred", "wrong-token"]]);
  });

  it("is over when the consultation is closed, and calls nobody any more", async () => {
    const peer = await connected();
    FakeSocket.last.says({ type: "consultation", id: "c1", state: "closed" });
    vi.advanceTimersByTime(60_000);
    expect([phases.at(-1), peer.connectionState, FakeSocket.made.length]).toEqual([["over", null], "closed", 1]);
  });

  it("tells the platform what the doctor has opened", async () => {
    await connected();
    call.opened("7e0f");
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "opened", identifier: "urn:uuid:7e0f" });
  });

  it("ignores what it cannot read", () => {
    FakeSocket.last.opens();
    for (const data of ["noise", "[1]", "null", '{"type":"future"}']) FakeSocket.last.onmessage?.({ data });
    expect(phases).toEqual([]);
  });
});

describe("what is asked of the unit", () => {
  let sent: Record<string, unknown>[];
  let pongs: number[][];
  let requests: Requests;

  beforeEach(() => {
    sent = [];
    pongs = [];
    const send = (message: object): boolean => sent.push(message as Record<string, unknown>) > 0;
    requests = new Requests(send, (...pong) => void pongs.push(pong));
  });

  it("is asked again under the same id until it is answered", async () => {
    const answer = requests.still("otoscope");
    const id = sent[0]?.["id"];
    vi.advanceTimersByTime(3100);
    requests.tick(performance.now());
    expect(sent.filter((message) => message["type"] === "still").map((message) => message["id"])).toEqual([id, id]);
    requests.take(JSON.stringify({ type: "still", id, ok: true, result: "r", sha256: "ab", width: 2, height: 1 }), 0);
    expect(await answer).toMatchObject({ ok: true, result: "r", sha256: "ab" });
  });

  it("has an answer even when none comes", async () => {
    const answer = requests.still("otoscope");
    vi.advanceTimersByTime(15_100);
    requests.tick(performance.now());
    expect(await answer).toEqual({ ok: false, code: "no-answer" });
  });

  it("measures the clock by its own pings only", () => {
    requests.tick(1000);
    requests.take(JSON.stringify({ type: "pong", id: "somebody-else", now_ms: 5 }), 1040);
    requests.take(JSON.stringify({ type: "pong", id: sent.at(-1)?.["id"], now_ms: 900_000 }), 1040);
    expect(pongs).toEqual([[900_000, 1000, 1040]]);
  });
});
