/** The unit's own interface (docs/api.md), with time limits and errors that say what to do. */

import type { Sex } from "./messages.js";

/** What the unit answered instead of doing it. `code` chooses the sentence, `message` is the unit's own. */
export class ApiError extends Error {
  readonly code: string;
  readonly got: string | null;
  readonly wanted: string | null;
  readonly status: number;

  constructor(status: number, code: string, message: string, got: string | null, wanted: string | null) {
    super(message);
    this.status = status;
    this.code = code;
    this.got = got;
    this.wanted = wanted;
  }
}

export interface Check {
  name: string;
  state: "ok" | "warn" | "fail";
  detail: string;
}

export interface Health {
  status: "ok" | "degraded";
  ready: boolean;
  unit: string;
  software: string;
  checks: Check[];
}

export interface Typed {
  birth_name: string;
  given_names: string;
  birth_date: string;
  sex: Sex;
}

/** Whose a quarantined reading is: who says so, why, and what was checked again for it. */
export interface Claim {
  reading: string;
  checked: string[];
  by: string;
  reason: string;
  other_consultation: boolean;
}

/** `GET /api/login`: `off` where the unit asks for none. `why`: how the last one ended. */
export interface LoginState {
  state: "off" | "out" | "asking" | "choosing" | "in" | "locked";
  name?: string | null;
  why?: string | null;
  tries?: number;
  code?: { user_code: string; address: string; complete: string; left_s: number; qr: string } | null;
}

export type LoginAct = "begin" | "lock" | "end";

/** A question to a specialist, how far it is and what was answered. */
export interface Dossier {
  id: string;
  consultation: string;
  at: string;
  question: string;
  urgency: string;
  state: "requested" | "accepted" | "refused" | "answered";
  delivery: "stored" | "persisted" | "refused";
  answers: { state: string; at: string; by: string; text: string }[];
}

/** One appointment of `GET /api/worklist`; its traits are the platform's, to be confirmed. */
export interface Expected extends Typed {
  id: string;
  at: string;
  reason: string | null;
}

export interface Worklist {
  entries: Expected[];
  /** Appointments that the unit could not understand. */
  unreadable: number;
}

/** One line of `POST /api/precheck`. */
export interface Checked {
  what: string;
  key: string;
  name: string;
  kind: string;
  state: "ok" | "warn" | "fail";
  code: string;
  n: number | null;
}

export interface SimulatedDevice {
  key: string;
  plugged: boolean;
  recordings: string[];
}

export interface Simulator {
  devices: SimulatedDevice[];
  /** The sound that the stethoscope plays now. */
  sound?: string | null;
}

/** `GET /api/unknown`: the drivers that may be assigned to a port, and the devices that may be forgotten. */
export interface Assignable {
  drivers: { name: string; kind: string }[];
  added: string[];
}

/** The way to a WebRTC connection with the unit itself: its offer, one's answer, the end. */
export interface Door {
  offer: () => Promise<{ peer: string; description: RTCSessionDescriptionInit }>;
  answer: (peer: string, answer: RTCSessionDescriptionInit) => Promise<unknown>;
  end: (peer: string) => Promise<unknown>;
}

const TIME_LIMIT_MS = 10_000;
const LIMIT_OF_PLATFORM_MS = 32_000; // the unit waits so long for it
const LIMIT_OF_PRECHECK_MS = 20_000;
const LIMIT_OF_CLIP_MS = 35_000; // it is made when it is asked for

const words = (value: unknown): string | null =>
  value === undefined || value === null ? null : typeof value === "string" ? value : JSON.stringify(value);

async function refusal(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  const code = words(body["error"]) ?? `http-${response.status}`;
  return new ApiError(response.status, code, words(body["message"]) ?? "", words(body["got"]), words(body["wanted"]));
}

export class Api {
  #base: string;

  constructor(base = "") {
    this.#base = base;
  }

  assignable = (): Promise<Assignable> => this.#call("GET", "/api/unknown");
  assign = (unknown: string, driver: string, name: string): Promise<unknown> =>
    this.#call("POST", "/api/devices", { unknown, driver, ...(name ? { name } : {}) });
  forget = (key: string): Promise<unknown> => this.#call("DELETE", `/api/devices/${encodeURIComponent(key)}`);
  again = (key: string): Promise<unknown> => this.#call("POST", `/api/devices/${encodeURIComponent(key)}/again`, {});
  login = (): Promise<LoginState> => this.#call("GET", "/api/login");
  loginAct = (act: LoginAct): Promise<LoginState> => this.#call("POST", `/api/login/${act}`, {});
  pin = (pin: string): Promise<LoginState> => this.#call("POST", "/api/login/pin", { pin });
  touch = (): Promise<unknown> => this.#call("POST", "/api/login/touch", {});
  health = (): Promise<Health> => this.#call("GET", "/api/health");
  worklist = (): Promise<Worklist> => this.#call("GET", "/api/worklist", undefined, LIMIT_OF_PLATFORM_MS);
  begin = (entry: string): Promise<unknown> =>
    this.#call("POST", "/api/worklist", { entry }, LIMIT_OF_PLATFORM_MS);
  precheck = (): Promise<{ took_ms: number; items: Checked[] }> =>
    this.#call("POST", "/api/precheck", {}, LIMIT_OF_PRECHECK_MS);
  open = (): Promise<unknown> => this.#call("POST", "/api/consultations", {});
  identify = (id: string, typed: Typed): Promise<unknown> => this.#act(id, "patient", { typed });
  identifyByCode = (id: string, datamatrix: string): Promise<unknown> => this.#act(id, "patient", { datamatrix });
  confirm = (id: string, checked: string[], homonymSeen = false): Promise<unknown> =>
    this.#act(id, "patient/confirm", { checked, ...(homonymSeen ? { homonym_seen: true } : {}) });
  claim = (id: string, claim: Claim): Promise<unknown> => this.#act(id, "assignments", claim);
  consent = (id: string, given: boolean, by: string, language: string, version: string): Promise<unknown> =>
    this.#act(id, "consent", { given, by, language, version });
  lease = (id: string, device: string): Promise<unknown> => this.#act(id, "leases", { device });
  release = (id: string, device: string): Promise<unknown> =>
    this.#call("DELETE", `${this.#of(id)}/leases/${encodeURIComponent(device)}`);
  keep = (id: string, device: string): Promise<unknown> => this.#act(id, "results", { keep: device });
  manual = (id: string, manual: { metric: string; value: string; unit: string; reason: string }): Promise<unknown> =>
    this.#act(id, "results", { manual });
  strike = (id: string, result: string, reason: string): Promise<unknown> =>
    this.#act(id, `results/${encodeURIComponent(result)}/strike`, { reason });
  still = (id: string, source: string): Promise<unknown> => this.#act(id, "stills", { source });
  clip = (id: string, source: string): Promise<unknown> =>
    this.#call("POST", `${this.#of(id)}/clips`, { source }, LIMIT_OF_CLIP_MS);
  view = (id: string, source: string, side: "left" | "right" | null, zoom: number | null): Promise<unknown> =>
    this.#act(id, "view", { source, side, zoom });
  auscultation = (id: string, act: string, site?: string): Promise<unknown> =>
    this.#act(id, "auscultation", { act, ...(site ? { site } : {}) });
  dossiers = (): Promise<{ dossiers: Dossier[] }> => this.#call("GET", "/api/dossiers");
  ask = (id: string, question: string, urgency: string, name: string): Promise<unknown> =>
    this.#act(id, "dossiers", { question, urgency, by: { name } });
  acknowledge = (id: string, what: string, by: string): Promise<unknown> =>
    this.#act(id, "acknowledgements", { what, by });
  review = (id: string): Promise<unknown> => this.#act(id, "review", {});
  resume = (id: string): Promise<unknown> => this.#act(id, "resume", {});
  close = (id: string): Promise<unknown> => this.#act(id, "close", {});
  abandon = (id: string, reason: string): Promise<unknown> => this.#act(id, "abandon", { reason });

  /** What the doctor sees and hears of the instruments. */
  preview = this.#door("/api/preview");
  /** The room's part in the talk with the doctor. */
  talk = this.#door("/api/talk");

  /** Null on a real unit. */
  async simulator(): Promise<Simulator | null> {
    try {
      return await this.#call<Simulator>("GET", "/api/simulator");
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  simulate = (device: string, action: "stop" | "start" | "play", recording?: string): Promise<unknown> =>
    this.#call("POST", `/api/simulator/${encodeURIComponent(device)}`, { action, ...(recording ? { recording } : {}) });

  /** The bytes of a still or a sound; never kept by the browser. */
  async object(result: string): Promise<Blob> {
    return (await this.#fetch("GET", `/api/results/${encodeURIComponent(result)}/object`)).blob();
  }

  #door(path: string): Door {
    const of = (peer: string): string => `${path}/${encodeURIComponent(peer)}`;
    return {
      offer: () => this.#call("POST", path, {}),
      answer: (peer, answer) => this.#call("POST", of(peer), answer),
      end: (peer) => this.#call("DELETE", of(peer)),
    };
  }

  #of(id: string): string {
    return `/api/consultations/${encodeURIComponent(id)}`;
  }

  #act(id: string, what: string, body: object): Promise<unknown> {
    return this.#call("POST", `${this.#of(id)}/${what}`, body);
  }

  async #call<T>(method: string, path: string, body?: object, limit = TIME_LIMIT_MS): Promise<T> {
    const response = await this.#fetch(method, path, body, limit);
    const text = await response.text();
    return (text ? JSON.parse(text) : null) as T;
  }

  async #fetch(method: string, path: string, body?: object, limit = TIME_LIMIT_MS): Promise<Response> {
    const response = await fetch(this.#base + path, {
      method,
      cache: "no-store",
      signal: AbortSignal.timeout(limit),
      ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
    }).catch((cause: unknown) => {
      throw new ApiError(0, "unit-unreachable", cause instanceof Error ? cause.message : "", null, null);
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }
}
