/** The room for records: said in time, with what still works. */

import type { JSX } from "preact";
import type { StorageState } from "../core/messages.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";

type Said = Exclude<StorageState, "ok">;

/** On every screen, as long as the storage is not as it should be. */
export function StorageNotice(): JSX.Element | null {
  const screen = useScreen();
  const storage = screen.state.value.storage;
  if (!screen.alive.value || !storage || storage.state === "ok") return null;
  const state: Said = storage.state;
  const bad = state === "full" || state === "failed";
  return (
    <div class={`storage ${bad ? "storage-bad" : ""}`} role="alert">
      <Icon name="hard-drive" />
      <p>
        <strong>{screen.t(`storage.${state}`)}</strong> {screen.t(`storage.${state}-explain`)}
        {storage.unsaved > 0 && <strong> {screen.t("storage.unsaved", { n: storage.unsaved })}</strong>}
      </p>
    </div>
  );
}
