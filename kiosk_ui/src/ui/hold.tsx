import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export const HOLD_MS = 1200;

interface HoldProps {
  children: ComponentChildren;
  onHeld: () => void;
  disabled?: boolean;
  class?: string;
}

/** A button for what cannot be undone: it acts after it was held for 1.2 s, by finger, mouse, space or enter. */
export function HoldButton({ children, onHeld, disabled = false, class: name = "" }: HoldProps): JSX.Element {
  const [holding, setHolding] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const begin = (): void => {
    if (disabled || holding) return;
    setHolding(true);
    timer.current = setTimeout(() => {
      setHolding(false);
      onHeld();
    }, HOLD_MS);
  };
  const end = (): void => {
    clearTimeout(timer.current);
    setHolding(false);
  };
  const key = (act: () => void) => (event: KeyboardEvent) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      act();
    }
  };
  return (
    <button
      type="button"
      class={`button hold ${holding ? "holding" : ""} ${name}`}
      disabled={disabled}
      onPointerDown={begin}
      onPointerUp={end}
      onPointerLeave={end}
      onPointerCancel={end}
      onKeyDown={key(begin)}
      onKeyUp={key(end)}
      onBlur={end}
      onContextMenu={(event) => event.preventDefault()}
    >
      {children}
    </button>
  );
}
