import type { JSX } from "preact";
import { timeText } from "../core/format.js";
import type { Quarantined } from "../core/messages.js";
import { Button } from "../ui/button.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { useSummary } from "../ui/value.js";
import { Page } from "./frame.js";

/** What was read, by what and when, and why it is here. */
export function HeldFacts({ held }: { held: Quarantined }): JSX.Element {
  const screen = useScreen();
  const summary = useSummary();
  const device = typeof held.device === "string" ? held.device : (held.device.name ?? held.device.key ?? "–");
  return (
    <>
      <strong class="held-values" dir="auto">
        {summary(held.numerics) || screen.t("result.empty")}
      </strong>
      <span>
        {device} · <span dir="ltr">{timeText(held.at, screen.locale, true)}</span>
      </span>
      <span class="held-reason">
        <Icon name="archive" />
        {screen.word("quarantine", held.reason)}
      </span>
      {held.goes && (
        <span class="held-goes">
          <Icon name="clock" />
          {screen.t("quarantine.goes", { date: new Date(held.goes).toLocaleDateString(screen.locale) })}
        </span>
      )}
    </>
  );
}

/** All that is held, newest first. */
export function useHeld(): Quarantined[] {
  const screen = useScreen();
  return [...screen.state.value.quarantine.values()].sort((a, b) => b.at.localeCompare(a.at));
}

/** Readings that nobody may chart, each with the reason in words. */
export function Quarantine({ onBack }: { onBack: () => void }): JSX.Element {
  const screen = useScreen();
  const rows = useHeld();
  return (
    <Page head={<h1>{screen.t("quarantine.title")}</h1>} class="quarantine">
      <p class="lead">{screen.t("quarantine.explain")}</p>
      {rows.length === 0 && <p class="muted">{screen.t("quarantine.none")}</p>}
      <ul class="held-list" tabIndex={0}>
        {rows.map((held) => (
          <li class="held" key={held.id}>
            <HeldFacts held={held} />
          </li>
        ))}
      </ul>
      <div class="actions">
        <Button icon="arrow-left" onClick={onBack}>
          {screen.t("action.back")}
        </Button>
      </div>
    </Page>
  );
}
