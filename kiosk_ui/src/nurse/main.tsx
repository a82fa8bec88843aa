/** The kiosk, put together. */

import "../ui/fonts.css";
import "../ui/tokens.css";
import "../ui/base.css";
import "../ui/parts.css";
import "./page.css";
import "./before.css";
import "./intake.css";
import "./care.css";
import "./instruments.css";
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Api } from "../core/api.js";
import { CODES, directionOf, preferred } from "../core/i18n.js";
import { Socket } from "../core/socket.js";
import { Screen, ScreenProvider } from "../ui/screen.js";
import { Kiosk } from "./kiosk.js";
import { type Kiosk as KioskParts, KioskProvider, type Theme, THEMES } from "./kiosk-context.js";

const QUIET_MS = 3000; // twelve beats
const LANGUAGE = "chevet.language";
const THEME = "chevet.theme";

function remembered<T extends string>(key: string, possible: readonly T[], otherwise: T): T {
  const found = localStorage.getItem(key);
  return possible.find((one) => one === found) ?? otherwise;
}

function preferredTheme(): Theme {
  if (matchMedia("(prefers-contrast: more)").matches) return "contrast";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Pixels to a millimetre, where the unit's configuration knows its panel: `/?mm=3.8`. */
function panel(): void {
  const mm = Number(new URLSearchParams(location.search).get("mm"));
  if (mm >= 2 && mm <= 20) document.documentElement.style.setProperty("--mm", `${mm}px`);
}

function keepChoices(screen: Screen, kiosk: KioskParts): void {
  effect(() => {
    document.documentElement.lang = screen.language.value;
    document.documentElement.dir = directionOf(screen.language.value);
    localStorage.setItem(LANGUAGE, screen.language.value);
  });
  effect(() => {
    document.documentElement.dataset["theme"] = kiosk.theme.value;
    localStorage.setItem(THEME, kiosk.theme.value);
  });
}

function start(root: HTMLElement): void {
  const screen = new Screen(remembered(LANGUAGE, CODES, preferred(navigator.languages)));
  const system = preferredTheme();
  const kiosk: KioskParts = {
    api: new Api(),
    theme: signal(remembered<Theme>(THEME, THEMES, system)),
    startAfresh: () => location.replace(location.pathname + location.search),
  };
  panel();
  keepChoices(screen, kiosk);
  new Socket(`${location.origin.replace(/^http/, "ws")}/api/live`, { message: screen.receive }, { quiet: QUIET_MS });
  render(
    <ScreenProvider value={screen}>
      <KioskProvider value={kiosk}>
        <Kiosk />
      </KioskProvider>
    </ScreenProvider>,
    root,
  );
}

const root = document.getElementById("kiosk");
if (root) start(root);
