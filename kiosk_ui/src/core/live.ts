/** One unit as a screen sees it: texts go in, state, clock and waveforms come out. */

import { UnitClock } from "./clock.js";
import { parse } from "./parse.js";
import { EMPTY, forget, type LiveState, reduce } from "./state.js";
import { Waves } from "./waves.js";

export class Live {
  readonly clock = new UnitClock();
  readonly waves = new Waves();
  #state: LiveState = EMPTY;
  #changed: () => void;

  /** `changed` is called after every message that changed `state`. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** A text from the unit; `local` is the receiver's monotonic clock, ms. What is not a message is ignored. */
  receive(raw: string, local: number): void {
    const message = parse(raw);
    if (!message) return;
    if (message.type === "beat") return this.clock.beat(message.now_ms, local);
    if (message.type === "waveform") return this.waves.put(message);
    if (message.type === "hello") {
      this.clock.reset();
      this.clock.beat(message.now_ms, local);
      this.waves.forget();
    }
    this.#set(reduce(this.#state, message));
  }

  /** Nothing of the patient is left in here. */
  wipe(): void {
    this.#set(forget(this.#state));
  }

  #set(next: LiveState): void {
    if (next === this.#state) return;
    if (next.wipes !== this.#state.wipes) this.waves.forget();
    this.#state = next;
    this.#changed();
  }
}
