// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "../src/core/api.js";
import { Kiosk } from "../src/nurse/kiosk.js";
import { KioskProvider } from "../src/nurse/kiosk-context.js";
import { Screen, ScreenProvider } from "../src/ui/screen.js";

const patient = {
  birth_name: "Garcia-Hammadi",
  given_names: "Sarah-Lou Anna",
  birth_date: "1977-01-21",
  sex: "F",
  origin: "typed",
};
const active = {
  type: "consultation",
  id: "c1",
  state: "active",
  opened: null,
  patient,
  confirmed: true,
  consent: null,
  resumed: false,
  doctor: { name: "Dr M", state: "connected" },
};
const oximeter = {
  type: "device",
  key: "oximeter",
  name: "Oximeter",
  kind: "oximeter",
  driver: "d",
  state: "live",
  since_ms: 0,
  at_ms: 900,
  lease: true,
  continuous: true,
};
const spo2 = {
  type: "numeric",
  device: "oximeter",
  metric: "oxygen-saturation",
  loinc: null,
  value: "83",
  unit: "%",
  validity: "valid",
  at_ms: 900,
  taken: null,
  from_memory: false,
};
const wave = {
  type: "waveform",
  device: "oximeter",
  metric: "plethysmogram",
  rate_hz: "60",
  unit: "1",
  first: 0,
  at_ms: 900,
  samples: [1, 2, 3],
};
const still = {
  type: "result",
  id: "r1",
  consultation: "c1",
  kind: "still",
  status: "valid",
  device: { key: "otoscope", name: "Otoscope" },
  at: "2026-11-23T14:00:00+01:00",
  at_ms: 900,
  taken: null,
  numerics: [],
  notices: [],
  delivery: "stored",
  object: { sha256: "a".repeat(64), media_type: "image/jpeg", bytes: 9, source: "otoscope" },
};

const SECRETS = ["GARCIA", "Sarah-Lou", "1977", "83", "Dr M"];

let screen: Screen;
let root: HTMLElement;
let drawn: string[];
let urls: Set<string>;

/** A 2D context that only remembers whether something is on it. */
const context = new Proxy({} as Record<string, unknown>, {
  get: (_, name: string) => (name === "stroke" || name === "clearRect" ? () => void drawn.push(name) : () => undefined),
  set: () => true,
});

const tell = (...messages: object[]): void => messages.forEach((message) => screen.receive(JSON.stringify(message)));
const page = (): string => document.documentElement.outerHTML;
const until = (check: () => boolean): Promise<unknown> => vi.waitFor(() => expect(check()).toBe(true), 3000);
const wiped = async (): Promise<unknown> => {
  tell({ type: "wiped" });
  return until(() => page().includes("Nothing of the patient is left on this screen."));
};

beforeEach(async () => {
  drawn = [];
  urls = new Set();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => [...urls.add(`blob:${urls.size}`)].at(-1) as string);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void urls.delete(url));
  vi.stubGlobal("fetch", (url: string) =>
    Promise.resolve(url.endsWith("/object") ? new Response("jpeg") : new Response("{}", { status: 404 })),
  );
  screen = new Screen("en");
  root = document.body.appendChild(document.createElement("div"));
  const kiosk = { api: new Api(), theme: signal<"light" | "dark">("light"), startAfresh: vi.fn() };
  render(
    <ScreenProvider value={screen}>
      <KioskProvider value={kiosk}>
        <Kiosk />
      </KioskProvider>
    </ScreenProvider>,
    root,
  );
  tell(
    { type: "hello", protocol: 1, unit: { id: "u", name: "Ward 3" }, now_ms: 1000, simulated: false },
    oximeter,
    active,
    spo2,
    wave,
    still,
  );
  await until(() => drawn.includes("stroke"));
});

afterEach(() => {
  render(null, root);
  screen.stop();
  root.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("when the unit says wiped", () => {
  it("the test's own secrets are on the screen before", () => {
    const html = root.innerHTML;
    expect(SECRETS.filter((secret) => !html.includes(secret))).toEqual([]);
    expect(drawn).toContain("stroke");
  });

  it("no element of the page holds anything of the patient", async () => {
    await wiped();
    expect(SECRETS.filter((secret) => page().includes(secret))).toEqual([]);
  });

  it("no store does", () => {
    tell({ type: "wiped" });
    expect(
      JSON.stringify(screen.state.value, (_, value: unknown) => (value instanceof Map ? [...value] : value)),
    ).not.toMatch(/GARCIA|Garcia|"83"|r1/);
    expect(screen.live.waves.get("oximeter", "plethysmogram")).toBeNull();
  });

  it("canvases end empty", async () => {
    await wiped();
    await until(() => drawn.at(-1) === "clearRect");
    expect(document.querySelectorAll("canvas")).toHaveLength(0);
  });

  it("a canvas that leaves the screen for another reason is emptied too", async () => {
    tell({ ...active, state: "review" });
    await until(() => document.querySelector("canvas") === null && drawn.at(-1) === "clearRect");
    expect(screen.live.waves.get("oximeter", "plethysmogram")).not.toBeNull();
  });

  it("the bytes of a picture that was open are let go", async () => {
    root.querySelector<HTMLButtonElement>('[data-result="r1"]')?.click();
    await until(() => urls.size === 1);
    await wiped();
    await until(() => urls.size === 0);
    expect(document.querySelector("dialog, img, video")).toBeNull();
  });

  it("address, history and storage never held anything", () => {
    const kept = JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href + JSON.stringify(history.state);
    expect(SECRETS.filter((secret) => kept.includes(secret))).toEqual([]);
    expect(history.length).toBeLessThanOrEqual(1);
  });

  it("the next patient's screen shows none of the last", async () => {
    tell({ type: "wiped" }, { ...active, id: "c2", state: "open", patient: null, doctor: null });
    await until(() => root.querySelectorAll("input").length === 3);
    expect(SECRETS.filter((secret) => root.innerHTML.includes(secret))).toEqual([]);
  });
});
