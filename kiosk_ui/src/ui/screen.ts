/** The bridge from the framework-free core to the screens: the unit's state as signals, and the language. */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { ageParts } from "../core/format.js";
import { type Key, type Language, localeOf, say, sayCode, type Values } from "../core/i18n.js";
import { Live } from "../core/live.js";
import { EMPTY, type LiveState } from "../core/state.js";

const LOOK_MS = 100; // how late a silence may be noticed
const AGE_MS = 250; // how often ages are told anew
const GATHER_MS = 30; // messages that come together are drawn together

export class Screen {
  readonly live: Live;
  readonly language: Signal<Language>;
  readonly state: ReadonlySignal<LiveState>;
  /** The unit's clock, ms, moving four times a second; null before the first beat. */
  readonly now: ReadonlySignal<number | null>;
  /** Whether the unit is heard. */
  readonly alive: ReadonlySignal<boolean>;
  #state = signal(EMPTY);
  #now = signal<number | null>(null);
  #alive = signal(false);
  #told = 0;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setInterval>;

  constructor(language: Language) {
    this.language = signal(language);
    this.state = this.#state;
    this.now = this.#now;
    this.alive = this.#alive;
    this.live = new Live(() => this.#changed());
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  receive = (text: string): void => {
    this.live.receive(text, performance.now());
    this.#look();
  };

  stop(): void {
    clearInterval(this.#looking);
    clearTimeout(this.#waiting);
  }

  t = (key: Key, values?: Values): string => say(this.language.value, key, values);

  /** The sentence of a code that came from outside; the code itself where nobody wrote one. */
  word = (family: string, code: string): string => sayCode(this.language.value, family, code) ?? code;

  get locale(): string {
    return localeOf(this.language.value);
  }

  /** "12 s ago". */
  age(age_ms: number): string {
    const { unit, n } = ageParts(age_ms);
    return this.t(`age.${unit}`, { n });
  }

  #changed(): void {
    if (this.live.state.wipes !== this.#state.peek().wipes) this.#flush();
    else this.#waiting ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#state.value = this.live.state;
  }

  #look(): void {
    const local = performance.now();
    this.#alive.value = this.live.clock.alive(local);
    if (local - this.#told < AGE_MS && this.#now.peek() !== null) return;
    this.#told = local;
    this.#now.value = this.live.clock.now(local);
  }
}

const Context = createContext<Screen | null>(null);

export const ScreenProvider = Context.Provider;

export function useScreen(): Screen {
  const screen = useContext(Context);
  if (!screen) throw new Error("this component is drawn outside a ScreenProvider");
  return screen;
}
