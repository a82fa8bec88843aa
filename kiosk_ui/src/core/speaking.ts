/** One's own voice and face in the talk (docs/protocol.md section 4): asked for once, given to every connection. */

export type Kind = "audio" | "video";
/** `refused`: the browser or the person said no; `missing`: there is none, or another program holds it. */
export type Own = "off" | "asking" | "on" | "muted" | "refused" | "missing";
export type Owned = Readonly<Record<Kind, Own>>;

export const NOTHING_OWNED: Owned = { audio: "off", video: "off" };

// The browser knows what its loudspeaker plays: it alone can take the echo away. The stethoscope never comes this way.
const WANTED: Record<Kind, MediaStreamConstraints> = {
  audio: { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } },
  video: { video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 15, max: 30 } } },
};

interface Place {
  of: RTCPeerConnection;
  kind: Kind;
  sender: RTCRtpSender;
}

export class Speaking {
  #changed: (owned: Owned) => void;
  #owned: Owned = NOTHING_OWNED;
  #tracks: Record<Kind, MediaStreamTrack | null> = { audio: null, video: null };
  #places: Place[] = [];
  #stopped = false;

  constructor(changed: (owned: Owned) => void) {
    this.#changed = changed;
  }

  /** A voice goes on or is muted; a face goes on or its camera is let go. */
  async turn(kind: Kind, on: boolean): Promise<void> {
    const track = this.#tracks[kind];
    if (!on) this.#off(kind);
    else if (track) this.#say(kind, (track.enabled = true) && "on");
    else if (this.#owned[kind] !== "asking") await this.#ask(kind);
  }

  /** Where the unit's offer has room for this party's voice and face; between the offer and the answer. */
  join(of: RTCPeerConnection, offer: string): void {
    for (const { mid, kind } of places(offer)) {
      const transceiver = of.getTransceivers().find((one) => one.mid === mid);
      if (!transceiver) continue;
      transceiver.direction = kind === "audio" ? "sendrecv" : "sendonly";
      const place = { of, kind, sender: transceiver.sender };
      this.#places.push(place);
      put(place, this.#tracks[kind]);
    }
  }

  leave(of: RTCPeerConnection): void {
    this.#places = this.#places.filter((place) => place.of !== of);
  }

  /** Nothing of this person is captured any more. */
  stop(): void {
    this.#stopped = true;
    this.#drop("audio");
    this.#drop("video");
    this.#places = [];
  }

  #off(kind: Kind): void {
    const track = this.#tracks[kind];
    if (!track) return;
    if (kind === "audio") {
      track.enabled = false; // it goes on at once, and nobody is asked again
      this.#say(kind, "muted");
    } else {
      this.#drop(kind);
      this.#say(kind, "off");
    }
  }

  async #ask(kind: Kind): Promise<void> {
    this.#say(kind, "asking");
    try {
      const stream = await navigator.mediaDevices.getUserMedia(WANTED[kind]);
      const [track] = stream.getTracks();
      if (!track) throw new Error("a stream without a track");
      if (this.#stopped) return track.stop();
      track.onended = () => this.#lost(kind);
      this.#give(kind, track);
      this.#say(kind, "on");
    } catch (error) {
      this.#say(kind, error instanceof DOMException && error.name === "NotAllowedError" ? "refused" : "missing");
    }
  }

  #lost(kind: Kind): void {
    this.#drop(kind);
    this.#say(kind, "missing");
  }

  #drop(kind: Kind): void {
    const track = this.#tracks[kind];
    if (!track) return;
    track.onended = null;
    track.stop();
    this.#give(kind, null);
  }

  #give(kind: Kind, track: MediaStreamTrack | null): void {
    this.#tracks[kind] = track;
    for (const place of this.#places) if (place.kind === kind) put(place, track);
  }

  #say(kind: Kind, own: Own): void {
    if (this.#stopped) return;
    this.#owned = { ...this.#owned, [kind]: own };
    this.#changed(this.#owned);
  }
}

/** A connection that has ended meanwhile takes nothing. */
const put = (place: Place, track: MediaStreamTrack | null): void =>
  void place.sender.replaceTrack(track).catch(() => undefined);

/** The m-lines of an offer on which its receiver may speak, or show itself. */
function* places(offer: string): Generator<{ mid: string; kind: Kind }> {
  for (const section of offer.split(/^m=/m).slice(1)) {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
    if (mid === undefined) continue;
    if (section.startsWith("audio") && /^a=sendrecv\r?$/m.test(section)) yield { mid, kind: "audio" };
    if (section.startsWith("video") && /^a=recvonly\r?$/m.test(section)) yield { mid, kind: "video" };
  }
}
