/** The catalogue: one JSON file a language, the same keys in each (tests/i18n.test.ts). A new file is a new language. */

import type en from "./en.json";

/** The name of a file: `en` of `en.json`. */
export type Language = string;
export type Key = keyof typeof en;
export type Values = Record<string, string | number>;

type Entry = string | { one: string; other: string };
type Catalogue = Record<Key, Entry>;

const FILES = import.meta.glob<Catalogue>("./*.json", { import: "default", eager: true });
const CATALOGUES = new Map(Object.entries(FILES).map(([path, entries]) => [path.slice(2, -".json".length), entries]));
const FALLBACK = "fr";

/** What a language says of itself. */
const told = (key: Key): Record<Language, string> =>
  Object.fromEntries([...CATALOGUES].map(([code, entries]) => [code, entries[key] as string]));

/** The languages that exist, each by its own name. */
export const LANGUAGES: Readonly<Record<Language, string>> = told("language.name");

export const CODES: readonly Language[] = Object.keys(LANGUAGES);

/** Those whose text of the consent a person has proofread: a patient consents to no draft. */
export const CONSENTABLE: readonly Language[] = CODES.filter((code) => told("language.consent")[code] === "reviewed");

/** Date and number habits that go with a language; digits are always those that devices show. */
export const localeOf = (language: Language): string => told("language.locale")[language] ?? FALLBACK;

export const directionOf = (language: Language): "ltr" | "rtl" =>
  told("language.direction")[language] === "rtl" ? "rtl" : "ltr";

const entriesOf = (language: Language): Catalogue =>
  (CATALOGUES.get(language) ?? CATALOGUES.get(FALLBACK)) as Catalogue;

/** The sentence for `key`. A plural entry is chosen by `values.n`. A `{name}` that has no value stays visible. */
export function say(language: Language, key: Key, values: Values = {}): string {
  const entry = entriesOf(language)[key];
  const rule = new Intl.PluralRules(language).select(Number(values["n"] ?? 0));
  const text = typeof entry === "string" ? entry : entry[rule === "one" ? "one" : "other"];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The sentence for a code that came from outside, e.g. ("notice", "cuff-loose"); null when there is none. */
export function sayCode(language: Language, family: string, code: string, values: Values = {}): string | null {
  const key = `${family}.${code}`;
  return Object.hasOwn(entriesOf(language), key) ? say(language, key as Key, values) : null;
}

/** The first language of the browser's that exists, else French. */
export function preferred(wanted: readonly string[]): Language {
  const found = wanted.map((tag) => tag.slice(0, 2)).find((tag) => CATALOGUES.has(tag));
  return found ?? FALLBACK;
}
