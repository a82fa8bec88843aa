/** One touch before a patient comes: every device, the microphone, the network, and what to do about each fault. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Checked } from "../core/api.js";
import { hear } from "../core/hearing.js";
import { sayCode } from "../core/i18n.js";
import { Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { Icon, kindIcon } from "../ui/icon.js";
import { type Screen, useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

const STATE_ICON = { ok: "circle-check", warn: "triangle-alert", fail: "circle-x" };
const WORST_FIRST = { fail: 0, warn: 1, ok: 2 };
const WHAT_ICON: Record<string, string> = { network: "radio", storage: "hard-drive", microphone: "mic" };

const iconOf = (item: Checked): string =>
  WHAT_ICON[item.what] ?? (item.kind === "video" ? "video" : item.kind === "audio" ? "stethoscope" : kindIcon(item.kind));

/** What is the matter and what to do: the sentence of the check, else the one of the source's own code. */
function sentence(screen: Screen, item: Checked): string {
  const values = { n: item.n ?? 0 };
  const own = sayCode(screen.language.value, `precheck.${item.what}`, item.code, values);
  return own ?? screen.word("source", item.code);
}

function Row({ item }: { item: Checked }): JSX.Element {
  const screen = useScreen();
  return (
    <li class={`checked checked-${item.state}`} data-checked={item.key} data-state={item.state}>
      <Icon name={iconOf(item)} />
      <strong>{item.name || screen.word("precheck", item.what)}</strong>
      <span class="checked-state">
        <Icon name={STATE_ICON[item.state]} />
        {screen.t(`precheck.${item.state}`)}
      </span>
      <span class="checked-words">{sentence(screen, item)}</span>
    </li>
  );
}

function Verdict({ items }: { items: Checked[] }): JSX.Element {
  const { t } = useScreen();
  const faults = items.filter((item) => item.state === "fail").length;
  return (
    <p class={`lead checked-verdict checked-${faults ? "fail" : "ok"}`} role="status">
      <Icon name={STATE_ICON[faults ? "fail" : "ok"]} />
      {faults ? t("precheck.faults", { n: faults }) : t("precheck.all-well")}
    </p>
  );
}

/** The unit's own check and the browser's, at the same time. */
function useCheck() {
  const { api } = useKiosk();
  const act = useAct();
  const items = useSignal<Checked[] | null>(null);
  const run = (): void =>
    void act.run(async () => {
      items.value = null;
      const [told, heard] = await Promise.all([api.precheck(), hear()]);
      const state = heard === "heard" ? "ok" : "warn"; // a consultation can be had without it, in writing or by telephone
      const microphone: Checked = { what: "microphone", key: "microphone", name: "", kind: "", state, code: heard, n: null };
      items.value = [...told.items, microphone].sort((a, b) => WORST_FIRST[a.state] - WORST_FIRST[b.state]);
    });
  useEffect(run, [api]);
  return { items: items.value, act, run };
}

export function Precheck({ onClose }: { onClose: () => void }): JSX.Element {
  const { t } = useScreen();
  const { items, act, run } = useCheck();
  return (
    <Dialog title={t("precheck.title")} onClose={onClose} class="precheck">
      {act.busy && <p class="lead">{t("precheck.running")}</p>}
      <Problem error={act.error} />
      {items && (
        <>
          <Verdict items={items} />
          <ul class="checked-list" tabIndex={0}>
            {items.map((item) => (
              <Row item={item} key={item.key} />
            ))}
          </ul>
        </>
      )}
      <Button disabled={act.busy} onClick={run}>
        {t("precheck.again")}
      </Button>
    </Dialog>
  );
}
