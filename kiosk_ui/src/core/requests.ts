/** What the viewer asks of the unit over `control` (docs/protocol.md section 7): asked again until it is answered. */

export interface StillAnswer {
  ok: boolean;
  result?: string;
  sha256?: string;
  width?: number;
  height?: number;
  code?: string;
}

const AGAIN_MS = 3000;
const LIMIT_MS = 15_000;

interface Waiting {
  message: object;
  answer: (answer: StillAnswer) => void;
  since: number;
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

  /** A full-size still of a source. It never rejects: no answer is an answer too (`no-answer`). */
  still(source: string): Promise<StillAnswer> {
    const id = this.#id();
    const message = { type: "still", id, source };
    const since = performance.now();
    return new Promise((answer) => {
      this.#waiting.set(id, { message, answer, since, asked: since });
      this.#send(message);
    });
  }

  /** Call every second or so: pings the unit, repeats what was not answered (the same id does nothing twice). */
  tick(local: number): void {
    this.#pings.clear(); // an answer that takes so long tells nothing of the clock
    const id = this.#id();
    if (this.#send({ type: "ping", id })) this.#pings.set(id, local);
    for (const [key, one] of this.#waiting) {
      if (local - one.since > LIMIT_MS) this.#answer(key, { ok: false, code: "no-answer" });
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
    if (message["type"] === "still") this.#answer(id, message as unknown as StillAnswer);
  }

  /** Nobody is waiting any more. */
  forget(): void {
    for (const key of [...this.#waiting.keys()]) this.#answer(key, { ok: false, code: "no-answer" });
    this.#pings.clear();
  }

  #answer(id: string, answer: StillAnswer): void {
    const one = this.#waiting.get(id);
    this.#waiting.delete(id);
    one?.answer(answer);
  }

  #id(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }
}
