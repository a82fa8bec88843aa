/** What every screen of the kiosk may reach besides the unit's state. */

import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../core/api.js";

export const THEMES = ["light", "dark", "contrast"] as const;

export type Theme = (typeof THEMES)[number];

export interface Kiosk {
  api: Api;
  theme: Signal<Theme>;
  /** Leave the last patient's page behind, with everything the browser held for it. */
  startAfresh: () => void;
}

const Context = createContext<Kiosk | null>(null);

export const KioskProvider = Context.Provider;

export function useKiosk(): Kiosk {
  const kiosk = useContext(Context);
  if (!kiosk) throw new Error("this component is drawn outside a KioskProvider");
  return kiosk;
}
