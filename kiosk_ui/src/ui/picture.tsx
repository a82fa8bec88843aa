/** One live picture, with what it is: resolution, pace, age; grey and named as soon as it is not live. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { FrameWatch, type PictureFacts } from "../core/freeze.js";
import { type Stale, staleSource } from "../core/fresh.js";
import type { Source } from "../core/messages.js";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

const LOOK_MS = 100;

interface PictureProps {
  source: Source;
  stream: MediaStream | null;
}

/** One picture a second more or less is no news. */
const same = (a: PictureFacts, b: PictureFacts | null): boolean =>
  b !== null && a.width === b.width && a.height === b.height && a.frozen === b.frozen && Math.abs(a.fps - b.fps) < 2;

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
    const look = (): void => {
      const next = watch.facts(performance.now());
      if (!same(next, facts.peek())) facts.value = next;
    };
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      watch.stop();
      element.srcObject = null;
      facts.value = null;
    };
  }, [stream, facts]);
  return { video, facts: facts.value };
}

type Trouble = "unit" | "lost" | "frozen" | "waiting";

/** Why the picture is not live; null where it is. */
function trouble(stale: Stale | null, facts: PictureFacts | null): Trouble | null {
  if (stale !== null) return stale === "unit" ? "unit" : "lost";
  if (!facts || facts.width === 0) return "waiting";
  return facts.frozen ? "frozen" : null;
}

export function Picture({ source, stream }: PictureProps): JSX.Element {
  const screen = useScreen();
  const { video, facts } = useVideo(stream);
  const why = trouble(staleSource(source, screen.alive.value), facts);
  const state = why === null ? "live" : why === "waiting" ? "waiting" : "stale";
  const now = screen.now.value;
  return (
    <figure class={`picture ${state}`} data-source={source.key} data-state={state}>
      <video ref={video} muted playsInline aria-label={source.name} />
      {why && (
        <p class="picture-why">
          <Icon name={why === "waiting" ? "clock" : "unplug"} />
          {screen.t(`picture.${why}`)}
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
