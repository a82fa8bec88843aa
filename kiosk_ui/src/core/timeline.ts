/** Which instant of the unit's clock a shown picture is of: RTP time and capture time, paired by the network's packets. */

const CLOCK = 90; // RTP ticks a millisecond (RFC 6184, RFC 7741)
const TURN = 2 ** 32;

export interface Paired {
  rtpTimestamp: number;
  /** abs-capture-time, which the unit gives in its own clock, ms (docs/protocol.md section 4). */
  captureTimestamp?: number;
}

/** One track. Any of its packets tells the pairing, since the unit's RTP time is made of the capture itself. */
export class FrameTimes {
  #pair: { rtp: number; capture_ms: number } | null = null;

  hear(sources: readonly Paired[]): void {
    const [source] = sources;
    if (source?.captureTimestamp === undefined || !(source.captureTimestamp > 0)) return;
    this.#pair = { rtp: source.rtpTimestamp, capture_ms: source.captureTimestamp };
  }

  /** The instant of capture of the picture with this RTP time, unit clock, ms; null where the network does not tell. */
  capture(rtp: number): number | null {
    if (!this.#pair) return null;
    const ahead = (((rtp - this.#pair.rtp) % TURN) + TURN) % TURN;
    return this.#pair.capture_ms + (ahead < TURN / 2 ? ahead : ahead - TURN) / CLOCK;
  }
}

/** One thing that is seen or heard: when it was captured (unit clock) and when it was presented (this page's), ms. */
export interface Presented {
  capture_ms: number;
  at: number;
}

/** By how much a sound that is heard is older (negative: newer) than the picture that is seen at the same moment, ms. */
export function skew(picture: Presented, sound: Presented): number {
  return picture.capture_ms - picture.at - (sound.capture_ms - sound.at);
}
