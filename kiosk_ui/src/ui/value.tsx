/** A measured value: never without its unit, its name and, beside it, its age. */

import type { JSX } from "preact";
import { unitText, valueText } from "../core/format.js";
import { useScreen } from "./screen.js";

export const SYSTOLIC = "blood-pressure-systolic";
export const DIASTOLIC = "blood-pressure-diastolic";
const MEAN = "blood-pressure-mean";

/** The order in which people read them; what is not here comes after, as it came. */
const ORDER = [
  SYSTOLIC,
  DIASTOLIC,
  MEAN,
  "oxygen-saturation",
  "pulse-rate",
  "pulse-rate-nibp",
  "heart-rate",
  "body-temperature",
];

const rank = (metric: string): number => (ORDER.includes(metric) ? ORDER.indexOf(metric) : ORDER.length);

export interface Reading {
  metric: string;
  value: string | null;
  unit: string;
}

export const inOrder = <T extends Reading>(readings: readonly T[]): T[] =>
  [...readings].sort((a, b) => rank(a.metric) - rank(b.metric));

/** Systolic and diastolic are one reading, "120/80"; everything else stands alone. */
export function groups<T extends Reading>(readings: readonly T[]): T[][] {
  const ordered = inOrder(readings);
  const pressure = ordered.filter(({ metric }) => metric === SYSTOLIC || metric === DIASTOLIC);
  const rest = ordered.filter((reading) => !pressure.includes(reading)).map((reading) => [reading]);
  return pressure.length > 0 ? [pressure, ...rest] : rest;
}

export function Value({ group }: { group: readonly Reading[] }): JSX.Element {
  const screen = useScreen();
  const metric = group[0]?.metric ?? "";
  const name = group.length > 1 ? screen.t("metric.blood-pressure") : screen.word("metric", metric);
  return (
    <div class={`value metric-${metric}`}>
      <span class="value-name">{name}</span>
      <span class="value-number" dir="ltr">
        {group.map(({ value }) => valueText(value, screen.locale)).join("/")}
        <span class="value-unit"> {unitText(group[0]?.unit ?? "")}</span>
      </span>
    </div>
  );
}

/** One line of text: "120/80 mmHg · 72 /min". */
export function useSummary(): (readings: readonly Reading[]) => string {
  const { locale } = useScreen();
  return (readings) =>
    groups(readings)
      .map(
        (group) => `${group.map(({ value }) => valueText(value, locale)).join("/")} ${unitText(group[0]?.unit ?? "")}`,
      )
      .join(" · ");
}
