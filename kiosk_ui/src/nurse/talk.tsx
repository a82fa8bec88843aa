/** The room's part in the talk: it begins by itself when the doctor is there, and ends with the consultation. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Nearby } from "../core/nearby.js";
import { NOTHING_OWNED, Speaking } from "../core/speaking.js";
import { NOBODY } from "../core/tracks.js";
import { useScreen } from "../ui/screen.js";
import { Face, Own, Voices } from "../ui/talk.js";
import { useKiosk } from "./kiosk-context.js";

function useTalk() {
  const { api } = useKiosk();
  const owned = useSignal(NOTHING_OWNED);
  const others = useSignal(NOBODY);
  const speaking = useMemo(() => new Speaking((next) => (owned.value = next)), [owned]);
  useEffect(() => {
    const nearby = new Nearby(api.talk, (tracks) => (others.value = tracks.others), { speaker: speaking });
    void speaking.turn("audio", true);
    return () => {
      nearby.stop();
      speaking.stop();
    };
  }, [api, speaking, others]);
  return { speaking, owned: owned.value, others: others.value };
}

/** Drawn while the doctor is there. */
export function Talk(): JSX.Element {
  const screen = useScreen();
  const { speaking, owned, others } = useTalk();
  const quiet = screen.state.value.auscultation?.quiet ?? false;
  return (
    <section class="talk" aria-label={screen.t("talk.title")} data-voices={others.voices.length}>
      <Face stream={others.face} />
      <Own speaking={speaking} owned={owned} kind="audio" quiet={quiet} />
      <Voices voices={others.voices} />
    </section>
  );
}
