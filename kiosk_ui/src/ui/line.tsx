import type { ComponentChildren, JSX } from "preact";
import { Icon } from "./icon.js";
import { useScreen } from "./screen.js";

/** How serious a sentence is: an advice, a technical condition, a fault. */
export type Weight = "hint" | "notice" | "field-fault";

const ICON: Record<Weight, string> = { hint: "info", notice: "triangle-alert", "field-fault": "circle-x" };

/** A sentence with its shape before it. */
export function Line({
  weight,
  icon,
  children,
}: {
  weight: Weight;
  icon?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <p class={weight} role={weight === "field-fault" ? "alert" : undefined}>
      <Icon name={icon ?? ICON[weight]} />
      <span>{children}</span>
    </p>
  );
}

/** What is wrong with a camera or a sound, each as a sentence. */
export function SourceCodes({ codes }: { codes: readonly string[] }): JSX.Element {
  const { word } = useScreen();
  return (
    <>
      {codes.map((code) => (
        <Line weight="notice" key={code}>
          {word("source", code)}
        </Line>
      ))}
    </>
  );
}

/** The technical conditions that a device reports, each as a sentence. */
export function Notices({ codes }: { codes: readonly string[] }): JSX.Element {
  const { word } = useScreen();
  return (
    <>
      {codes.map((code) => (
        <Line weight="notice" key={code}>
          {word("notice", code)}
        </Line>
      ))}
    </>
  );
}
