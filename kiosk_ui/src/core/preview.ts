/** What the doctor sees, on the kiosk: a WebRTC connection with the unit itself, by way of its API. */

import type { Api } from "./api.js";
import { Backoff } from "./backoff.js";
import type { Pictures } from "./call.js";
import { parse, type Track } from "./messages.js";
import { Peer } from "./peer.js";

export class Preview {
  #api: Api;
  #changed: (pictures: Pictures) => void;
  #peer: Peer | null = null;
  #name: string | null = null;
  #tracks: Track[] = [];
  #byMid = new Map<string, MediaStreamTrack>();
  #backoff = new Backoff(500, 8000);
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** `changed`: the pictures by source key, each time one comes or all go. */
  constructor(api: Api, changed: (pictures: Pictures) => void) {
    this.#api = api;
    this.#changed = changed;
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#end();
  }

  async #begin(): Promise<void> {
    try {
      const { peer: name, description } = await this.#api.preview();
      if (this.#stopped) return void this.#api.endPreview(name).catch(() => undefined);
      this.#name = name;
      const peer = this.#open();
      await this.#api.answerPreview(name, await peer.wholeAnswer(description));
    } catch {
      this.#again();
    }
  }

  #open(): Peer {
    const ignore = (): void => undefined;
    const peer = new Peer([], {
      live: (text) => this.#live(text),
      waves: ignore,
      stethoscope: ignore,
      control: ignore,
      track: (mid, track) => {
        this.#byMid.set(mid, track);
        this.#tell();
      },
      state: (state) => {
        if (state === "connected") this.#backoff.worked();
        if (state === "failed" || state === "closed") this.#again();
      },
    });
    this.#peer = peer;
    return peer;
  }

  #live(text: string): void {
    const message = parse(text);
    if (message?.type !== "hello") return;
    this.#tracks = message.tracks ?? [];
    this.#tell();
  }

  #tell(): void {
    const pictures = new Map<string, MediaStream>();
    for (const { mid, source, kind } of this.#tracks) {
      const track = this.#byMid.get(mid);
      if (kind === "video" && track) pictures.set(source, new MediaStream([track]));
    }
    this.#changed(pictures);
  }

  #again(): void {
    this.#end();
    if (!this.#stopped) this.#retry = setTimeout(() => void this.#begin(), this.#backoff.next());
  }

  #end(): void {
    clearTimeout(this.#retry);
    this.#peer?.close();
    this.#peer = null;
    if (this.#name !== null) void this.#api.endPreview(this.#name).catch(() => undefined);
    this.#name = null;
    this.#tracks = [];
    this.#byMid.clear();
    this.#changed(new Map());
  }
}
