/** The talk on a screen, the same for the room and the doctor: the others' voices and face, one's own microphone. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Kind, Owned, Speaking } from "../core/speaking.js";
import { Button } from "./button.js";
import { Line } from "./line.js";
import { useScreen } from "./screen.js";

const ICONS = { audio: ["mic", "mic-off"], video: ["video", "video-off"] } as const;

interface VoiceProps {
  stream: MediaStream;
  /** The browser lets no sound out before a touch. */
  onBlocked: () => void;
}

function Voice({ stream, onBlocked }: VoiceProps): JSX.Element {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const element = audio.current;
    if (!element) return;
    element.srcObject = stream;
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked();
    });
    return () => void (element.srcObject = null);
  }, [stream, onBlocked]);
  return <audio ref={audio} />;
}

/** All whom one hears. */
export function Voices({ voices }: { voices: readonly MediaStream[] }): JSX.Element {
  const { t } = useScreen();
  const blocked = useSignal(false);
  const touched = useSignal(0);
  const block = useRef(() => void (blocked.value = true)).current;
  const hear = (): void => {
    blocked.value = false;
    touched.value += 1;
  };
  return (
    <>
      {voices.map((stream) => (
        <Voice stream={stream} onBlocked={block} key={`${stream.id} ${touched.value}`} />
      ))}
      {blocked.value && (
        <Button icon="volume-2" primary onClick={hear}>
          {t("talk.blocked")}
        </Button>
      )}
    </>
  );
}

/** The face that one sees; nothing while none is shown. */
export function Face({ stream }: { stream: MediaStream | null }): JSX.Element | null {
  const { t } = useScreen();
  const video = useRef<HTMLVideoElement>(null);
  const seen = useSignal(false);
  useEffect(() => {
    const element = video.current;
    if (!element || !stream) return;
    element.srcObject = stream;
    void element.play().catch(() => undefined);
    return () => void (element.srcObject = null);
  }, [stream]);
  if (!stream) return null;
  const shown = (): void => void (seen.value = true);
  return <video class="face" ref={video} muted playsInline hidden={!seen.value} onResize={shown} aria-label={t("talk.face")} />;
}

interface OwnProps {
  speaking: Speaking;
  owned: Owned;
  kind: Kind;
  /** Nobody hears it whatever the microphone does. */
  quiet?: boolean;
}

/** One's own microphone or camera: what it does now, and one touch to change it. */
export function Own({ speaking, owned, kind, quiet = false }: OwnProps): JSX.Element {
  const { t } = useScreen();
  const own = owned[kind];
  const on = own === "on";
  const wrong = own === "refused" || own === "missing";
  return (
    <div class="own" data-own={`${kind}-${own}`}>
      <Button
        icon={ICONS[kind][on ? 0 : 1]}
        pressed={on}
        disabled={own === "asking"}
        onClick={() => void speaking.turn(kind, !on)}
      >
        {t(`talk.${kind}-${on ? "on" : "off"}`)}
      </Button>
      {wrong && (
        <Line weight="notice" icon="triangle-alert">
          {t(`talk.${kind}-${own}`)}
        </Line>
      )}
      {on && quiet && (
        <Line weight="hint" icon="bell-off">
          {t("talk.quiet")}
        </Line>
      )}
    </div>
  );
}
