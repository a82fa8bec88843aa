/** Who is expected: asked of the platform when somebody looks, and gone from this screen when it is closed. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Expected, Worklist as Told } from "../core/api.js";
import { birthDateText, timeText } from "../core/format.js";
import { Problem, useAct } from "../ui/act.js";
import { Button } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { useKiosk } from "./kiosk-context.js";

function Row({ entry, disabled, onChoose }: { entry: Expected; disabled: boolean; onChoose: () => void }): JSX.Element {
  const { t, locale } = useScreen();
  return (
    <li>
      <Button class="expected" disabled={disabled} onClick={onChoose}>
        <span class="expected-at" dir="ltr">
          {timeText(entry.at, locale)}
        </span>
        <span class="expected-who">
          <strong>
            {entry.birth_name.toUpperCase()} {entry.given_names}
          </strong>
          <span>
            {t("patient.born")} {birthDateText(entry.birth_date, locale)} · {t(`sex.${entry.sex}`)}
          </span>
        </span>
        <span class="expected-why">{entry.reason ?? ""}</span>
      </Button>
    </li>
  );
}

/** The list, or why there is none. */
function Day({ day, off, onChoose }: { day: Told; off: boolean; onChoose: (id: string) => void }): JSX.Element {
  const { t } = useScreen();
  return (
    <>
      {day.entries.length === 0 && <p class="lead">{t("worklist.none")}</p>}
      <ul class="expected-list">
        {day.entries.map((entry) => (
          <Row entry={entry} disabled={off} onChoose={() => onChoose(entry.id)} key={entry.id} />
        ))}
      </ul>
      {day.unreadable > 0 && <Line weight="notice">{t("worklist.unreadable", { n: day.unreadable })}</Line>}
    </>
  );
}

export function Worklist({ onClose }: { onClose: () => void }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const asking = useAct();
  const act = useAct();
  const day = useSignal<Told | null>(null);
  const ask = (): void => void asking.run(async () => (day.value = await api.worklist()));
  useEffect(ask, [api]);
  const begin = (id: string): void => void act.run(() => api.begin(id));
  return (
    <Dialog title={t("worklist.title")} onClose={onClose} class="worklist">
      {day.value && <Day day={day.value} off={act.busy || !screen.alive.value} onChoose={begin} />}
      {asking.busy && <p class="lead">{t("worklist.asking")}</p>}
      <Problem error={asking.error ?? act.error} />
      {asking.error && <p class="lead">{t("worklist.without")}</p>}
      {asking.error && (
        <Button disabled={asking.busy} onClick={ask}>
          {t("worklist.again")}
        </Button>
      )}
    </Dialog>
  );
}
