/** One live picture, with what it is: resolution, pace, age; grey and named as soon as it is not live. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { FrameWatch, type PictureFacts } from "../core/freeze.js";
import { type Stale, staleSource } from "../core/fresh.js";
import type { Source } from "../core/messages.js";
import { FrameTimes, type Presented } from "../core/timeline.js";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

const LOOK_MS = 100;

interface PictureProps {
  source: Source;
  stream: MediaStream | null;
  /** The picture that is shown now stays, while what comes goes on beneath. */
  frozen?: boolean;
  /** What receives a track, for those who want to know when each picture was captured. */
  receiver?: ((track: MediaStreamTrack) => RTCRtpReceiver | null) | undefined;
  /** The picture that is on the screen; null where the network does not tell. */
  onShown?: ((shown: Presented | null) => void) | undefined;
}

/** One picture a second more or less is no news. */
const same = (a: PictureFacts, b: PictureFacts | null): boolean =>
  b !== null && a.width === b.width && a.height === b.height && a.frozen === b.frozen && Math.abs(a.fps - b.fps) < 2;

/** Attaches the stream; the element holds nothing of it after it has left the page. */
function useVideo({ stream, receiver, onShown }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const told = useRef({ receiver, onShown });
  told.current = { receiver, onShown };
  const facts = useSignal<PictureFacts | null>(null);
  useEffect(() => {
    const element = video.current;
    if (!element || !stream) return;
    element.srcObject = stream;
    void element.play().catch(() => undefined); // a page in the background plays when it comes forward
    const watch = new FrameWatch(element);
    const times = new FrameTimes();
    const look = (): void => {
      tell(watch, times, stream, told.current);
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

/** When the picture on the screen was captured. */
function tell(watch: FrameWatch, times: FrameTimes, stream: MediaStream, to: Pick<PictureProps, "receiver" | "onShown">) {
  const [track] = stream.getVideoTracks();
  if (!to.onShown || !track) return;
  times.hear((to.receiver?.(track)?.getSynchronizationSources() ?? []) as { rtpTimestamp: number }[]);
  const shown = watch.shown;
  const capture_ms = shown && times.capture(shown.rtp);
  to.onShown(shown && capture_ms !== null ? { capture_ms, at: shown.at } : null);
}

/** A copy of what the video shows at the moment of freezing. */
function useFrozen(video: { current: HTMLVideoElement | null }, frozen: boolean) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const [from, to] = [video.current, canvas.current];
    if (!frozen || !from || !to) return;
    [to.width, to.height] = [from.videoWidth, from.videoHeight];
    to.getContext("2d")?.drawImage(from, 0, 0);
    return () => to.getContext("2d")?.clearRect(0, 0, to.width, to.height);
  }, [frozen, video]);
  return canvas;
}

type Trouble = "unit" | "lost" | "frozen" | "waiting";

/** Why the picture is not live; null where it is. */
function trouble(stale: Stale | null, facts: PictureFacts | null): Trouble | null {
  if (stale !== null) return stale === "unit" ? "unit" : "lost";
  if (!facts || facts.width === 0) return "waiting";
  return facts.frozen ? "frozen" : null;
}

export function Picture(props: PictureProps): JSX.Element {
  const { source, frozen = false } = props;
  const screen = useScreen();
  const { video, facts } = useVideo(props);
  const canvas = useFrozen(video, frozen);
  const why = trouble(staleSource(source, screen.alive.value), facts);
  const state = why === null ? "live" : why === "waiting" ? "waiting" : "stale";
  const now = screen.now.value;
  return (
    <figure class={`picture ${state}`} data-source={source.key} data-state={state}>
      <video ref={video} muted playsInline aria-label={source.name} />
      <canvas ref={canvas} class="picture-frozen" hidden={!frozen} role="img" aria-label={screen.t("shot.frozen")} />
      {why && (
        <p class="picture-why">
          <Icon name={why === "waiting" ? "clock" : "unplug"} />
          {screen.t(`picture.${why}`)}
        </p>
      )}
      <figcaption class="chip">
        <strong>{source.name}</strong>
        {source.side && <span>{screen.t(`shot.${source.side}`)}</span>}
        {source.preroll_s != null && <span>{screen.t("shot.preroll", { n: source.preroll_s })}</span>}
        {frozen && (
          <strong class="notice">
            <Icon name="image" />
            {screen.t("shot.frozen")}
          </strong>
        )}
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
