/** What may be typed by hand: each with its one unit and its two limits (drivers/core/vocab.py holds the wider ones). */

export interface Typeable {
  metric: string;
  /** UCUM; fixed. */
  unit: string;
  decimals: 0 | 1;
  /** Outside: no living patient; it is refused. */
  possible: readonly [number, number];
  /** Outside: rare; it has to be typed a second time. */
  usual: readonly [number, number];
}

export const TYPEABLE: readonly Typeable[] = [
  { metric: "blood-pressure-systolic", unit: "mm[Hg]", decimals: 0, possible: [40, 300], usual: [80, 200] },
  { metric: "blood-pressure-diastolic", unit: "mm[Hg]", decimals: 0, possible: [20, 200], usual: [40, 120] },
  { metric: "oxygen-saturation", unit: "%", decimals: 0, possible: [30, 100], usual: [85, 100] },
  { metric: "pulse-rate", unit: "/min", decimals: 0, possible: [20, 300], usual: [40, 150] },
  { metric: "body-temperature", unit: "Cel", decimals: 1, possible: [25, 45], usual: [35, 40] },
  { metric: "respiratory-rate", unit: "/min", decimals: 0, possible: [3, 100], usual: [8, 40] },
  { metric: "body-weight", unit: "kg", decimals: 1, possible: [0.4, 400], usual: [2, 200] },
  { metric: "body-height", unit: "cm", decimals: 0, possible: [20, 260], usual: [45, 210] },
  { metric: "glucose", unit: "mg/dL", decimals: 0, possible: [10, 900], usual: [50, 400] },
  { metric: "pain-severity", unit: "{score}", decimals: 0, possible: [0, 10], usual: [0, 10] },
];

export type Judgement = "empty" | "not-a-number" | "impossible" | "unusual" | "fine";

/** `text`: digits with at most one decimal sign, point or comma. */
export function judge(what: Typeable, text: string): Judgement {
  if (text === "") return "empty";
  const form = what.decimals === 0 ? /^\d{1,3}$/ : /^\d{1,3}([.,]\d)?$/;
  if (!form.test(text)) return "not-a-number";
  const value = Number(text.replace(",", "."));
  if (value < what.possible[0] || value > what.possible[1]) return "impossible";
  return value < what.usual[0] || value > what.usual[1] ? "unusual" : "fine";
}

/** As the API takes it. */
export const sent = (text: string): string => text.replace(",", ".");

export interface EntryStep {
  /** What has to be said of the text now. */
  say: "impossible" | "not-a-number" | "unusual" | "again" | "differs" | null;
  /** What comes next: nothing yet, the same value a second time, or the chart. */
  next: "again" | "chart" | null;
}

/** `first`: the rare value that was typed before, as sent; null at the first time. */
export function entryStep(what: Typeable, text: string, first: string | null): EntryStep {
  const judgement = judge(what, text);
  if (judgement === "empty") return { say: first === null ? null : "again", next: null };
  if (judgement === "impossible" || judgement === "not-a-number") return { say: judgement, next: null };
  if (judgement === "fine" || sent(text) === first) return { say: null, next: "chart" };
  return { say: first === null ? "unusual" : "differs", next: "again" };
}
