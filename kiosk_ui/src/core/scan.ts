/**
 * A scanner that types: its keys come faster than fingers. The INS datamatrix keeps its separator, which such a
 * scanner sends as Ctrl+] (ASCII 29), and which some programs have already turned into the text "<GS>".
 */

export const GS = "\u001d";

const FAST_MS = 30;
const LONGEST = 512;

export interface Key {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
}

/** The separator as one character, however it was written. */
export const withSeparators = (text: string): string => text.replaceAll("<GS>", GS).replaceAll("\u241d", GS).trim();

export const looksLikeIns = (text: string): boolean => /^IS\d\d/.test(text);

function character(key: Key): string {
  if (key.ctrlKey) return key.key === "]" || key.key === GS ? GS : "";
  return [...key.key].length === 1 ? key.key : "";
}

/** Collects a burst of keys. `press` gives the whole text when Enter ends a burst that begins as an INS code does. */
export class KeyboardScanner {
  #text = "";
  #last = Number.NEGATIVE_INFINITY;

  /** `at`: the event's time, ms. */
  press(key: Key, at: number): string | null {
    if (at - this.#last > FAST_MS) this.#text = "";
    this.#last = at;
    if (key.key === "Enter") return this.#take();
    if (this.#text.length < LONGEST) this.#text += character(key);
    return null;
  }

  /** Whether a burst is under way that nobody typed: its keys belong to no field. */
  get scanning(): boolean {
    return looksLikeIns(this.#text);
  }

  forget(): void {
    this.#text = "";
  }

  #take(): string | null {
    const text = this.#text;
    this.forget();
    return looksLikeIns(text) ? text : null;
  }
}
