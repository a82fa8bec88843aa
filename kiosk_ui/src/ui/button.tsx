import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icon.js";

interface ButtonProps {
  children: ComponentChildren;
  onClick: () => void;
  icon?: string | undefined;
  /** The one that leads on. */
  primary?: boolean;
  /** Of a choice; null: not a choice. */
  pressed?: boolean | null;
  disabled?: boolean;
  lang?: string | undefined;
  class?: string;
}

export function Button(props: ButtonProps): JSX.Element {
  const { children, onClick, icon, primary = false, pressed = null, disabled = false, lang, class: name = "" } = props;
  return (
    <button
      type="button"
      class={`button ${primary ? "primary" : ""} ${name}`}
      aria-pressed={pressed ?? undefined}
      disabled={disabled}
      lang={lang}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface ChoicesProps<T extends string> {
  /** What is chosen, for those who do not see the group. */
  label: string;
  options: readonly T[];
  chosen: T | null;
  onChoose: (option: T) => void;
  say: (option: T) => ComponentChildren;
  /** The options are languages: each is said in its own. */
  languages?: boolean;
}

/** One of a few: all are seen, one touch chooses. */
export function Choices<T extends string>(props: ChoicesProps<T>): JSX.Element {
  const { label, options, chosen, onChoose, say, languages = false } = props;
  return (
    <div class="choices" role="group" aria-label={label}>
      {options.map((option) => (
        <Button
          pressed={option === chosen}
          lang={languages ? option : undefined}
          onClick={() => onChoose(option)}
          key={option}
        >
          {say(option)}
        </Button>
      ))}
    </div>
  );
}
