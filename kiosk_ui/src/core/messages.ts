/** The live messages of docs/protocol.md section 5: their types, and the proof that a text from outside is one of them. */

export type Validity = "valid" | "questionable" | "invalid";
export type DeviceState = "absent" | "ready" | "live" | "lost" | "fault";
export type SourceState = "live" | "lost" | "absent";
/** `unsaved`: the disk is full, the unit holds it in memory and tries again. */
export type Delivery = "unsaved" | "stored" | "persisted" | "refused" | "opened";
export type ConsultationState = "open" | "identifying" | "ready" | "active" | "review" | "closed" | "abandoned";
export type Sex = "F" | "M" | "U";

export interface Track {
  mid: string;
  source: string;
  kind: "video" | "audio";
}

export interface Hello {
  type: "hello";
  protocol: number;
  unit: { id: string; name: string };
  now_ms: number;
  simulated: boolean;
  tracks?: Track[];
}

export interface Beat {
  type: "beat";
  now_ms: number;
}

export interface Device {
  type: "device";
  key: string;
  name: string;
  kind: string;
  driver: string;
  state: DeviceState;
  since_ms: number;
  at_ms: number | null;
  lease: boolean;
  continuous?: boolean;
  /** Percent. */
  battery?: string | null;
  tell?: string | null;
}

export interface Numeric {
  type: "numeric";
  device: string;
  metric: string;
  loinc: string | null;
  value: string | null;
  unit: string;
  validity: Validity;
  at_ms: number;
  taken: string | null;
  from_memory: boolean;
}

export interface Waveform {
  type: "waveform";
  device: string;
  metric: string;
  rate_hz: string;
  unit: string;
  first: number;
  at_ms: number;
  samples: (number | null)[];
}

export interface Notice {
  type: "notice";
  device: string;
  codes: string[];
  at_ms: number;
}

export interface Source {
  type: "source";
  key: string;
  name: string;
  kind: "video" | "audio";
  state: SourceState;
  at_ms: number | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  rate_hz?: number | null;
  level?: number | null;
  clipped?: boolean | null;
  dropped: number;
}

export interface ResultNumeric {
  metric: string;
  loinc: string | null;
  value: string | null;
  unit: string;
  validity: Validity;
}

export interface StoredObject {
  sha256: string;
  media_type: string;
  bytes: number;
  source: string;
  width?: number | null;
  height?: number | null;
}

export interface Result {
  type: "result";
  id: string;
  consultation: string;
  kind: "measurement" | "still" | "sound";
  status: "valid" | "questionable" | "failed" | "manual";
  device: { key: string; name: string; model?: string | null; serial?: string | null };
  at: string;
  at_ms: number;
  taken: string | null;
  numerics: ResultNumeric[];
  notices: string[];
  object?: StoredObject | null;
  /** Why it was typed. */
  reason?: string | null;
  delivery: Delivery;
  refusal?: string | null;
  struck?: string | null;
}

export interface Patient {
  birth_name: string;
  given_names: string;
  birth_date: string;
  sex: Sex;
  ins?: unknown;
  origin: string;
}

export interface Consent {
  given: boolean;
  by: string;
  at: string;
  version: string;
  language: string;
}

export interface Consultation {
  type: "consultation";
  id: string | null;
  state: ConsultationState | null;
  opened?: string | null;
  patient: Patient | null;
  confirmed?: boolean;
  consent?: Consent | null;
  resumed?: boolean;
  doctor: { name: string; state: "waiting" | "connected" | "lost" | "gone" } | null;
}

export interface Quarantined {
  type: "quarantine";
  id: string;
  reason: string;
  device: { key?: string; name?: string } | string;
  at: string;
  numerics: ResultNumeric[];
  gone: boolean;
}

export interface Outbox {
  type: "outbox";
  waiting: number;
  refused: number;
  oldest_s: number | null;
  platform: "up" | "down" | "unknown";
  detail?: string | null;
}

export interface Unit {
  type: "unit";
  storage: "ok" | "low" | "full";
  clock: "trusted" | "untrusted";
  tell: string[];
  /** Results that are held in memory because the disk is full. */
  unsaved?: number;
  /** When the unit's service started. */
  started?: string | null;
}

export interface Wiped {
  type: "wiped";
}

export type Message =
  | Hello
  | Beat
  | Device
  | Numeric
  | Waveform
  | Notice
  | Source
  | Result
  | Consultation
  | Quarantined
  | Outbox
  | Unit
  | Wiped;

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
const resultNumeric = fields({ metric: text, value: or(text, nothing), unit: text, validity });

const SHAPES: Record<Message["type"], Check> = {
  hello: fields({
    protocol: number,
    unit: fields({ id: text, name: text }),
    now_ms: number,
    simulated: yes,
    tracks: or(nothing, list(fields({ mid: text, source: text, kind: one("video", "audio") }))),
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
  }),
  result: fields({
    id: text,
    kind: one("measurement", "still", "sound"),
    status: one("valid", "questionable", "failed", "manual"),
    device: fields({ key: text, name: text }),
    at: text,
    at_ms: number,
    numerics: list(resultNumeric),
    notices: list(text),
    object: or(nothing, fields({ sha256: text, media_type: text })),
    delivery: one("unsaved", "stored", "persisted", "refused", "opened"),
    struck: or(text, nothing),
  }),
  consultation: fields({
    id: or(text, nothing),
    state: or(one("open", "identifying", "ready", "active", "review", "closed", "abandoned"), nothing),
    patient: or(
      nothing,
      fields({ birth_name: text, given_names: text, birth_date: text, sex: one("F", "M", "U"), origin: text }),
    ),
    doctor: or(nothing, fields({ name: text, state: one("waiting", "connected", "lost", "gone") })),
  }),
  quarantine: fields({
    id: text,
    reason: text,
    device: or(text, record),
    at: text,
    numerics: list(resultNumeric),
    gone: yes,
  }),
  outbox: fields({ waiting: number, refused: number, platform: one("up", "down", "unknown") }),
  unit: fields({ storage: one("ok", "low", "full"), clock: one("trusted", "untrusted"), tell: list(text) }),
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
