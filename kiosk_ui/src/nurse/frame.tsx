/** What is on every screen: that the unit is not heard, what it has to say, where results are. */

import type { ComponentChildren, JSX } from "preact";
import { timeText } from "../core/format.js";
import type { LiveState } from "../core/state.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";

export function Unheard(): JSX.Element | null {
  const screen = useScreen();
  if (screen.alive.value) return null;
  return (
    <div class="unheard" role="alert">
      <Icon name="wifi-off" />
      <div>
        <strong>{screen.t("unheard.title")}</strong>
        <p>{screen.t("unheard.explain")}</p>
      </div>
    </div>
  );
}

/** The sentences of the unit that somebody must read; `restarted` and the storage have banners of their own. */
function UnitTells({ state }: { state: LiveState }): JSX.Element {
  const screen = useScreen();
  const codes = (state.unit?.tell ?? []).filter((code) => code !== "restarted" && !code.startsWith("storage-"));
  return (
    <>
      {codes.map((code) => (
        <span class="status-part warn" key={code}>
          <Icon name="triangle-alert" />
          {screen.word("tell", code)}
        </span>
      ))}
    </>
  );
}

const PRESS_SHOWN_MS = 10_000;

/** Why the camera's button or the pedal did nothing. */
function PressRefused({ state }: { state: LiveState }): JSX.Element | null {
  const screen = useScreen();
  const { press, sources } = state;
  const now = screen.now.value;
  if (!press || press.ok || now === null || now - press.at_ms > PRESS_SHOWN_MS) return null;
  const name = sources.get(press.source)?.name ?? press.source;
  return (
    <span class="status-part warn" role="alert">
      <Icon name="triangle-alert" />
      {screen.t("press.refused", { name })} {screen.word("error", press.code ?? "unknown")}
    </span>
  );
}

export function OutboxState({ state }: { state: LiveState }): JSX.Element | null {
  const { t } = useScreen();
  const outbox = state.outbox;
  if (!outbox) return null;
  const down = outbox.platform === "down";
  return (
    <>
      <span class={`status-part ${down ? "warn" : ""}`}>
        <Icon name={down ? "cloud-off" : "cloud-check"} />
        {t(`platform.${outbox.platform}`)}
      </span>
      <span class="status-part">
        <Icon name="hard-drive" />
        {outbox.waiting === 0 ? t("outbox.empty") : t("outbox.waiting", { n: outbox.waiting })}
      </span>
      {outbox.refused > 0 && (
        <span class="status-part warn">
          <Icon name="circle-x" />
          {t("outbox.refused", { n: outbox.refused })}
        </span>
      )}
    </>
  );
}

export function StatusLine(): JSX.Element {
  const screen = useScreen();
  const state = screen.state.value;
  if (!screen.alive.value) return <footer class="status stale-why">{screen.t("stale.unit")}</footer>;
  return (
    <footer class="status">
      <OutboxState state={state} />
      <UnitTells state={state} />
      <PressRefused state={state} />
    </footer>
  );
}

/** When the unit came back and what that means; both ways on are offered. */
export function Restarted({ onResume, onClose }: { onResume: () => void; onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const started = screen.state.value.unit?.started;
  const sentence = started
    ? screen.t("restarted.at", { time: timeText(started, screen.locale) })
    : screen.t("restarted.unknown");
  return (
    <div class="restarted" role="alert">
      <Icon name="power" />
      <p>
        <strong>{sentence}</strong> {screen.t("restarted.explain")}
      </p>
      <Button primary onClick={onResume}>
        {screen.t("restarted.resume")}
      </Button>
      <Button onClick={onClose}>{screen.t("restarted.close")}</Button>
    </div>
  );
}

interface PageProps {
  children: ComponentChildren;
  /** A title, or the patient; and what stands beside it. */
  head: JSX.Element;
  beside?: JSX.Element;
  class?: string;
}

export function Page({ children, head, beside, class: name = "" }: PageProps): JSX.Element {
  return (
    <div class={`page ${name}`}>
      <header class="page-head">
        {head}
        {beside}
      </header>
      <main class="page-body">{children}</main>
      <StatusLine />
    </div>
  );
}
