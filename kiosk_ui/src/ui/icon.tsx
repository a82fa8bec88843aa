import type { JSX } from "preact";

const FILES = import.meta.glob<string>("./icons/*.svg", { query: "?raw", import: "default", eager: true });

const DRAWINGS = new Map(
  Object.entries(FILES).map(([path, svg]) => [
    path.replace("./icons/", "").replace(".svg", ""),
    svg.replace(/\s+/g, " "),
  ]),
);

/** A drawing beside words that say the same; it is hidden from screen readers. `name`: a file of `icons/`. */
export function Icon({ name }: { name: string }): JSX.Element {
  // The drawings are files of this project, never text from outside.
  return <span class="icon" aria-hidden="true" dangerouslySetInnerHTML={{ __html: DRAWINGS.get(name) ?? "" }} />;
}

const OF_A_KIND: Record<string, string> = {
  "blood-pressure": "gauge",
  thermometer: "thermometer",
  oximeter: "activity",
  scale: "weight",
  glucometer: "droplet",
  "heart-rate": "heart-pulse",
  monitor: "heart-pulse",
  electrocardiograph: "activity",
  imaging: "camera",
  stethoscope: "stethoscope",
  camera: "video",
};

export const kindIcon = (kind: string): string => OF_A_KIND[kind] ?? "circle";
