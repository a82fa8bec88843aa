/** A reading that was kept aside is this patient's after all: checked again, with a reason and a name. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Consultation, Patient, Quarantined } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { Button, Choices } from "../ui/button.js";
import { Dialog } from "../ui/dialog.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { useScreen } from "../ui/screen.js";
import { Acknowledge, type Identifier, IDENTIFIERS, NEEDED, Tick, useShown } from "./confirm.js";
import { useKiosk } from "./kiosk-context.js";
import { HeldFacts, useHeld } from "./quarantine.js";

const REASONS = ["seen-measured", "bound-late", "consent-late", "device-clock"] as const;
const LONGEST_NAME = 60;

type Reason = (typeof REASONS)[number];

function List({ onChoose }: { onChoose: (held: Quarantined) => void }): JSX.Element {
  const { t } = useScreen();
  const rows = useHeld();
  return (
    <>
      <p>{t("assign.explain")}</p>
      {rows.length === 0 && <p class="muted">{t("quarantine.none")}</p>}
      <ul class="held-list">
        {rows.map((held) => (
          <li key={held.id}>
            <button type="button" class="button held" data-held={held.id} onClick={() => onChoose(held)}>
              <HeldFacts held={held} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

interface CheckProps {
  patient: Patient;
  /** It came while another consultation was open, or none. */
  other: boolean;
  onChecked: (checked: Identifier[]) => void;
}

/** The patient is asked again, for this reading. */
function Check({ patient, other, onChecked }: CheckProps): JSX.Element {
  const { t } = useScreen();
  const checked = useSignal<Identifier[]>([]);
  const known = useSignal(!other);
  const values = useShown(patient);
  const tick = (name: Identifier): void => {
    const kept = checked.value.filter((one) => one !== name);
    checked.value = kept.length === checked.value.length ? [...kept, name] : kept;
  };
  const missing = NEEDED - checked.value.length;
  return (
    <>
      {other && (
        <Acknowledge
          checked={known.value}
          onTick={() => (known.value = !known.value)}
          say={t("assign.other-known")}
          why={t("assign.other")}
        />
      )}
      <p>{t("confirm.ask")}</p>
      <ul class="identifiers">
        {IDENTIFIERS.map((name) => (
          <Tick
            name={name}
            value={values[name]}
            checked={checked.value.includes(name)}
            onTick={() => tick(name)}
            key={name}
          />
        ))}
      </ul>
      <Button primary disabled={missing > 0 || !known.value} onClick={() => onChecked(checked.value)}>
        {missing > 0 ? t("confirm.missing", { n: missing }) : t("assign.next")}
      </Button>
    </>
  );
}

interface SignProps {
  onSign: (by: string, reason: string) => void;
  busy: boolean;
}

/** Who says so, and why. */
function Sign({ onSign, busy }: SignProps): JSX.Element {
  const { t } = useScreen();
  const name = useSignal("");
  const reason = useSignal<Reason | null>(null);
  const sign = (): void => {
    if (reason.value) onSign(name.value.trim(), t(`assign.${reason.value}`));
  };
  return (
    <>
      <Choices
        label={t("assign.reason")}
        options={REASONS}
        chosen={reason.value}
        onChoose={(one) => (reason.value = one)}
        say={(one) => t(`assign.${one}`)}
      />
      <label class="field field-active">
        <span class="field-label">{t("assign.by")}</span>
        <input
          name="by"
          value={name.value}
          inputMode="none"
          autocomplete="off"
          spellcheck={false}
          maxLength={LONGEST_NAME}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
      <Keyboard kind="letters" onKey={(key) => (name.value = pressed(name.value, key, LONGEST_NAME))} />
      <HoldButton disabled={busy || reason.value === null || name.value.trim() === ""} onHeld={sign}>
        <Icon name="check" />
        {t("assign.hold")}
      </HoldButton>
    </>
  );
}

interface AssignProps {
  consultation: Consultation;
  patient: Patient;
  onClose: () => void;
}

export function Assign({ consultation, patient, onClose }: AssignProps): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const held = useSignal<Quarantined | null>(null);
  const checked = useSignal<Identifier[] | null>(null);
  const id = consultation.id ?? "";
  const chosen = held.value;
  const other = chosen !== null && chosen.consultation !== id;
  const sign = async (by: string, reason: string): Promise<void> => {
    if (!chosen || !checked.value) return;
    const claim = { reading: chosen.id, checked: checked.value, by, reason, other_consultation: other };
    if (await act.run(() => api.claim(id, claim))) onClose();
  };
  return (
    <Dialog title={t(chosen ? "assign.title" : "quarantine.title")} onClose={onClose} class="assign">
      {chosen && (
        <div class="held">
          <HeldFacts held={chosen} />
        </div>
      )}
      {!chosen ? (
        <List onChoose={(one) => (held.value = one)} />
      ) : !checked.value ? (
        <Check patient={patient} other={other} onChecked={(names) => (checked.value = names)} />
      ) : (
        <Sign busy={act.busy} onSign={(by, reason) => void sign(by, reason)} />
      )}
      <Problem error={act.error} />
    </Dialog>
  );
}
