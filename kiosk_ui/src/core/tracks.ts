/** Which m-line carries what: `hello` on the live channel tells (docs/protocol.md section 4). */

import type { Track } from "./messages.js";
import { parse } from "./parse.js";

/** By source key. */
export type Pictures = ReadonlyMap<string, MediaStream>;

/** Whom one hears, and the face that one sees, in the talk. */
export interface Others {
  voices: readonly MediaStream[];
  face: MediaStream | null;
}

export const NO_PICTURES: Pictures = new Map();
export const NOBODY: Others = { voices: [], face: null };

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
    return new Map([...this.#of("video")].map(([source, track]) => [source, new MediaStream([track])]));
  }

  get others(): Others {
    const [face] = this.#of("face");
    return {
      voices: [...this.#of("voice")].map(([, track]) => new MediaStream([track])),
      face: face ? new MediaStream([face[1]]) : null,
    };
  }

  *#of(kind: Track["kind"]): Generator<[string, MediaStreamTrack]> {
    for (const told of this.#told) {
      const track = this.#byMid.get(told.mid);
      if (told.kind === kind && track) yield [told.source, track];
    }
  }
}
