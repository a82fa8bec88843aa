import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { intact, parseBlock } from "../src/core/sound/block.js";
import { CORNERS, SECTION_Q_DB } from "../src/core/sound/filters.js";
import { StethoscopeReceiver } from "../src/core/sound/receiver.js";

/** A block as docs/protocol.md section 6 lays it out. */
function wire(
  samples: number[],
  facts: { sequence?: number; first?: number; stream?: number; flags?: number } = {},
): ArrayBuffer {
  const bytes = Buffer.alloc(40 + 2 * samples.length);
  samples.forEach((sample, index) => bytes.writeInt16LE(sample, 40 + 2 * index));
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(facts.flags ?? 0, 1);
  bytes.writeUInt16LE(8000, 2);
  bytes.writeUInt32LE(facts.sequence ?? 0, 4);
  bytes.writeBigUInt64LE(BigInt(facts.first ?? 0), 8);
  bytes.writeBigUInt64LE(5_000_000_000n, 16);
  bytes.writeUInt32LE(facts.stream ?? 1, 24);
  bytes.writeUInt32LE(samples.length, 28);
  createHash("sha256").update(bytes.subarray(40)).digest().copy(bytes, 32, 0, 8);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
}

describe("a block of heart sound", () => {
  it("is read field by field", () => {
    expect(parseBlock(wire([1, -2, 32767], { sequence: 7, first: 1120, stream: 3, flags: 3 }))).toMatchObject({
      samples: new Int16Array([1, -2, 32767]),
      rate: 8000,
      sequence: 7,
      first: 1120,
      capture_ms: 5000,
      stream: 3,
      clipped: true,
      reference: true,
    });
  });

  it("is refused cut, padded, empty, or of another version", () => {
    const whole = wire([1, 2, 3]);
    expect(parseBlock(whole.slice(0, -1))).toBeNull();
    expect(parseBlock(whole.slice(0, 39))).toBeNull();
    expect(parseBlock(wire([]))).toBeNull();
    const other = wire([1]);
    new Uint8Array(other)[0] = 2;
    expect(parseBlock(other)).toBeNull();
  });

  it("is intact only with the very samples that were hashed", async () => {
    const data = wire([100, 200, 300]);
    const block = parseBlock(data);
    expect(block && (await intact(block))).toBe(true);
    new DataView(data).setUint8(41, 1);
    const changed = parseBlock(data);
    expect(changed && (await intact(changed))).toBe(false);
  });
});

describe("the receiver of a stethoscope", () => {
  const put = (receiver: StethoscopeReceiver, first: number, stream = 1, proof: boolean | null = true) =>
    receiver.put(parseBlock(wire([first, first + 1], { first, stream })), proof);

  it("counts holes, and fills them when the late block comes", () => {
    const receiver = new StethoscopeReceiver();
    put(receiver, 0);
    put(receiver, 4);
    expect(receiver.current?.count).toMatchObject({ received: 4, missing: 2 });
    expect(receiver.current?.at(2)).toBeNaN();
    put(receiver, 2);
    expect(receiver.current?.count).toMatchObject({ received: 6, missing: 0, blocks: 3 });
    expect([2, 3, 4].map((index) => receiver.current?.at(index))).toEqual([2, 3, 4]);
  });

  it("takes each block once", () => {
    const receiver = new StethoscopeReceiver();
    expect([put(receiver, 0), put(receiver, 0)]).toEqual(["kept", "repeated"]);
    expect(receiver.current?.count).toMatchObject({ received: 2, repeated: 1 });
  });

  it("keeps out what is corrupt or unreadable, and says so", () => {
    const receiver = new StethoscopeReceiver();
    expect([put(receiver, 0, 1, false), receiver.put(null, null)]).toEqual(["corrupt", "unreadable"]);
    expect([receiver.current, receiver.corrupt, receiver.unreadable]).toEqual([null, 1, 1]);
  });

  it("begins anew with another stream; a late block of the old one does not bring it back", () => {
    const receiver = new StethoscopeReceiver();
    put(receiver, 100, 1);
    put(receiver, 0, 2);
    expect(put(receiver, 102, 1)).toBe("old-stream");
    expect(receiver.current?.id).toBe(2);
    expect(receiver.counts.map((count) => count.received)).toEqual([4, 2]);
  });

  it("holds nothing after it was told to forget", () => {
    const receiver = new StethoscopeReceiver();
    put(receiver, 0);
    receiver.forget();
    expect([receiver.current, receiver.counts]).toEqual([null, []]);
  });
});

/** Web Audio's own formulas for lowpass and highpass (section 1.13.5), for its Q in decibels. */
function gain(type: "lowpass" | "highpass", corner: number, qDb: number, hz: number, rate: number): number {
  const w0 = (2 * Math.PI * corner) / rate;
  const alpha = Math.sin(w0) / (2 * 10 ** (qDb / 20));
  const side = type === "lowpass" ? 1 - Math.cos(w0) : 1 + Math.cos(w0);
  const b = [side / 2, type === "lowpass" ? side : -side, side / 2];
  const a = [1 + alpha, -2 * Math.cos(w0), 1 - alpha];
  const w = (2 * Math.PI * hz) / rate;
  const size = (c: number[]) =>
    Math.hypot(
      c.reduce((sum, value, k) => sum + value * Math.cos(k * w), 0),
      c.reduce((sum, value, k) => sum + value * Math.sin(k * w), 0),
    );
  return size(b) / size(a);
}

it.each(["bell", "diaphragm", "wide"] as const)(
  "the %s filter is 3.0 dB down at both corners and 24 dB an octave below",
  (name) => {
    const { low, high } = CORNERS[name];
    const db = (hz: number) =>
      20 *
      Math.log10(
        SECTION_Q_DB.reduce(
          (all, q) => all * gain("highpass", low, q, hz, 48_000) * gain("lowpass", high, q, hz, 48_000),
          1,
        ),
      );
    if (high / low > 8) expect([db(low).toFixed(1), db(high).toFixed(1)]).toEqual(["-3.0", "-3.0"]);
    expect(db(low / 2)).toBeLessThan(-23.5);
    expect(Math.abs(db(Math.sqrt(low * high)))).toBeLessThan(0.1);
  },
);
