/** One doctor at one consultation: the call, the unit's state, the heart sound. All of it can be forgotten at once. */

import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Call, type Invitation, type Phase } from "../core/call.js";
import { Requests } from "../core/requests.js";
import { intact, parseBlock } from "../core/sound/block.js";
import type { FilterName } from "../core/sound/filters.js";
import { StethoscopePlayer } from "../core/sound/player.js";
import { StethoscopeReceiver } from "../core/sound/receiver.js";
import { NO_PICTURES, type Pictures } from "../core/tracks.js";
import type { Screen } from "../ui/screen.js";

const TICK_MS = 1000;

export interface Place extends Invitation {
  /** The platform's base address, http: or https:, with a slash at its end. */
  platform: string;
}

export class Consulting {
  readonly place: Place;
  readonly sound = new StethoscopeReceiver();
  readonly phase: Signal<Phase> = signal("joining");
  readonly refusal: Signal<string | null> = signal(null);
  readonly unitConnected = signal(true);
  readonly pictures: Signal<Pictures> = signal(NO_PICTURES);
  readonly player: Signal<StethoscopePlayer | null> = signal(null);
  readonly filter: Signal<FilterName> = signal("wide");
  readonly volume = signal(1);
  /** When the last block of sound came, on this page's clock. */
  heardAt: number | null = null;
  readonly requests: Requests;
  #screen: Screen;
  #call: Call;
  #ticking: ReturnType<typeof setInterval>;

  constructor(screen: Screen, place: Place) {
    this.#screen = screen;
    this.place = place;
    this.requests = new Requests(
      (message) => this.#call.control(message),
      (now_ms, sent, local) => screen.live.clock.pong(now_ms, sent, local),
    );
    this.#call = new Call(place, {
      live: (text) => this.#live(text),
      block: (data) => void this.#block(data),
      control: (text) => this.requests.take(text, performance.now()),
      pictures: (pictures) => (this.pictures.value = pictures),
      phase: (phase, code) => this.#phase(phase, code),
      unit: (connected) => (this.unitConnected.value = connected),
    });
    this.#ticking = setInterval(() => this.requests.tick(performance.now()), TICK_MS);
  }

  /** Begin or end listening; browsers let it begin with a touch only. */
  async listen(on: boolean): Promise<void> {
    const old = this.player.peek();
    this.player.value = null;
    await old?.stop();
    if (!on) return;
    const player = await StethoscopePlayer.start(this.filter.peek());
    player.volume = this.volume.peek();
    this.player.value = player;
  }

  setFilter(name: FilterName): void {
    this.filter.value = name;
    const player = this.player.peek();
    if (player) player.filter = name;
  }

  setVolume(gain: number): void {
    this.volume.value = gain;
    const player = this.player.peek();
    if (player) player.volume = gain;
  }

  opened(result: string): void {
    this.#call.opened(result);
  }

  /** Nothing of the patient is left, and nobody is called any more. */
  end(): void {
    clearInterval(this.#ticking);
    this.#call.stop();
    this.#forget();
  }

  #forget(): void {
    this.#screen.live.wipe();
    this.sound.forget();
    this.heardAt = null;
    this.requests.forget();
    this.pictures.value = NO_PICTURES;
    void this.listen(false);
  }

  #phase(phase: Phase, code: string | null): void {
    this.phase.value = phase;
    this.refusal.value = code;
    if (phase === "over") this.#forget();
  }

  #live(text: string): void {
    const { wipes } = this.#screen.live.state;
    this.#screen.receive(text);
    if (this.#screen.live.state.wipes === wipes) return;
    this.end();
    this.#phase("over", null);
  }

  async #block(data: ArrayBuffer): Promise<void> {
    const block = parseBlock(data);
    const proof = block && (await intact(block));
    const verdict = this.sound.put(block, proof);
    if (verdict !== "kept" || !block) return;
    this.heardAt = performance.now();
    this.player.peek()?.put(block);
  }
}

const Context = createContext<Consulting | null>(null);

export const ConsultingProvider = Context.Provider;

export function useConsulting(): Consulting {
  const consulting = useContext(Context);
  if (!consulting) throw new Error("this component is drawn outside a ConsultingProvider");
  return consulting;
}
