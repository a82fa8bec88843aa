/** One live picture, with what it is: resolution, pace, age; grey and named as soon as it is not live. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { FrameWatch, type PictureFacts } from "../core/freeze.js";
import { staleSource } from "../core/fresh.js";
import type { Source } from "../core/messages.js";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

const LOOK_MS = 100;

interface PictureProps {
  source: Source;
  stream: MediaStream | null;
}

/** Attaches the stream; the element holds nothing of it after it has left the page. */
function useVideo(stream: MediaStream | null) {
  const video = useRef<HTMLVideoElement>(null);
  const facts = useSignal<PictureFacts | null>(null);
  useEffect(() => {
    const element = video.current;
    if (!element || !stream) return;
    element.srcObject = stream;
    void element.play().catch(() => undefined); // a page in the background plays when it comes forward
    const watch = new FrameWatch(element);
    const timer = setInterval(() => (facts.value = watch.facts(performance.now())), LOOK_MS);
    return () => {
      clearInterval(timer);
      watch.stop();
      element.srcObject = null;
      facts.value = null;
    };
  }, [stream, facts]);
  return { video, facts: facts.value };
}

export function Picture({ source, stream }: PictureProps): JSX.Element {
  const screen = useScreen();
  const { video, facts } = useVideo(stream);
  const stale = staleSource(source, screen.alive.value);
  const why = stale === "unit" ? "picture.unit" : stale ? "picture.lost" : !stream || !facts || facts.fps === 0 && facts.frozen ? "picture.waiting" : null;
  const frozen = stale === null && facts !== null && facts.width > 0 && facts.frozen;
  const now = screen.now.value;
  return (
    <figure class={`picture ${stale || frozen ? "stale" : ""}`} data-source={source.key} data-state={stale || frozen ? "stale" : why ? "waiting" : "live"}>
      <video ref={video} muted playsInline aria-label={source.name} />
      {(why || frozen) && (
        <p class="picture-why">
          <Icon name={why === "picture.waiting" && !frozen ? "clock" : "unplug"} />
          {screen.t(frozen ? "picture.frozen" : (why ?? "picture.waiting"))}
        </p>
      )}
      <figcaption class="chip">
        <strong>{source.name}</strong>
        {facts && facts.width > 0 && (
          <span dir="ltr">
            {facts.width}×{facts.height} · {screen.t("picture.fps", { n: facts.fps })}
          </span>
        )}
        {source.at_ms != null && now !== null && <span>{screen.age(now - source.at_ms)}</span>}
      </figcaption>
    </figure>
  );
}
