/** The doctor's viewer as an element of any page: `<chevet-viewer consultation="…" token="…"></chevet-viewer>` (README.md). */

import bold from "@fontsource/atkinson-hyperlegible/files/atkinson-hyperlegible-latin-700-normal.woff2?url";
import regular from "@fontsource/atkinson-hyperlegible/files/atkinson-hyperlegible-latin-400-normal.woff2?url";
import { render } from "preact";
import { CODES, directionOf, preferred } from "../core/i18n.js";
import base from "../ui/base.css?inline";
import { Screen, ScreenProvider } from "../ui/screen.js";
import parts from "../ui/parts.css?inline";
import tokens from "../ui/tokens.css?inline";
import { App } from "./app.js";
import { Consulting, ConsultingProvider, type Place } from "./consulting.js";
import { probe } from "./probe.js";
import own from "./viewer.css?inline";

const FAMILY = "Atkinson Hyperlegible";

/** A page's own fonts are out of an element's reach, and the other way round: these are given to the document. */
function addFonts(): void {
  for (const [url, weight] of [
    [regular, "400"],
    [bold, "700"],
  ] as const) {
    document.fonts.add(new FontFace(FAMILY, `url("${url}")`, { weight, display: "swap" }));
  }
}

function sheets(): CSSStyleSheet[] {
  return [tokens, base, parts, own].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
}

/** Our own page's address: `viewer.html?consultation=…&token=…`, or the token after `#`, which no server sees. */
function address(name: string): string | null {
  const { search, hash } = location;
  return new URLSearchParams(search).get(name) ?? new URLSearchParams(hash.slice(1)).get(name);
}

class ChevetViewer extends HTMLElement {
  #screen: Screen | null = null;
  #consulting: Consulting | null = null;
  #ended: (() => void) | null = null;

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = sheets();
    addFonts();
    this.#begin(root);
  }

  disconnectedCallback(): void {
    this.#ended?.();
    this.#consulting?.end();
    this.#screen?.stop();
    if (this.shadowRoot) render(null, this.shadowRoot);
    this.#consulting = this.#screen = this.#ended = null;
    window.chevet = undefined;
  }

  #begin(root: ShadowRoot): void {
    const language = CODES.find((one) => one === this.#said("language")) ?? preferred(navigator.languages);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.dataset["theme"] = this.#said("theme") ?? (dark ? "dark" : "light");
    this.lang = language;
    this.dir = directionOf(language);
    const screen = (this.#screen = new Screen(language));
    const consulting = (this.#consulting = new Consulting(screen, this.#place()));
    this.#ended = consulting.phase.subscribe((phase) => this.#phase(phase));
    window.chevet = probe(screen, consulting);
    render(
      <ScreenProvider value={screen}>
        <ConsultingProvider value={consulting}>
          <App />
        </ConsultingProvider>
      </ScreenProvider>,
      root,
    );
  }

  /** An attribute, or where the page is our own its address. */
  #said(name: string): string | null {
    return this.getAttribute(name) ?? (this.hasAttribute("from-address") ? address(name) : null);
  }

  #place(): Place {
    // An address could be anybody's: where the platform is, only the page itself may say.
    const platform = new URL(this.getAttribute("platform") ?? ".", document.baseURI);
    if (!platform.pathname.endsWith("/")) platform.pathname += "/";
    const url = new URL("viewer", platform);
    url.protocol = platform.protocol === "https:" ? "wss:" : "ws:";
    platform.search = platform.hash = url.search = url.hash = "";
    return {
      platform: platform.href,
      url: url.href,
      consultation: this.#said("consultation") ?? "",
      token: this.#said("token") ?? "",
      name: this.#said("name") ?? "Doctor",
    };
  }

  /** Tells the page around it; our own page forgets its address when the consultation is over. */
  #phase(phase: string): void {
    this.dispatchEvent(new CustomEvent("chevet-phase", { detail: { phase }, bubbles: true, composed: true }));
    if (phase === "over" && this.hasAttribute("from-address")) history.replaceState(null, "", location.pathname);
  }
}

customElements.define("chevet-viewer", ChevetViewer);
