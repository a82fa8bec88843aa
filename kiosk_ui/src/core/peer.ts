/** One WebRTC connection with the unit, which offers (docs/protocol.md section 4). */

import type { Speaking } from "./speaking.js";

export interface PeerEvents {
  live: (text: string) => void;
  waves: (text: string) => void;
  stethoscope: (data: ArrayBuffer) => void;
  control: (text: string) => void;
  track: (mid: string, track: MediaStreamTrack) => void;
  /** Own candidates, for whoever relays them; null: that was the last. */
  candidate?: (candidate: RTCIceCandidateInit | null) => void;
  state?: (state: RTCPeerConnectionState) => void;
}

/** Who speaks over the connection. */
export type Speaker = Pick<Speaking, "join" | "leave">;

const MOST_EARLY_CANDIDATES = 64;
const GATHER_LIMIT_MS = 2000;

export class Peer {
  #pc: RTCPeerConnection;
  #events: PeerEvents;
  #speaker: Speaker | null;
  #control: RTCDataChannel | null = null;
  #early: (RTCIceCandidateInit | null)[] = [];

  constructor(iceServers: RTCIceServer[], events: PeerEvents, speaker: Speaker | null = null) {
    this.#events = events;
    this.#speaker = speaker;
    this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.#pc.ondatachannel = (event) => this.#channel(event.channel);
    this.#pc.onicecandidate = (event) => events.candidate?.(event.candidate?.toJSON() ?? null);
    this.#pc.onconnectionstatechange = () => events.state?.(this.#pc.connectionState);
    this.#pc.ontrack = ({ receiver, transceiver, track }) => {
      receiver.jitterBufferTarget = 0; // a doctor who guides a hand needs now, not smooth
      if (transceiver.mid !== null) events.track(transceiver.mid, track);
    };
  }

  /** What receives a track; null where it is not of this connection. */
  receiver(track: MediaStreamTrack): RTCRtpReceiver | null {
    return this.#pc.getReceivers().find((one) => one.track === track) ?? null;
  }

  get state(): RTCPeerConnectionState {
    return this.#pc.connectionState;
  }

  /** The answer to the unit's offer. */
  async answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    await this.#pc.setRemoteDescription(offer);
    this.#speaker?.join(this.#pc, offer.sdp ?? "");
    const early = this.#early.splice(0);
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    for (const candidate of early) await this.candidate(candidate);
    return this.#described();
  }

  /** The answer with all candidates in it, for a way without trickle. */
  async wholeAnswer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit> {
    await this.answer(offer);
    await this.#gathered();
    return this.#described();
  }

  /** What asks the unit for another connection: an offer to restart ICE, which it answers with an offer of its own. */
  async restart(): Promise<RTCSessionDescriptionInit | null> {
    if (this.#pc.signalingState !== "stable") return null;
    const { type, sdp } = await this.#pc.createOffer({ iceRestart: true });
    return { type, sdp: sdp ?? "" };
  }

  /** A candidate of the unit's. One that cannot be read is not the end of the others. */
  async candidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    if (this.#pc.signalingState === "closed") return;
    if (!this.#pc.remoteDescription) {
      if (this.#early.length < MOST_EARLY_CANDIDATES) this.#early.push(candidate);
      return;
    }
    await this.#pc.addIceCandidate(candidate ?? undefined).catch(() => undefined);
  }

  /** False when the channel is not open. */
  control(message: object): boolean {
    if (this.#control?.readyState !== "open") return false;
    this.#control.send(JSON.stringify(message));
    return true;
  }

  close(): void {
    this.#speaker?.leave(this.#pc);
    for (const receiver of this.#pc.getReceivers()) receiver.track.stop();
    this.#pc.ondatachannel = this.#pc.onicecandidate = this.#pc.onconnectionstatechange = this.#pc.ontrack = null;
    this.#pc.close();
  }

  #described(): RTCSessionDescriptionInit {
    const { type, sdp } = this.#pc.localDescription ?? { type: "answer" as const, sdp: "" };
    return { type, sdp };
  }

  #channel(channel: RTCDataChannel): void {
    channel.binaryType = "arraybuffer";
    if (channel.label === "control") this.#control = channel;
    channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#take(channel.label, data);
  }

  #take(label: string, data: string | ArrayBuffer): void {
    if (label === "stethoscope") {
      if (typeof data !== "string") this.#events.stethoscope(data);
    } else if (typeof data === "string") {
      if (label === "live") this.#events.live(data);
      if (label === "waves") this.#events.waves(data);
      if (label === "control") this.#events.control(data);
    }
  }

  async #gathered(): Promise<void> {
    if (this.#pc.iceGatheringState === "complete") return;
    await new Promise<void>((done) => {
      const limit = setTimeout(done, GATHER_LIMIT_MS);
      this.#pc.addEventListener("icegatheringstatechange", () => {
        if (this.#pc.iceGatheringState !== "complete") return;
        clearTimeout(limit);
        done();
      });
    });
  }
}
