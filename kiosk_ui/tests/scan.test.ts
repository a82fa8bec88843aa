import { describe, expect, it } from "vitest";
import { KeyboardScanner, withSeparators } from "../src/core/scan.js";

const HEAD = "IS010000000000000000000000";

function type(scanner: KeyboardScanner, text: string, pace_ms: number, from = 0): (string | null)[] {
  return [...text].map((key, index) => {
    const code = key === "\n" ? "Enter" : key === "\u001d" ? "]" : key;
    return scanner.press({ key: code, ctrlKey: key === "\u001d", altKey: false }, from + index * pace_ms);
  });
}

describe("a scanner that types", () => {
  it("gives the whole code, with its separators", () => {
    const results = type(new KeyboardScanner(), `${HEAD}S3ANNA\u001dS5F\n`, 5);
    expect(results.at(-1)).toBe(`${HEAD}S3ANNA\u001dS5F`);
  });

  it("is not confused by a shift key before a capital", () => {
    const scanner = new KeyboardScanner();
    scanner.press({ key: "Shift", ctrlKey: false, altKey: false }, 0);
    expect(type(scanner, "IS01S5F\n", 5, 5).at(-1)).toBe("IS01S5F");
  });

  it("leaves alone what a person types, and other codes", () => {
    expect(type(new KeyboardScanner(), `${HEAD}\n`, 80).at(-1)).toBeNull();
    expect(type(new KeyboardScanner(), "3401597000000\n", 5).at(-1)).toBeNull();
  });

  it("forgets a burst that was broken off", () => {
    const scanner = new KeyboardScanner();
    type(scanner, "IS01SECRET", 5);
    expect(type(scanner, "\n", 5, 5000)).toEqual([null]);
  });

  it("never grows without end", () => {
    const results = type(new KeyboardScanner(), `IS01${"A".repeat(10_000)}\n`, 1);
    expect(results.at(-1)?.length).toBe(512);
  });
});

it("a separator that was pasted as text is the character again", () => {
  expect(withSeparators(" S3ANNA<GS>S4GARCIA\u241d ")).toBe("S3ANNA\u001dS4GARCIA\u001d");
});
