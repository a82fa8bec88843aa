import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { ApiError } from "../core/api.js";
import { sayCode } from "../core/i18n.js";
import { Icon } from "./icon.js";
import { type Screen, useScreen } from "./screen.js";

export interface Act {
  /** Does it, unless something is being done already; true when it was done. */
  run: (what: () => Promise<unknown>) => Promise<boolean>;
  busy: boolean;
  error: ApiError | null;
  clear: () => void;
}

/** Something asked of the unit: one at a time, and what it answered when it did not do it. */
export function useAct(): Act {
  const busy = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  const run = async (what: () => Promise<unknown>): Promise<boolean> => {
    if (busy.peek()) return false;
    busy.value = true;
    error.value = null;
    try {
      await what();
      return true;
    } catch (cause) {
      error.value = cause instanceof ApiError ? cause : new ApiError(0, "screen-fault", String(cause), null, null);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { run, busy: busy.value, error: error.value, clear: () => (error.value = null) };
}

/** In plain words: our sentence for the code, then the unit's own, then what it got and wanted. */
function sentences(screen: Screen, error: ApiError): { main: string; more: string[] } {
  const own = sayCode(screen.language.value, "error", error.code);
  const more = own && error.message ? [error.message] : [];
  if (error.got !== null) more.push(screen.t("error.got", { value: error.got }));
  if (error.wanted !== null) more.push(screen.t("error.wanted", { value: error.wanted }));
  return { main: own ?? (error.message || screen.t("error.unknown")), more };
}

export function Problem({ error }: { error: ApiError | null }): JSX.Element | null {
  const screen = useScreen();
  if (!error) return null;
  const { main, more } = sentences(screen, error);
  return (
    <div class="problem" role="alert">
      <Icon name="triangle-alert" />
      <div>
        <strong>{main}</strong>
        {more.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
    </div>
  );
}
