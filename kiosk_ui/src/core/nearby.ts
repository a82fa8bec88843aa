/** The kiosk's WebRTC connection with the unit itself, by way of its API: what the doctor sees, or the talk. */

import type { Door } from "./api.js";
import { Backoff } from "./backoff.js";
import { Peer, type Speaker } from "./peer.js";
import { Tracks } from "./tracks.js";

const SILENCE_MS = 3000; // twelve beats: a unit that was restarted does not say goodbye
const LOOK_MS = 500;

const ignore = (): void => undefined;

interface Options {
  /** A block of the stethoscope's sound, as it came. */
  block?: (data: ArrayBuffer) => void;
  speaker?: Speaker;
}

export class Nearby {
  #door: Door;
  #changed: (tracks: Tracks) => void;
  #options: Options;
  #peer: Peer | null = null;
  #name: string | null = null;
  #backoff = new Backoff(500, 8000);
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval>;
  #heard = 0;
  #stopped = false;

  /** `changed`: what comes, each time something is new or all is gone. */
  constructor(door: Door, changed: (tracks: Tracks) => void, options: Options = {}) {
    this.#door = door;
    this.#changed = changed;
    this.#options = options;
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#watch);
    this.#end();
  }

  async #begin(): Promise<void> {
    let peer: Peer | null = null;
    try {
      const { peer: name, description } = await this.#door.offer();
      if (this.#stopped) return void this.#door.end(name).catch(ignore);
      this.#name = name;
      peer = this.#peer = this.#open();
      await this.#door.answer(name, await peer.wholeAnswer(description));
    } catch {
      if (peer === this.#peer) this.#again(); // else it was given up already
    }
  }

  #open(): Peer {
    const tracks = new Tracks();
    const show = (): void => this.#changed(tracks);
    this.#heard = performance.now();
    const events = {
      live: (text: string): void => {
        this.#heard = performance.now();
        if (tracks.hear(text)) show();
      },
      waves: ignore,
      stethoscope: this.#options.block ?? ignore,
      control: ignore,
      track: (mid: string, track: MediaStreamTrack): void => {
        tracks.add(mid, track);
        show();
      },
      state: (state: RTCPeerConnectionState): void => {
        if (state === "connected") this.#backoff.worked();
        if (state === "failed" || state === "closed") this.#again();
      },
    };
    return new Peer([], events, this.#options.speaker);
  }

  #look(): void {
    if (this.#peer && performance.now() - this.#heard > SILENCE_MS) this.#again();
  }

  #again(): void {
    this.#end();
    if (!this.#stopped) this.#retry = setTimeout(() => void this.#begin(), this.#backoff.next());
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#peer?.close();
    this.#peer = null;
    if (this.#name !== null) void this.#door.end(this.#name).catch(ignore);
    this.#name = null;
    this.#changed(new Tracks());
  }
}
