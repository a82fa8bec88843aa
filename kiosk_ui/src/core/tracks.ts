/** Which m-line carries which picture: `hello` on the live channel tells (docs/protocol.md section 4). */

import type { Track } from "./messages.js";
import { parse } from "./parse.js";

/** By source key. */
export type Pictures = ReadonlyMap<string, MediaStream>;

export const NO_PICTURES: Pictures = new Map();

export class Tracks {
  #told: Track[] = [];
  #byMid = new Map<string, MediaStreamTrack>();

  /** Any text of the live channel; true when it was `hello`. */
  hear(text: string): boolean {
    if (!text.includes('"hello"')) return false; // four beats a second need not be read twice
    const message = parse(text);
    if (message?.type !== "hello") return false;
    this.#told = message.tracks ?? [];
    return true;
  }

  add(mid: string, track: MediaStreamTrack): void {
    this.#byMid.set(mid, track);
  }

  get pictures(): Pictures {
    const pictures = new Map<string, MediaStream>();
    for (const { mid, source, kind } of this.#told) {
      const track = this.#byMid.get(mid);
      if (kind === "video" && track) pictures.set(source, new MediaStream([track]));
    }
    return pictures;
  }
}
