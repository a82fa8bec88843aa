import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import ar from "../src/core/ar.json";
import en from "../src/core/en.json";
import fr from "../src/core/fr.json";
import { CODES, CONSENTABLE, directionOf, localeOf, preferred, say, sayCode } from "../src/core/i18n.js";
import { TYPEABLE } from "../src/core/manual.js";

const catalogues: Record<string, Record<string, string | { one: string; other: string }>> = { ar, en, fr };
const places = (entry: string | { one: string; other: string }): string[] =>
  [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort();

it("every file of the folder is a language, and each is checked here", () => {
  expect([...CODES].sort()).toEqual(["ar", "en", "fr"]);
  expect(Object.keys(catalogues)).toEqual(["ar", "en", "fr"]);
});

it("a language says its direction, its numbers, and whether its consent was proofread", () => {
  expect([directionOf("ar"), directionOf("fr"), directionOf("xx")]).toEqual(["rtl", "ltr", "ltr"]);
  expect(new Intl.NumberFormat(localeOf("ar")).format(37)).toBe("37");
  expect([...CONSENTABLE].sort()).toEqual(["en", "fr"]);
});

describe.each(["ar", "fr"])("the catalogue %s", (language) => {
  it("has the keys of every other", () => {
    expect(Object.keys(catalogues[language] ?? {}).sort()).toEqual(Object.keys(en).sort());
  });

  it("has the same places for values in each sentence, and no empty one", () => {
    for (const [key, entry] of Object.entries(catalogues["en"] ?? {})) {
      const other = catalogues[language]?.[key] ?? "";
      expect(places(other), key).toEqual(places(entry));
      expect(typeof other, key).toBe(typeof entry);
      expect(JSON.stringify([entry, other]), key).not.toContain('""');
    }
  });

  it("has a name for every metric that can be typed", () => {
    for (const { metric } of TYPEABLE) expect(sayCode(language, "metric", metric), metric).not.toBeNull();
  });
});

/** Codes of the service's own tables, read from their source: a code without a sentence is a fault of this catalogue. */
function codes(file: string, pattern: RegExp): string[] {
  const path = new URL(`../../${file}`, import.meta.url);
  if (!existsSync(path)) return [];
  return [...readFileSync(path, "utf8").matchAll(pattern)].map((match) => match[1] ?? "");
}

describe.each([
  ["notice", "drivers/core/notices.py", /^ {4}"([a-z0-9-]+)": Sentence/gm],
  ["metric", "drivers/core/vocab.py", /_row\("([a-z0-9-]+)"/g],
  ["kind", "drivers/core/driver.py", /^ {4}"([a-z-]+)",$/gm],
  ["quarantine", "appliance/care/acceptance.py", /^ {4}[A-Z_]+ = "([a-z-]+)"/gm],
])("every %s code of %s", (family, file, pattern) => {
  const found = codes(file, pattern);
  it.skipIf(found.length === 0)("has a sentence in each language", () => {
    const missing = found.flatMap((code) =>
      ["ar", "en", "fr"]
        .filter((language) => sayCode(language, family, code) === null)
        .map((language) => `${language} ${code}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("a sentence", () => {
  it("has its plural by the language's own rule", () => {
    expect(say("en", "quarantine.count", { n: 1 })).toBe("1 reading kept aside");
    expect(say("en", "quarantine.count", { n: 0 })).toBe("0 readings kept aside");
    expect(say("fr", "quarantine.count", { n: 0 })).toBe("0 mesure mise de côté");
  });

  it("shows a place that got no value rather than hiding it", () => {
    expect(say("en", "patient.years", {})).toContain("{n}");
  });

  it("is null for a code that nobody wrote one for", () => {
    expect(sayCode("en", "notice", "never-heard-of")).toBeNull();
    expect(sayCode("en", "constructor", "name")).toBeNull();
  });
});

it("the first language of the browser that exists is taken", () => {
  expect([preferred(["de-DE", "en-US", "fr"]), preferred(["de"]), preferred([])]).toEqual(["en", "fr", "fr"]);
});
