/** Whether a picture still moves, told by its own frames: the only witness that a decoder cannot fool. */

/** A camera gives a frame every 33 to 200 ms. */
export const FROZEN_MS = 800;

export interface PictureFacts {
  width: number;
  height: number;
  fps: number;
  frozen: boolean;
}

/** Watches one video element until `stop`. */
export class FrameWatch {
  #video: HTMLVideoElement;
  #frames: number[] = [];
  #shown: { rtp: number; at: number } | null = null;
  #handle = 0;
  #since = performance.now();

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    this.#ask();
  }

  /** The last picture's RTP time, and when it is on the screen (performance.now); null before the first. */
  get shown(): { rtp: number; at: number } | null {
    return this.#shown;
  }

  /** `local`: performance.now. */
  facts(local: number): PictureFacts {
    const last = this.#frames.at(-1) ?? this.#since;
    const fps = this.#frames.filter((at) => local - at < 1000).length;
    return { width: this.#video.videoWidth, height: this.#video.videoHeight, fps, frozen: local - last > FROZEN_MS };
  }

  stop(): void {
    this.#video.cancelVideoFrameCallback(this.#handle);
  }

  #ask(): void {
    this.#handle = this.#video.requestVideoFrameCallback((now, frame) => {
      if (frame.rtpTimestamp !== undefined) this.#shown = { rtp: frame.rtpTimestamp, at: frame.expectedDisplayTime };
      this.#frames.push(now);
      if (this.#frames.length > 120) this.#frames.splice(0, 60);
      this.#ask();
    });
  }
}
