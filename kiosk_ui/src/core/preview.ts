/** What the doctor sees, on the kiosk: a WebRTC connection with the unit itself, by way of its API. */

import type { Api } from "./api.js";
import { Backoff } from "./backoff.js";
import { Peer } from "./peer.js";
import { NO_PICTURES, type Pictures, Tracks } from "./tracks.js";

const SILENCE_MS = 3000; // twelve beats: a unit that was restarted does not say goodbye
const LOOK_MS = 500;

const ignore = (): void => undefined;

export class Preview {
  #api: Api;
  #changed: (pictures: Pictures) => void;
  #block: (data: ArrayBuffer) => void;
  #peer: Peer | null = null;
  #name: string | null = null;
  #backoff = new Backoff(500, 8000);
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval>;
  #heard = 0;
  #stopped = false;

  /** `changed`: the pictures, each time one comes or all go. `block`: of the stethoscope's sound, as it came. */
  constructor(api: Api, changed: (pictures: Pictures) => void, block: (data: ArrayBuffer) => void = ignore) {
    this.#api = api;
    this.#changed = changed;
    this.#block = block;
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
      const { peer: name, description } = await this.#api.preview();
      if (this.#stopped) return void this.#api.endPreview(name).catch(ignore);
      this.#name = name;
      peer = this.#peer = this.#open();
      await this.#api.answerPreview(name, await peer.wholeAnswer(description));
    } catch {
      if (peer === this.#peer) this.#again(); // else it was given up already
    }
  }

  #open(): Peer {
    const tracks = new Tracks();
    const show = (): void => this.#changed(tracks.pictures);
    this.#heard = performance.now();
    const peer = new Peer([], {
      live: (text) => {
        this.#heard = performance.now();
        if (tracks.hear(text)) show();
      },
      waves: ignore,
      stethoscope: (data) => this.#block(data),
      control: ignore,
      track: (mid, track) => {
        tracks.add(mid, track);
        show();
      },
      state: (state) => {
        if (state === "connected") this.#backoff.worked();
        if (state === "failed" || state === "closed") this.#again();
      },
    });
    return peer;
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
    if (this.#name !== null) void this.#api.endPreview(this.#name).catch(ignore);
    this.#name = null;
    this.#changed(NO_PICTURES);
  }
}
