/** A birth date typed as digits, day first: shown as 21/01/1977, told as 1977-01-21. */

export const digitsOf = (text: string): string => text.replace(/\D/g, "").slice(0, 8);

/** 2101197 -> 21/01/197 */
export function shown(digits: string): string {
  return [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 8)].filter((part) => part !== "").join("/");
}

/** The date as YYYY-MM-DD; null when it is not complete, not a day of the calendar, or not yet lived. */
export function isoOf(digits: string, today: Date): string | null {
  if (digits.length !== 8) return null;
  const [day, month, year] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)];
  const iso = `${year}-${month}-${day}`;
  const date = new Date(`${iso}T00:00:00Z`);
  const real = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso);
  return real && date <= today && Number(year) >= 1880 ? iso : null;
}
