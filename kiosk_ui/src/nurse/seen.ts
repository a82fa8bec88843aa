/** What the doctor sees and hears, on the kiosk: one connection for the whole consultation, forgotten with it. */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Api } from "../core/api.js";
import { Nearby } from "../core/nearby.js";
import { intact, parseBlock } from "../core/sound/block.js";
import { StethoscopeReceiver } from "../core/sound/receiver.js";
import { NO_PICTURES, type Pictures } from "../core/tracks.js";

export interface Seen {
  pictures: Signal<Pictures>;
  sound: StethoscopeReceiver;
}

export function useSeen(api: Api): Seen {
  const seen = useMemo<Seen>(() => ({ pictures: signal(NO_PICTURES), sound: new StethoscopeReceiver() }), []);
  useEffect(() => {
    const take = async (data: ArrayBuffer): Promise<void> => {
      const block = parseBlock(data);
      seen.sound.put(block, block && (await intact(block)));
    };
    const preview = new Nearby(api.preview, (tracks) => (seen.pictures.value = tracks.pictures), {
      block: (data) => void take(data),
    });
    return () => {
      preview.stop();
      seen.sound.forget();
    };
  }, [api, seen]);
  return seen;
}
