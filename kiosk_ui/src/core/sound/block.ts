/** One block of heart sound on the wire: docs/protocol.md section 6. */

export const HEADER_BYTES = 40;

const LONGEST_BLOCK = 8192; // samples: one second at 8 kHz is far more than a unit sends at once
const FASTEST_HZ = 48_000;

export interface Block {
  /** int16, mono, oldest first. */
  samples: Int16Array<ArrayBuffer>;
  rate: number;
  sequence: number;
  /** Number of the first sample, from 0 per stream. */
  first: number;
  /** Capture instant of the first sample, unit clock, ms. */
  capture_ms: number;
  stream: number;
  clipped: boolean;
  /** A reference sound, not the patient. */
  reference: boolean;
  /** Of the known sound that proves the way. */
  proof: boolean;
  /** The first 8 bytes of SHA-256 of the samples' bytes, as the unit computed them. */
  digest: Uint8Array<ArrayBuffer>;
}

/** The block in `data`, or null when it is not whole, not version 1 or not within bounds. */
export function parseBlock(data: ArrayBuffer): Block | null {
  if (data.byteLength < HEADER_BYTES) return null;
  const view = new DataView(data);
  const count = view.getUint32(28, true);
  const rate = view.getUint16(2, true);
  const first = view.getBigUint64(8, true);
  if (view.getUint8(0) !== 1 || count === 0 || count > LONGEST_BLOCK || rate === 0 || rate > FASTEST_HZ) return null;
  if (data.byteLength !== HEADER_BYTES + 2 * count || first > BigInt(Number.MAX_SAFE_INTEGER) - 65536n) return null;
  const samples = new Int16Array(count);
  for (let index = 0; index < count; index++) samples[index] = view.getInt16(HEADER_BYTES + 2 * index, true);
  const flags = view.getUint8(1);
  return {
    samples,
    rate,
    sequence: view.getUint32(4, true),
    first: Number(first),
    capture_ms: Number(view.getBigUint64(16, true)) / 1e6,
    stream: view.getUint32(24, true),
    clipped: (flags & 1) !== 0,
    reference: (flags & 2) !== 0,
    proof: (flags & 4) !== 0,
    digest: new Uint8Array(data.slice(32, 40)),
  };
}

/** Whether the samples are those that the unit hashed; null where the browser has no SHA-256 (a page without https). */
export async function intact(block: Block): Promise<boolean | null> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  const bytes = new Uint8Array(block.samples.length * 2);
  const view = new DataView(bytes.buffer);
  block.samples.forEach((sample, index) => view.setInt16(2 * index, sample, true));
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes), 0, 8);
  return digest.every((byte, index) => byte === block.digest[index]);
}
