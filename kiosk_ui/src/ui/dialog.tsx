import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button.js";
import { useScreen } from "./screen.js";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

/** Over the screen, with a way out that is always in the same place. */
export function Dialog({ title, onClose, children, class: name = "" }: DialogProps): JSX.Element {
  const { t } = useScreen();
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={box} class={`dialog ${name}`} aria-labelledby={heading} onCancel={onClose}>
      <header class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <Button icon="x" class="quiet" onClick={onClose}>
          {t("action.close")}
        </Button>
      </header>
      {children}
    </dialog>
  );
}
