/** Who works at this unit: approved on a phone, re-opened with a PIN. Nothing of a patient is drawn before. */

import { type Signal, signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Api, LoginAct, LoginState } from "../core/api.js";
import { sayCode } from "../core/i18n.js";
import { Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

const LOOK_MS = 1000;
const TOUCH_MS = 30_000; // a screen that is used is not idle; it is said this often
const SHORTEST_PIN = 4;
const LONGEST_PIN = 8;

/** The login as the unit tells it; null until it told. */
export function useLogin(api: Api): Signal<LoginState | null> {
  const login = useMemo(() => signal<LoginState | null>(null), []);
  useEffect(() => {
    let touched = 0;
    const look = async (): Promise<void> => {
      login.value = await api.login().catch(() => login.peek());
      if (login.peek()?.state === "off") clearInterval(timer);
    };
    const touch = (): void => {
      if (login.peek()?.state !== "in" || performance.now() - touched < TOUCH_MS) return;
      touched = performance.now();
      void api.touch().catch(() => undefined);
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    void look();
    document.addEventListener("pointerdown", touch);
    return () => {
      clearInterval(timer);
      document.removeEventListener("pointerdown", touch);
    };
  }, [api, login]);
  return login;
}

/** How the last login ended, in words. */
function Why({ why }: { why: string | null | undefined }): JSX.Element | null {
  const { language } = useScreen();
  const sentence = why ? sayCode(language.value, "login", `why-${why}`) : null;
  return sentence ? <Line weight="notice">{sentence}</Line> : null;
}

function Code({ code }: { code: NonNullable<LoginState["code"]> }): JSX.Element {
  const { t } = useScreen();
  const minutes = `${Math.floor(code.left_s / 60)}:${String(code.left_s % 60).padStart(2, "0")}`;
  return (
    <div class="login-code">
      {/* The unit draws it itself: an image, so that nothing in it can act. */}
      <img src={`data:image/svg+xml,${encodeURIComponent(code.qr)}`} alt={t("login.qr")} />
      <div>
        <ol>
          <li>{t("login.step-scan")}</li>
          <li>
            {t("login.step-address")} <strong dir="ltr">{code.address}</strong>
          </li>
          <li>{t("login.step-code")}</li>
        </ol>
        <p class="login-user-code" dir="ltr">
          {code.user_code}
        </p>
        <p class="muted">{t("login.left", { time: minutes })}</p>
      </div>
    </div>
  );
}

interface FormProps {
  login: Signal<LoginState | null>;
  said: LoginState;
}

/** Chosen twice, so that a slip does not lock its owner out; asked for once. */
function Pin({ login, said }: FormProps): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const typed = useSignal("");
  const first = useSignal<string | null>(null);
  const differs = useSignal(false);
  const choosing = said.state === "choosing";
  const go = (): void => {
    const pin = typed.value;
    typed.value = "";
    differs.value = false;
    if (choosing && first.value === null) {
      first.value = pin;
      return;
    }
    if (choosing && first.value !== pin) {
      first.value = null;
      differs.value = true;
      return;
    }
    void act.run(async () => (login.value = await api.pin(pin)));
  };
  const ask = choosing ? (first.value === null ? "login.choose" : "login.choose-again") : "login.pin";
  return (
    <div class="login-pin">
      <div>
        <p class="lead">{t(ask)}</p>
        <output class="manual-value" aria-label={t("login.typed", { n: typed.value.length })} dir="ltr">
          {"●".repeat(typed.value.length) || "–"}
        </output>
        {differs.value && <Line weight="field-fault">{t("login.differs")}</Line>}
        {!choosing && <p class="muted">{t("login.tries", { n: said.tries ?? 0 })}</p>}
        <Problem error={act.error} />
        <Button primary class="huge" disabled={act.busy || typed.value.length < SHORTEST_PIN} onClick={go}>
          {t(choosing ? "login.use-pin" : "login.open")}
        </Button>
      </div>
      <Keyboard kind="digits" onKey={(key) => (typed.value = pressed(typed.value, key, LONGEST_PIN))} />
    </div>
  );
}

/** The whole screen, until somebody is logged in. */
export function LoginPage({ login, said }: FormProps): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const run = (what: LoginAct) => () => void act.run(async () => (login.value = await api.loginAct(what)));
  const title = said.name ?? screen.state.value.hello?.unit.name ?? t("app.name");
  return (
    <Page head={<h1>{title}</h1>} class="login">
      <div class="login-card">
        <h2>
          <Icon name="lock" />
          {t(`login.${said.state === "locked" ? "locked" : "title"}`)}
        </h2>
        <Why why={said.why} />
        {said.state === "out" && (
          <>
            <p class="lead">{t("login.explain")}</p>
            <Button primary class="huge" disabled={act.busy} onClick={run("begin")}>
              {t("login.begin")}
            </Button>
          </>
        )}
        {said.state === "asking" && (said.code ? <Code code={said.code} /> : <p class="lead">{t("login.asking")}</p>)}
        {(said.state === "choosing" || said.state === "locked") && <Pin login={login} said={said} />}
        <Problem error={act.error} />
        {said.state !== "out" && (
          <Button icon="x" onClick={run("end")}>
            {t(said.state === "asking" ? "login.cancel" : "login.other")}
          </Button>
        )}
      </div>
    </Page>
  );
}

/** Always in sight: who works here, and the way to leave for a moment. */
export function LoggedIn({ login }: { login: Signal<LoginState | null> }): JSX.Element | null {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const said = login.value;
  if (said?.state !== "in") return null;
  return (
    <div class="logged-in">
      <Icon name="circle-check" />
      <span>{t("login.who", { name: said.name ?? "" })}</span>
      <Button icon="lock" onClick={() => void act.run(async () => (login.value = await api.loginAct("lock")))}>
        {t("login.lock")}
      </Button>
      <Problem error={act.error} />
    </div>
  );
}
