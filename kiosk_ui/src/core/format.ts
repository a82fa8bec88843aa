/** Values, units and dates as a person reads them, by Intl. A value keeps the digits that the device gave. */

const UNITS: Record<string, string> = {
  "mm[Hg]": "mmHg",
  Cel: "°C",
  "[degF]": "°F",
  "{score}": "/10",
  "1": "",
  "[lb_av]": "lb",
};

/** UCUM as it is printed. */
export const unitText = (ucum: string): string => UNITS[ucum] ?? ucum;

/** "36.60" stays 36.60 (36,60 in French); null, and what is no number, is a dash. */
export function valueText(value: string | null, language: string): string {
  if (value === null || !/^-?\d+(\.\d+)?$/.test(value)) return "–";
  const digits = value.split(".")[1]?.length ?? 0;
  const format = new Intl.NumberFormat(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping: false,
  });
  return format.format(value as unknown as number); // a string keeps every digit; the type library is behind
}

const UTC_DAY = { timeZone: "UTC", day: "2-digit", month: "short", year: "numeric" } as const;

/** "1977-01-21" as 21-Jan-1977; what is no such date comes back as it is. */
export function birthDateText(iso: string, language: string): string {
  const date = new Date(`${iso}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(iso) || Number.isNaN(date.getTime())) return iso;
  const parts = new Intl.DateTimeFormat(language, UTC_DAY).formatToParts(date);
  const part = (type: string) => parts.find((piece) => piece.type === type)?.value ?? "";
  return `${part("day")}-${part("month")}-${part("year")}`;
}

/** Whole years between a birth date and today (local calendar); null when either is not a date. */
export function yearsOld(iso: string, today: Date): number | null {
  const [year, month, day] = iso.split("-").map(Number);
  if (!year || !month || !day) return null;
  const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < day);
  return today.getFullYear() - year - (before ? 1 : 0);
}

/** 14:03, or 14:03:27 with seconds; on another day with its date before it. */
export function timeText(iso: string, language: string, seconds = false, today = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "–";
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (seconds) options.second = "2-digit";
  if (date.toDateString() !== today.toDateString())
    Object.assign(options, { day: "2-digit", month: "short", year: "numeric" });
  return new Intl.DateTimeFormat(language, options).format(date);
}

/** "now" under one second and a half, then seconds, minutes, hours: the age of a value, never rounded down to nothing. */
export function ageParts(age_ms: number): { unit: "now" | "second" | "minute" | "hour"; n: number } {
  const seconds = Math.max(0, age_ms) / 1000;
  if (seconds < 1.5) return { unit: "now", n: 0 };
  if (seconds < 60) return { unit: "second", n: Math.floor(seconds) };
  if (seconds < 3600) return { unit: "minute", n: Math.floor(seconds / 60) };
  return { unit: "hour", n: Math.floor(seconds / 3600) };
}

/** Long names become short at the screen's edge, hashes at their head. */
export const shortHash = (sha256: string): string => sha256.slice(0, 12);

/** 12 kB, 3.4 MB. */
export function bytesText(bytes: number, language: string): string {
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value)} ${unit}`;
}
