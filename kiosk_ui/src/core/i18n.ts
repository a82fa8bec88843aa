/** The catalogue: one JSON file a language, the same keys in each (tests/i18n.test.ts). */

import en from "./en.json";
import fr from "./fr.json";

export type Language = "en" | "fr";
export type Key = keyof typeof en;
export type Values = Record<string, string | number>;

type Entry = string | { one: string; other: string };

const CATALOGUES: Record<Language, Record<Key, Entry>> = { en, fr };

/** The languages that exist, each by its own name. */
export const LANGUAGES: Record<Language, string> = { fr: "Français", en: "English" };

export const CODES = Object.keys(LANGUAGES) as readonly Language[];

/** Date and number habits that go with a language. */
export const LOCALES: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };

/** The sentence for `key`. A plural entry is chosen by `values.n`. A `{name}` that has no value stays visible. */
export function say(language: Language, key: Key, values: Values = {}): string {
  const entry: Entry = CATALOGUES[language][key];
  const rule = new Intl.PluralRules(language).select(Number(values["n"] ?? 0));
  const text = typeof entry === "string" ? entry : entry[rule === "one" ? "one" : "other"];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The sentence for a code that came from outside, e.g. ("notice", "cuff-loose"); null when there is none. */
export function sayCode(language: Language, family: string, code: string, values: Values = {}): string | null {
  const key = `${family}.${code}`;
  return Object.hasOwn(CATALOGUES[language], key) ? say(language, key as Key, values) : null;
}

/** The first language of the browser's that exists, else French. */
export function preferred(wanted: readonly string[]): Language {
  const found = wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in CATALOGUES);
  return (found ?? "fr") as Language;
}
