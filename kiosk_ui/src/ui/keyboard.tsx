/** Our own keys: a kiosk has none of the system's. They never take the focus from the field they write to. */

import type { JSX } from "preact";
import type { Language } from "../core/i18n.js";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

const AZERTY = ["AZERTYUIOP", "QSDFGHJKLM", "WXCVBN'-"];
// Names are written as the identity papers print them, in Latin letters, whatever the language of the screen.
const LETTERS: Record<Language, string[]> = { fr: AZERTY, en: ["QWERTYUIOP", "ASDFGHJKL'", "ZXCVBNM-"] };
const DIGITS = ["123", "456", "789"];

export const BACKSPACE = "Backspace";

interface KeysProps {
  kind: "letters" | "digits";
  /** Beside 0 on the digit keys, e.g. a decimal point. */
  extra?: string;
  onKey: (key: string) => void;
}

export function Keyboard({ kind, extra, onKey }: KeysProps): JSX.Element {
  const { language, t } = useScreen();
  const rows = kind === "letters" ? (LETTERS[language.value] ?? AZERTY) : DIGITS;
  const key = (value: string, label?: JSX.Element | string, name = ""): JSX.Element => (
    <button
      type="button"
      tabIndex={-1}
      class={`key ${name}`}
      onPointerDown={(event) => event.preventDefault()}
      onClick={() => onKey(value)}
      key={value}
    >
      {label ?? value}
    </button>
  );
  const back = key(
    BACKSPACE,
    <>
      <Icon name="delete" />
      <span class="hidden">{t("keyboard.delete")}</span>
    </>,
    "key-wide",
  );
  return (
    <div class={`keyboard keyboard-${kind}`} role="group" dir="ltr" aria-label={t("keyboard.label")}>
      {rows.map((row, index) => (
        <div class="key-row" key={row}>
          {[...row].map((letter) => key(letter))}
          {kind === "letters" && index === rows.length - 1 && back}
        </div>
      ))}
      {kind === "letters" ? (
        <div class="key-row">{key(" ", t("keyboard.space"), "key-space")}</div>
      ) : (
        <div class="key-row">
          {key(extra ?? "", extra ?? "", extra ? "" : "key-empty")}
          {key("0")}
          {back}
        </div>
      )}
    </div>
  );
}

/** The text after a key: one character more at its end, or one less. */
export const pressed = (text: string, key: string, longest: number): string =>
  key === BACKSPACE ? [...text].slice(0, -1).join("") : (text + key).slice(0, longest);
