/** The doctor's part in the talk: microphone and camera are off until the doctor turns them on. */

import type { JSX } from "preact";
import { useScreen } from "../ui/screen.js";
import { Own, Voices } from "../ui/talk.js";
import { useConsulting } from "./consulting.js";

export function Talk(): JSX.Element {
  const screen = useScreen();
  const { speaking, owned, others } = useConsulting();
  const quiet = screen.state.value.auscultation?.quiet ?? false;
  return (
    <section class="talk" aria-label={screen.t("talk.title")} data-voices={others.value.voices.length}>
      <Own speaking={speaking} owned={owned.value} kind="audio" quiet={quiet} />
      <Own speaking={speaking} owned={owned.value} kind="video" />
      <Voices voices={others.value.voices} />
    </section>
  );
}
