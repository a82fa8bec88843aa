/** The present state of a unit, built message by message. A pure fold: the same messages give the same state. */

import type {
  Auscultation,
  Consultation,
  Device,
  Hello,
  Message,
  Notice,
  Numeric,
  Outbox,
  Press,
  Quarantined,
  Result,
  Source,
  Storage,
  Thumbnail,
  Unit,
  Unknown,
} from "./messages.js";

type Table<T> = ReadonlyMap<string, T>;

export interface LiveState {
  hello: Hello | null;
  devices: Table<Device>;
  /** Keyed by `numericKey`. */
  numerics: Table<Numeric>;
  notices: Table<Notice>;
  sources: Table<Source>;
  unknown: Table<Unknown>;
  results: Table<Result>;
  quarantine: Table<Quarantined>;
  consultation: Consultation | null;
  auscultation: Auscultation | null;
  /** By the result they are of. */
  thumbnails: Table<Thumbnail>;
  outbox: Outbox | null;
  unit: Unit | null;
  storage: Storage | null;
  /** The last press of a button that takes stills. */
  press: Press | null;
  /** How often this screen was told to forget. */
  wipes: number;
}

export const EMPTY: LiveState = {
  hello: null,
  devices: new Map(),
  numerics: new Map(),
  notices: new Map(),
  sources: new Map(),
  unknown: new Map(),
  results: new Map(),
  quarantine: new Map(),
  consultation: null,
  auscultation: null,
  thumbnails: new Map(),
  outbox: null,
  unit: null,
  storage: null,
  press: null,
  wipes: 0,
};

/** A screen never needs more rows than this; a table that grows past it drops its oldest. */
const MOST_ROWS = 500;

export const numericKey = (device: string, metric: string): string => `${device}\n${metric}`;

function withRow<T>(table: Table<T>, key: string, row: T): Table<T> {
  const next = new Map(table).set(key, row);
  const oldest = next.keys().next();
  if (next.size > MOST_ROWS && !oldest.done) next.delete(oldest.value);
  return next;
}

function withoutRow<T>(table: Table<T>, key: string): Table<T> {
  const next = new Map(table);
  next.delete(key);
  return next;
}

/** Everything that belongs to a patient is gone; what belongs to the unit stays. */
export function forget(state: LiveState): LiveState {
  const devices = new Map([...state.devices].map(([key, device]) => [key, { ...device, lease: false }]));
  return {
    ...state,
    devices,
    numerics: new Map(),
    notices: new Map(),
    results: new Map(),
    consultation: null,
    auscultation: null,
    thumbnails: new Map(),
    wipes: state.wipes + 1,
  };
}

/** A new connection repeats the unit's state. What it repeats last (the consultation) stays until then. */
function greet(state: LiveState, hello: Hello): LiveState {
  return { ...EMPTY, hello, consultation: state.consultation, results: state.results, wipes: state.wipes };
}

function consult(state: LiveState, message: Consultation): LiveState {
  const before = state.consultation?.id ?? null;
  const kept = before !== null && before !== message.id ? forget(state) : state;
  return { ...kept, consultation: message.id === null ? null : message };
}

export function reduce(state: LiveState, message: Message): LiveState {
  switch (message.type) {
    case "hello":
      return greet(state, message);
    case "device": {
      const { gone, key } = message;
      return { ...state, devices: gone ? withoutRow(state.devices, key) : withRow(state.devices, key, message) };
    }
    case "unknown": {
      const { gone, id } = message;
      return { ...state, unknown: gone ? withoutRow(state.unknown, id) : withRow(state.unknown, id, message) };
    }
    case "numeric": {
      const key = numericKey(message.device, message.metric);
      return { ...state, numerics: withRow(state.numerics, key, message) };
    }
    case "notice":
      return { ...state, notices: withRow(state.notices, message.device, message) };
    case "source":
      return { ...state, sources: withRow(state.sources, message.key, message) };
    case "press":
      return { ...state, press: message };
    case "result":
      return { ...state, results: withRow(state.results, message.id, message) };
    case "consultation":
      return consult(state, message);
    case "auscultation":
      return { ...state, auscultation: message };
    case "thumbnail":
      return { ...state, thumbnails: withRow(state.thumbnails, message.id, message) };
    case "quarantine": {
      const { gone, id } = message;
      const quarantine = gone ? withoutRow(state.quarantine, id) : withRow(state.quarantine, id, message);
      return { ...state, quarantine };
    }
    case "outbox":
      return { ...state, outbox: message };
    case "unit":
      return { ...state, unit: message };
    case "storage":
      return { ...state, storage: message };
    case "wiped":
      return forget(state);
    default: // beats and waveforms are not state: clock.ts and waves.ts keep them
      return state;
  }
}
