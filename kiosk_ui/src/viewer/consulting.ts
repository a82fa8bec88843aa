/** One doctor at one consultation: the call, the unit's state, the heart sound. All of it can be forgotten at once. */

import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { Call, type Invitation, type Phase } from "../core/call.js";
import { Requests } from "../core/requests.js";
import { NOTHING_OWNED, type Owned, Speaking } from "../core/speaking.js";
import { Backfill } from "../core/sound/backfill.js";
import { type Block, intact, parseBlock } from "../core/sound/block.js";
import type { FilterName } from "../core/sound/filters.js";
import { StethoscopePlayer } from "../core/sound/player.js";
import { type Figures, knownSound } from "../core/sound/proof.js";
import { Proving } from "../core/sound/proving.js";
import { StethoscopeReceiver } from "../core/sound/receiver.js";
import { type Presented, skew } from "../core/timeline.js";
import { NO_PICTURES, NOBODY, type Others, type Pictures, type Tracks } from "../core/tracks.js";
import type { Screen } from "../ui/screen.js";

const TICK_MS = 1000;
const LATE_MS = 4000; // for the known sound to begin and to end, beyond its own length
const DRAIN_MS = 450; // the most that the listener's buffer holds, and a little
const QUIET = 0.05; // of the volume: the known sound is loud
const REPLAY_S = 10;

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
  /** The talk: whom the doctor hears, what the others have of the doctor. */
  readonly others: Signal<Others> = signal(NOBODY);
  readonly owned: Signal<Owned> = signal(NOTHING_OWNED);
  readonly speaking = new Speaking((owned) => (this.owned.value = owned));
  readonly player: Signal<StethoscopePlayer | null> = signal(null);
  readonly filter: Signal<FilterName> = signal("wide");
  readonly volume = signal(1);
  /** The known sound is on its way; what was measured last, here. */
  readonly proving = signal(false);
  readonly figures: Signal<Figures | null> = signal(null);
  /** The last seconds are heard again and again, instead of now. */
  readonly replaying = signal(false);
  readonly backfill: Backfill;
  /** The picture on the screen, and the instant that the doctor froze (unit clock, ms). */
  readonly shown: Signal<Presented | null> = signal(null);
  readonly frozenAt: Signal<number | null> = signal(null);
  /** When the last block of sound came, on this page's clock. */
  heardAt: number | null = null;
  readonly requests: Requests;
  #screen: Screen;
  #call: Call;
  #ticking: ReturnType<typeof setInterval>;
  #proof: Proving | null = null;

  constructor(screen: Screen, place: Place) {
    this.#screen = screen;
    this.place = place;
    this.requests = new Requests(
      (message) => this.#call.control(message),
      (now_ms, sent, local) => screen.live.clock.pong(now_ms, sent, local),
    );
    this.backfill = new Backfill((stream, sequence, count) => this.requests.blocks(stream, sequence, count));
    const events = {
      live: (text: string): void => this.#live(text),
      block: (data: ArrayBuffer): void => void this.#block(data),
      control: (text: string): void => this.requests.take(text, performance.now()),
      tracks: (tracks: Tracks): void => this.#tracks(tracks),
      phase: (phase: Phase, code: string | null): void => this.#phase(phase, code),
      unit: (connected: boolean): void => void (this.unitConnected.value = connected),
    };
    this.#call = new Call(place, events, this.speaking);
    this.#ticking = setInterval(() => this.#tick(performance.now()), TICK_MS);
  }

  /** Begin or end listening; browsers let it begin with a touch only. */
  async listen(on: boolean): Promise<void> {
    const old = this.player.peek();
    this.player.value = null;
    this.replaying.value = false;
    await old?.stop();
    if (!on) return;
    const player = await StethoscopePlayer.start(this.filter.peek());
    player.volume = this.volume.peek();
    this.player.value = player;
  }

  /** The room becomes quiet, the way is proven, then the patient is heard; or the room is loud again. */
  async auscultate(on: boolean): Promise<void> {
    await this.listen(on);
    if (!on) return void (await this.requests.listening("end"));
    const begun = await this.requests.listening("begin");
    if (begun.ok) await this.prove();
  }

  /** Hear the known sound, measure it and tell the unit. It never rejects: without figures there is no grade. */
  async prove(): Promise<void> {
    const player = this.player.peek();
    if (!player || this.#proof) return;
    const proof = (this.#proof = new Proving());
    this.proving.value = true;
    this.figures.value = null;
    player.volume = this.volume.peek() * QUIET;
    player.tap();
    const { corrupt } = this.sound;
    const answer = await this.requests.listening("reference");
    const known = answer.ok ? knownSound(answer) : null;
    if (known) {
      await Promise.race([proof.over, after(known.seconds * 1000 + LATE_MS)]);
      await after(DRAIN_MS);
      proof.report = player.report;
      this.figures.value = proof.figures(player.untap(), known, this.sound.corrupt - corrupt);
      await this.requests.listening("proved", { proof: this.figures.value });
    }
    player.untap();
    player.volume = this.volume.peek();
    this.#proof = null;
    this.proving.value = false;
  }

  /** Hear the last seconds again and again, as they are here: with all that was filled in since. */
  replay(on: boolean): void {
    const stream = this.sound.current;
    const player = this.player.peek();
    if (!player) return;
    const first = stream ? Math.max(stream.first, stream.end - REPLAY_S * stream.rate) : 0;
    player.replay(on && stream ? stream.copy(first, stream.end - first) : null, stream?.rate ?? 0);
    this.replaying.value = on && stream !== null;
  }

  /** How far the sound that is heard is from the picture that is seen, ms; null where either is not known. */
  get skew(): number | null {
    const stream = this.sound.current;
    const picture = this.shown.peek();
    const at = performance.now();
    const sample = stream && this.player.peek()?.heard(at, stream.rate);
    if (!picture || stream === null || sample === null || sample === undefined) return null;
    return skew(picture, { capture_ms: stream.instant(sample), at });
  }

  receiver(track: MediaStreamTrack): RTCRtpReceiver | null {
    return this.#call.receiver(track);
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
    this.speaking.stop();
    this.#forget();
  }

  #forget(): void {
    this.#screen.live.wipe();
    this.sound.forget();
    this.backfill.forget();
    this.figures.value = null;
    this.shown.value = this.frozenAt.value = null;
    this.heardAt = null;
    this.requests.forget();
    this.pictures.value = NO_PICTURES;
    this.others.value = NOBODY;
    void this.listen(false);
  }

  #phase(phase: Phase, code: string | null): void {
    this.phase.value = phase;
    this.refusal.value = code;
    if (phase !== "over") return;
    this.speaking.stop();
    this.#forget();
  }

  #tracks(tracks: Tracks): void {
    this.pictures.value = tracks.pictures;
    this.others.value = tracks.others;
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
    this.#play(block, proof);
  }

  /** To the listener goes what is now: not what was filled in behind, and of a known sound only our own. */
  #play(block: Block, proof: boolean | null): void {
    const player = this.player.peek();
    const stream = this.sound.current;
    const ours = this.#proof?.take(block, proof, this.heardAt ?? 0) ?? !block.proof;
    const now = stream === null || block.first + block.samples.length > stream.end - stream.rate;
    if (ours && now) player?.put(block);
  }

  #tick(local: number): void {
    this.requests.tick(local);
    if (this.phase.peek() === "connected") void this.backfill.tick(this.sound.streams, local);
  }
}

const after = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const Context = createContext<Consulting | null>(null);

export const ConsultingProvider = Context.Provider;

export function useConsulting(): Consulting {
  const consulting = useContext(Context);
  if (!consulting) throw new Error("this component is drawn outside a ConsultingProvider");
  return consulting;
}
