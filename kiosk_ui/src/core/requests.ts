/** What the viewer asks of the unit over `control` (docs/protocol.md section 7): asked again until it is answered. */

export interface Answer {
  ok: boolean;
  code?: string;
}

export interface StillAnswer extends Answer {
  result?: string;
  sha256?: string;
  width?: number;
  height?: number;
}

/** How many of the blocks asked for will come, and how many are not held any more. */
export interface BlocksAnswer extends Answer {
  coming?: number;
  gone?: number;
}

export interface ListeningAnswer extends Answer {
  grade?: "good" | "fair" | "poor";
  result?: string;
  samples?: number;
}

export interface ClipAnswer extends StillAnswer {
  seconds?: number;
}

const AGAIN_MS = 3000;
const LIMIT_MS = 15_000;
const LIMIT_OF_CLIP_MS = 35_000; // it is made when it is asked for

interface Waiting {
  message: object;
  answer: (answer: Answer) => void;
  since: number;
  limit: number;
  asked: number;
}

export class Requests {
  #send: (message: object) => boolean;
  #pong: (now_ms: number, sent: number, local: number) => void;
  #waiting = new Map<string, Waiting>();
  #pings = new Map<string, number>();
  #prefix = crypto.getRandomValues(new Uint32Array(2)).join("-");
  #count = 0;

  constructor(send: (message: object) => boolean, pong: (now_ms: number, sent: number, local: number) => void) {
    this.#send = send;
    this.#pong = pong;
  }

  /** A full-size still of a source. */
  still(source: string): Promise<StillAnswer> {
    return this.#ask<StillAnswer>({ type: "still", source });
  }

  /** The last seconds of a source. */
  clip(source: string): Promise<ClipAnswer> {
    return this.#ask<ClipAnswer>({ type: "clip", source }, LIMIT_OF_CLIP_MS);
  }

  /** Which of the patient's sides a camera looks at. */
  view(source: string, side: "left" | "right" | null, zoom: number | null): Promise<Answer> {
    return this.#ask<Answer>({ type: "view", source, side, zoom });
  }

  /** Blocks of sound that did not come. */
  blocks(stream: number, sequence: number, count: number): Promise<BlocksAnswer> {
    return this.#ask<BlocksAnswer>({ type: "blocks", stream, sequence, count });
  }

  /** An act of the listening (docs/protocol.md section 7). */
  listening(act: string, more: object = {}): Promise<ListeningAnswer> {
    return this.#ask<ListeningAnswer>({ type: "auscultation", act, ...more });
  }

  /** It never rejects: no answer is an answer too (`no-answer`). */
  #ask<T extends Answer>(asked: { type: string; [field: string]: unknown }, limit = LIMIT_MS): Promise<T> {
    const id = this.#id();
    const message = { ...asked, id };
    const since = performance.now();
    return new Promise((answer) => {
      this.#waiting.set(id, { message, answer: (said) => answer(said as T), since, limit, asked: since });
      this.#send(message);
    });
  }

  /** Call every second or so: pings the unit, repeats what was not answered (the same id does nothing twice). */
  tick(local: number): void {
    this.#pings.clear(); // an answer that takes so long tells nothing of the clock
    const id = this.#id();
    if (this.#send({ type: "ping", id })) this.#pings.set(id, local);
    for (const [key, one] of this.#waiting) {
      if (local - one.since > one.limit) this.#answer(key, { ok: false, code: "no-answer" });
      else if (local - one.asked > AGAIN_MS) {
        one.asked = local;
        this.#send(one.message);
      }
    }
  }

  /** A text from the channel. */
  take(text: string, local: number): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return;
    }
    const id = String(message?.["id"]);
    const sent = this.#pings.get(id);
    if (message["type"] === "pong" && sent !== undefined && typeof message["now_ms"] === "number") {
      this.#pings.delete(id);
      this.#pong(message["now_ms"], sent, local);
    }
    const asked = this.#waiting.get(id)?.message as { type?: string } | undefined;
    if (asked && asked.type === message["type"]) this.#answer(id, message as unknown as Answer);
  }

  /** Nobody is waiting any more. */
  forget(): void {
    for (const key of [...this.#waiting.keys()]) this.#answer(key, { ok: false, code: "no-answer" });
    this.#pings.clear();
  }

  #answer(id: string, answer: Answer): void {
    const one = this.#waiting.get(id);
    this.#waiting.delete(id);
    one?.answer(answer);
  }

  #id(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }
}
