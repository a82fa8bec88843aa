/** The viewer's side of the signalling (docs/protocol.md section 3), and the connection that comes of it. */

import { Backoff } from "./backoff.js";
import { Peer, type Speaker } from "./peer.js";
import { Socket } from "./socket.js";
import { Tracks } from "./tracks.js";

/** `refused`: told why, and trying again; `barred`: told why, and trying again makes no sense; `over`: wiped. */
export type Phase = "joining" | "waiting" | "connected" | "lost" | "refused" | "barred" | "over";

export interface Invitation {
  /** `<platform>/viewer`, ws: or wss: */
  url: string;
  consultation: string;
  token: string;
  name: string;
}

export interface CallEvents {
  live: (text: string) => void;
  block: (data: ArrayBuffer) => void;
  control: (text: string) => void;
  tracks: (tracks: Tracks) => void;
  phase: (phase: Phase, code: string | null) => void;
  /** Whether the platform hears the unit. */
  unit: (connected: boolean) => void;
}

const FINAL = new Set(["wrong-token", "no-access"]);
const ENDED = new Set(["closed", "abandoned"]);
const RESTART_MS = 2000; // a connection that says nothing for so long: the unit is asked for another one beside it
const SILENCE_MS = 15000; // and for so long: perhaps the platform does not hear us either
const LOOK_MS = 500;

/** A connection, and its pictures. */
interface Line {
  peer: Peer;
  tracks: Tracks;
}

/**
 * One doctor's call. It begins again by itself; the old connection stays until the new one speaks, so that a platform
 * that restarts does not interrupt what the doctor sees.
 */
export class Call {
  #events: CallEvents;
  #invitation: Invitation;
  #speaker: Speaker | null;
  #socket: Socket;
  #now: Line | null = null;
  #next: Line | null = null;
  #iceServers: RTCIceServer[] = [];
  #phase: Phase = "joining";
  #heard = performance.now();
  #asked = 0;
  #watch: ReturnType<typeof setInterval>;

  constructor(invitation: Invitation, events: CallEvents, speaker: Speaker | null = null) {
    this.#invitation = invitation;
    this.#speaker = speaker;
    this.#events = events;
    this.#socket = new Socket(
      invitation.url,
      { open: () => this.#join(), message: (text) => this.#signal(text), lost: () => this.#signalsLost() },
      { backoff: new Backoff(500, 5000) },
    );
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** False when there is no connection to ask over. */
  control(message: object): boolean {
    return this.#now?.peer.control(message) ?? false;
  }

  /** Tell the platform that the doctor has opened a result. */
  opened(result: string): boolean {
    return this.#socket.send(JSON.stringify({ type: "opened", identifier: `urn:uuid:${result}` }));
  }

  /** What receives a track of the present connection. */
  receiver(track: MediaStreamTrack): RTCRtpReceiver | null {
    return this.#now?.peer.receiver(track) ?? null;
  }

  stop(): void {
    clearInterval(this.#watch);
    this.#socket.stop();
    this.#now?.peer.close();
    this.#next?.peer.close();
    this.#now = this.#next = null;
    this.#events.tracks(new Tracks());
  }

  #tell(phase: Phase, code: string | null = null): void {
    this.#phase = phase;
    this.#events.phase(phase, code);
  }

  #join(): void {
    const { consultation, token, name } = this.#invitation;
    this.#heard = performance.now();
    this.#socket.send(JSON.stringify({ type: "join", protocol: 1, consultation, token, name, role: "doctor" }));
  }

  #signalsLost(): void {
    if (this.#phase === "joining" || this.#phase === "waiting") this.#tell("lost");
  }

  #signal(text: string): void {
    const message = object(text);
    if (!message) return;
    if (message["type"] === "joined") this.#joined(message);
    else if (message["type"] === "error") this.#refused(String(message["code"]));
    else if (message["type"] === "unit") this.#events.unit(message["connected"] === true);
    else if (message["type"] === "consultation" && ENDED.has(String(message["state"]))) this.#over();
    else if (message["type"] === "peer.closed") this.#close();
    else if (message["type"] === "signal") void this.#negotiate(message);
  }

  #joined(message: Record<string, unknown>): void {
    this.#iceServers = Array.isArray(message["ice_servers"]) ? (message["ice_servers"] as RTCIceServer[]) : [];
    if (!this.#now) this.#tell("waiting");
  }

  #refused(code: string): void {
    if (!FINAL.has(code)) return this.#now ? undefined : this.#tell("refused", code); // what is connected stays so
    this.stop();
    this.#tell("barred", code);
  }

  #over(): void {
    this.stop();
    this.#tell("over");
  }

  async #negotiate(message: Record<string, unknown>): Promise<void> {
    const { description, candidate } = message;
    if (!isObject(description))
      return (this.#next ?? this.#now)?.peer.candidate((candidate ?? null) as RTCIceCandidateInit | null);
    this.#next?.peer.close();
    const line = (this.#next = this.#open());
    try {
      const answer = await line.peer.answer(description as unknown as RTCSessionDescriptionInit);
      this.#socket.send(JSON.stringify({ type: "signal", description: answer }));
    } catch {
      this.#lost(line); // an offer that cannot be read: the next one may be better
    }
  }

  #open(): Line {
    const tracks = new Tracks();
    const events = {
      live: (text: string): void => this.#live(line, text),
      waves: (text: string): void => void (line === this.#now && this.#events.live(text)),
      stethoscope: (data: ArrayBuffer): void => void (line === this.#now && this.#events.block(data)),
      control: (text: string): void => void (line === this.#now && this.#events.control(text)),
      track: (mid: string, track: MediaStreamTrack): void => {
        tracks.add(mid, track);
        if (line === this.#now) this.#events.tracks(tracks);
      },
      candidate: (candidate: RTCIceCandidateInit | null): void => void this.#socket.send(JSON.stringify({ type: "signal", candidate })),
      state: (state: RTCPeerConnectionState): void => {
        if (state === "failed" && line === this.#now) void this.#restart(line);
        else if (state === "failed" || state === "closed") this.#lost(line);
      },
    };
    const line: Line = { peer: new Peer(this.#iceServers, events, this.#speaker), tracks };
    return line;
  }

  /** The first word of a new connection ends the old one. */
  #live(line: Line, text: string): void {
    if (line === this.#next) {
      this.#now?.peer.close();
      this.#now = line;
      this.#next = null;
      this.#tell("connected");
    }
    if (line !== this.#now) return;
    this.#heard = performance.now();
    if (this.#phase === "lost") this.#tell("connected"); // it came back by itself
    this.#events.live(text);
    if (line.tracks.hear(text)) this.#events.tracks(line.tracks);
  }

  #lost(line: Line): void {
    line.peer.close();
    if (line === this.#next) this.#next = null;
    if (line !== this.#now) return;
    this.#now = null;
    this.#events.tracks(new Tracks());
    this.#again();
  }

  /** The unit ended the connection. */
  #close(): void {
    if (this.#now) this.#lost(this.#now);
  }

  #again(): void {
    this.#heard = performance.now();
    this.#tell("lost");
    this.#socket.again();
  }

  /** The old connection stays, and may yet speak; the unit answers with an offer of another one. */
  async #restart(line: Line): Promise<void> {
    this.#asked = performance.now();
    if (this.#phase !== "lost") this.#tell("lost");
    const description = await line.peer.restart();
    if (description && line === this.#now) this.#socket.send(JSON.stringify({ type: "signal", description }));
  }

  /** Silence on a connection that calls itself connected, or an offer that never came. */
  #look(): void {
    const now = performance.now();
    if (!this.#socket.open) return;
    if (now - this.#heard > SILENCE_MS) this.#again();
    else if (this.#now && now - Math.max(this.#heard, this.#asked) > RESTART_MS) void this.#restart(this.#now);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function object(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
