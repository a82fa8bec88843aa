/** The proof that a text from outside is a live message: what a screen relies on is checked, field by field. */

import type { Message } from "./messages.js";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const yes: Check = (value) => typeof value === "boolean";
const record: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const or =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
const nothing: Check = (value) => value === null || value === undefined;
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const one =
  (...words: string[]): Check =>
  (value) =>
    typeof value === "string" && words.includes(value);
const fields =
  (shape: Record<string, Check>): Check =>
  (value) =>
    record(value) && Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const validity = one("valid", "questionable", "invalid");
const proof = fields({
  grade: one("good", "fair", "poor"),
  response_db: number,
  snr_db: number,
  jitter_ms: number,
  buffer_ms: number,
  clipped: number,
  lost: number,
  exact: yes,
});
const resultNumeric = fields({ metric: text, value: or(text, nothing), unit: text, validity });

const SHAPES: Record<Message["type"], Check> = {
  hello: fields({
    protocol: number,
    unit: fields({ id: text, name: text }),
    now_ms: number,
    simulated: yes,
    tracks: or(nothing, list(fields({ mid: text, source: text, kind: one("video", "audio", "voice", "face") }))),
  }),
  beat: fields({ now_ms: number }),
  device: fields({
    key: text,
    name: text,
    kind: text,
    state: one("absent", "ready", "live", "lost", "fault"),
    since_ms: or(number, nothing),
    at_ms: or(number, nothing),
    lease: yes,
    tell: or(text, nothing),
  }),
  numeric: fields({ device: text, metric: text, value: or(text, nothing), unit: text, validity, at_ms: number }),
  waveform: fields({
    device: text,
    metric: text,
    rate_hz: text,
    unit: text,
    first: number,
    at_ms: number,
    samples: list(or(number, (value) => value === null)),
  }),
  notice: fields({ device: text, codes: list(text), at_ms: number }),
  source: fields({
    key: text,
    name: text,
    kind: one("video", "audio"),
    state: one("live", "lost", "absent"),
    at_ms: or(number, nothing),
    codes: or(nothing, list(text)),
    side: or(nothing, one("left", "right")),
    preroll_s: or(nothing, number),
  }),
  press: fields({ source: text, at_ms: number, ok: yes, code: or(nothing, text) }),
  unknown: fields({
    id: text,
    link: one("serial", "ble"),
    why: text,
    name: text,
    socket: text,
    usb: or(text, nothing),
    driver: or(text, nothing),
    gone: yes,
  }),
  result: fields({
    id: text,
    kind: one("measurement", "still", "clip", "sound", "document"),
    status: one("valid", "questionable", "failed", "manual"),
    device: fields({ key: text, name: text }),
    at: text,
    at_ms: number,
    numerics: list(resultNumeric),
    notices: list(text),
    object: or(
      nothing,
      fields({
        sha256: text,
        media_type: text,
        seconds: or(nothing, number),
        sound: or(nothing, fields({ site: or(text, nothing), samples: number, proof: or(nothing, proof) })),
      }),
    ),
    delivery: one("unsaved", "stored", "persisted", "refused", "opened"),
    struck: or(text, nothing),
    assigned: or(nothing, fields({ held: text, by: text, at: text, reason: text })),
  }),
  consultation: fields({
    id: or(text, nothing),
    state: or(one("open", "identifying", "ready", "active", "review", "closed", "abandoned"), nothing),
    patient: or(
      nothing,
      fields({ birth_name: text, given_names: text, birth_date: text, sex: one("F", "M", "U"), origin: text }),
    ),
    homonym: or(nothing, list(text)),
    doctor: or(nothing, fields({ name: text, state: one("waiting", "connected", "lost", "gone") })),
  }),
  auscultation: fields({
    source: text,
    state: one("idle", "listening", "proving", "recording"),
    quiet: yes,
    by: or(text, nothing),
    site: or(text, nothing),
    since_ms: number,
    proof: or(nothing, proof),
  }),
  thumbnail: fields({ id: text, media_type: one("image/jpeg"), data: text }),
  quarantine: fields({
    id: text,
    reason: text,
    device: or(text, record),
    at: text,
    numerics: list(resultNumeric),
    consultation: or(text, nothing),
    goes: or(text, nothing),
    gone: yes,
  }),
  outbox: fields({ waiting: number, refused: number, platform: one("up", "down", "unknown") }),
  unit: fields({ storage: one("ok", "low", "full"), clock: one("trusted", "untrusted"), tell: list(text) }),
  storage: fields({
    state: one("ok", "low", "short", "full", "failed"),
    free_mb: number,
    unsaved: number,
    refuses: list(text),
    works: list(text),
  }),
  wiped: () => true,
};

/** docs/protocol.md: one message is at most 64 KiB. */
export const LONGEST_MESSAGE = 65536;

/** The message in `raw`, or null when it is unknown, too long or not what its type promises. */
export function parse(raw: string): Message | null {
  if (raw.length > LONGEST_MESSAGE) return null;
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return null;
  }
  if (!record(value)) return null;
  const type = (value as { type?: unknown }).type;
  if (typeof type !== "string" || !Object.hasOwn(SHAPES, type)) return null;
  return SHAPES[type as Message["type"]](value) ? (value as Message) : null;
}
