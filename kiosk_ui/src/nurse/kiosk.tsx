import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Consultation as Told } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { useScreen } from "../ui/screen.js";
import { SimulatedMark } from "../ui/simulated.js";
import { Confirm } from "./confirm.js";
import { Consent } from "./consent.js";
import { Consultation } from "./consultation.js";
import { Restarted, Unheard } from "./frame.js";
import { Home } from "./home.js";
import { Identify } from "./identify.js";
import { useKiosk } from "./kiosk-context.js";
import { LoggedIn, LoginPage, useLogin } from "./login.js";
import { Quarantine } from "./quarantine.js";
import { Review } from "./review.js";
import { Simulator } from "./simulator.js";
import { StorageNotice } from "./storage.js";
import { Wiped } from "./wiped.js";

/** The screen that belongs to the state of the consultation: there is no other navigation, and no address of its own. */
function Step({ consultation, onSimulator }: { consultation: Told; onSimulator: () => void }): JSX.Element {
  const { id, state, patient } = consultation;
  if (id === null) return <Wiped />;
  if (state === "open" || !patient) return <Identify id={id} />;
  if (state === "identifying") return <Confirm consultation={consultation} patient={patient} />;
  if (state === "ready") return <Consent id={id} patient={patient} />;
  if (state === "active") return <Consultation consultation={consultation} onSimulator={onSimulator} />;
  if (state === "review") return <Review consultation={consultation} />;
  return <Wiped />;
}

/** Shown until somebody chose: after a restart the nurse decides whether this consultation goes on. */
function useRestarted(consultation: Told | null): { shown: boolean; dismiss: () => void } {
  const screen = useScreen();
  const seen = useSignal(false);
  const told = screen.state.value.unit?.tell.includes("restarted") ?? false;
  const shown = consultation !== null && (consultation.resumed === true || told) && !seen.value;
  return { shown, dismiss: () => (seen.value = true) };
}

export function Kiosk(): JSX.Element {
  const screen = useScreen();
  const { api } = useKiosk();
  const login = useLogin(api);
  const act = useAct();
  const aside = useSignal<"quarantine" | "simulator" | null>(null);
  const { consultation, wipes } = screen.state.value;
  const first = useRef(wipes);
  const restarted = useRestarted(consultation);
  useEffect(() => void (aside.value = null), [wipes, aside]);
  const openSimulator = (): void => void (aside.value = "simulator");
  const close = (): void => {
    restarted.dismiss();
    const id = consultation?.id;
    if (id && consultation.state === "active") void act.run(() => api.review(id));
    else if (id && consultation.state !== "review")
      void act.run(() => api.abandon(id, "closed after a restart of the unit"));
  };
  const said = login.value;
  if (said && said.state !== "off" && said.state !== "in")
    return (
      <>
        <SimulatedMark />
        <Unheard />
        <LoginPage login={login} said={said} key={said.state} />
      </>
    );
  return (
    <>
      <SimulatedMark />
      <LoggedIn login={login} />
      <Unheard />
      <StorageNotice />
      {restarted.shown && <Restarted onResume={restarted.dismiss} onClose={close} />}
      <Problem error={act.error} />
      {consultation ? (
        <Step consultation={consultation} onSimulator={openSimulator} />
      ) : wipes > first.current ? (
        <Wiped />
      ) : aside.value === "quarantine" ? (
        <Quarantine onBack={() => (aside.value = null)} />
      ) : (
        <Home onQuarantine={() => (aside.value = "quarantine")} onSimulator={openSimulator} />
      )}
      {aside.value === "simulator" && <Simulator onClose={() => (aside.value = null)} />}
    </>
  );
}
