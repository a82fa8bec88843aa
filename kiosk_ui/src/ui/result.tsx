/** A charted result in words, the same for the nurse and the doctor. */

import type { JSX } from "preact";
import type { Result } from "../core/messages.js";
import { Icon } from "./icon.js";
import { type Screen, useScreen } from "./screen.js";
import { DeliveryMark } from "./state.js";
import { useSummary } from "./value.js";

export const newestFirst = (screen: Screen): Result[] =>
  [...screen.state.value.results.values()].sort((a, b) => b.at.localeCompare(a.at));

/** What it is, in one line. */
export function useTitle(): (result: Result) => string {
  const { t } = useScreen();
  const summary = useSummary();
  return (result) => {
    if (result.kind !== "measurement") return t(`result.${result.kind}`);
    if (result.status === "failed") return t("result.failed");
    return summary(result.numerics) || t("result.empty");
  };
}

/** The device, or that a person typed it. */
export function useOrigin(): (result: Result) => string {
  const { t } = useScreen();
  return (result) => (result.status === "manual" ? t("result.by-hand") : result.device.name);
}

const STATUS_ICON = { questionable: "triangle-alert", failed: "circle-x", manual: "pen-line" };

/** How far it may be trusted, whether it was struck, and where it has got to. */
export function ResultMarks({ result }: { result: Result }): JSX.Element {
  const { t } = useScreen();
  return (
    <>
      {result.status !== "valid" && (
        <span class={`mark status-${result.status}`}>
          <Icon name={STATUS_ICON[result.status]} />
          {t(`result.status-${result.status}`)}
        </span>
      )}
      {result.assigned && (
        <span class="mark">
          <Icon name="archive" />
          {t("result.was-held")}
        </span>
      )}
      {result.struck != null && (
        <span class="mark">
          <Icon name="x" />
          {t("result.struck")}
        </span>
      )}
      <DeliveryMark delivery={result.delivery} refusal={result.refusal} />
    </>
  );
}
