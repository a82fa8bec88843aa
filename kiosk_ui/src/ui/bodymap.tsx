/** The places of the chest-piece on a body, seen as the nurse sees the patient: the patient's right is on the left. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Site } from "../core/sites.js";
import { Choices } from "./button.js";
import { useScreen } from "./screen.js";

type Place = readonly [site: Site, letter: string, x: number, y: number];

/** In percent of the drawing; no two closer than a gloved finger. */
const FRONT: readonly Place[] = [
  ["carotid-right", "C", 38, 10],
  ["carotid-left", "C", 62, 10],
  ["lung-front-right-upper", "L", 17, 30],
  ["aortic", "A", 38, 33],
  ["pulmonary", "P", 61, 33],
  ["lung-front-left-upper", "L", 83, 30],
  ["lung-front-right-lower", "L", 17, 54],
  ["tricuspid", "T", 43, 63],
  ["erb", "E", 57, 49],
  ["mitral", "M", 67, 65],
  ["lung-front-left-lower", "L", 84, 52],
  ["abdomen", "Ab", 50, 87],
];

const BACK: readonly Place[] = [
  ["lung-back-left-upper", "L", 30, 36],
  ["lung-back-right-upper", "L", 70, 36],
  ["lung-back-left-lower", "L", 30, 62],
  ["lung-back-right-lower", "L", 70, 62],
];

const SIDES = { front: FRONT, back: BACK } as const;

/** Neck, shoulders, trunk; and what tells the front from the back. */
function Torso({ side }: { side: keyof typeof SIDES }): JSX.Element {
  return (
    <svg viewBox="0 0 400 440" aria-hidden="true" preserveAspectRatio="none">
      <path
        class="torso"
        d="M150 0 C152 40 150 58 120 72 C80 86 30 92 14 130 C4 160 2 210 6 250 L44 250 C46 220 48 200 52 188 C62 250 62 300 54 360 C50 390 48 420 48 440 L352 440 C352 420 350 390 346 360 C338 300 338 250 348 188 C352 200 354 220 356 250 L394 250 C398 210 396 160 386 130 C370 92 320 86 280 72 C250 58 248 40 250 0 Z"
      />
      {side === "front" ? (
        <path class="torso-line" d="M120 84 C150 96 180 98 200 96 C220 98 250 96 280 84 M200 98 L200 240 M140 292 C165 262 185 244 200 240 C215 244 235 262 260 292" />
      ) : (
        <path class="torso-line" d="M200 20 L200 430 M100 110 L150 130 L130 220 L104 190 Z M300 110 L250 130 L270 220 L296 190 Z" />
      )}
    </svg>
  );
}

interface BodyMapProps {
  site: string | null;
  disabled: boolean;
  onChoose: (site: Site) => void;
}

export function BodyMap({ site, disabled, onChoose }: BodyMapProps): JSX.Element {
  const { t } = useScreen();
  const side = useSignal<keyof typeof SIDES>(BACK.some(([one]) => one === site) ? "back" : "front");
  return (
    <div class="bodymap">
      <Choices
        label={t("body.side")}
        options={["front", "back"] as const}
        chosen={side.value}
        onChoose={(one) => (side.value = one)}
        say={(one) => t(`body.${one}`)}
      />
      <div class="bodymap-drawing" dir="ltr">
        <Torso side={side.value} />
        {SIDES[side.value].map(([one, letter, x, y]) => (
          <button
            type="button"
            class="bodymap-site"
            style={{ left: `${x}%`, top: `${y}%` }}
            aria-pressed={one === site}
            aria-label={t(`site.${one}`)}
            disabled={disabled}
            onClick={() => onChoose(one)}
            key={one}
          >
            <span aria-hidden="true">{letter}</span>
          </button>
        ))}
      </div>
      <p class="bodymap-chosen" role="status">
        {site === null ? t("body.choose") : <strong>{t(`site.${site as Site}`)}</strong>}
      </p>
    </div>
  );
}
