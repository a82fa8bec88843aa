/** The live messages of docs/protocol.md section 5. `parse.ts` proves that a text is one of them. */

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
  /** `voice`, `face`: of those who take part in the talk. */
  kind: "video" | "audio" | "voice" | "face";
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
  /** It was taken out of the unit. */
  gone?: boolean;
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
  /** How often a sound card lost samples. */
  gaps?: number | null;
  /** Is the chest-piece on somebody? */
  contact?: "none" | "poor" | "good" | null;
  /** What is wrong with it, or with how it runs. */
  codes?: string[] | null;
  /** Which of the patient's sides it looks at, and how far it is zoomed in. */
  side?: "left" | "right" | null;
  zoom?: number | null;
  /** How much of its past is held now, seconds. */
  preroll_s?: number | null;
}

/** Somebody pressed a camera's button or a pedal. */
export interface Press {
  type: "press";
  source: string;
  at_ms: number;
  ok: boolean;
  code?: string | null;
}

/** What is plugged in or heard and is no device: nobody guesses what it is. */
export interface Unknown {
  type: "unknown";
  id: string;
  link: "serial" | "ble";
  /** A converter, which says nothing of what is behind it; hardware that no driver knows; a port of another's; a stranger's peripheral. */
  why: "converter" | "no-driver" | "taken" | "not-admitted";
  name: string;
  /** Where: bus and port, or the peripheral's address. */
  socket: string;
  usb: string | null;
  /** The driver that reads it, where its own words tell. */
  driver: string | null;
  since_ms: number;
  gone: boolean;
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
  /** Of a clip or a sound. */
  seconds?: number | null;
  side?: "left" | "right" | null;
  zoom?: number | null;
  sound?: StoredSound | null;
}

/** How the way to the doctor was when a known sound took it, graded by the unit. */
export interface SoundProof {
  grade: "good" | "fair" | "poor";
  response_db: number;
  snr_db: number;
  jitter_ms: number;
  buffer_ms: number;
  clipped: number;
  lost: number;
  exact: boolean;
  at: string;
}

export interface StoredSound {
  site: string | null;
  stream: number;
  first: number;
  samples: number;
  pcm_sha256: string;
  clipped: boolean;
  proof: SoundProof | null;
}

/** The listening: who listens where, whether the room is quiet, whether it is recorded. */
export interface Auscultation {
  type: "auscultation";
  source: string;
  state: "idle" | "listening" | "proving" | "recording";
  quiet: boolean;
  by: string | null;
  site: string | null;
  since_ms: number;
  proof: SoundProof | null;
}

/** A small picture of a still or a clip, base64. */
export interface Thumbnail {
  type: "thumbnail";
  id: string;
  media_type: "image/jpeg";
  data: string;
}

export interface Result {
  type: "result";
  id: string;
  consultation: string;
  kind: "measurement" | "still" | "clip" | "sound" | "document";
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
  /** A person has taken it out of quarantine and said whose it is. */
  assigned?: { held: string; by: string; at: string; reason: string; checked: string[] } | null;
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
  /** In what another patient kept on this unit, of the same name, differs; empty when nobody is alike. */
  homonym?: string[];
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
  /** The one that was open when it came. */
  consultation?: string | null;
  /** Not before when it is removed; told three days ahead. */
  goes?: string | null;
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

export type StorageState = "ok" | "low" | "short" | "full" | "failed";

/** The room for records: what is refused because of it, and what still works. */
export interface Storage {
  type: "storage";
  state: StorageState;
  free_mb: number;
  unsaved: number;
  refuses: string[];
  works: string[];
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
  | Unknown
  | Press
  | Result
  | Consultation
  | Auscultation
  | Thumbnail
  | Quarantined
  | Outbox
  | Unit
  | Storage
  | Wiped;
