import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Typed } from "../core/api.js";
import { digitsOf, isoOf, shown } from "../core/birthdate.js";
import type { Sex } from "../core/messages.js";
import { Button, Choices } from "../ui/button.js";
import { KeyboardScanner, withSeparators } from "../core/scan.js";
import { type Act, Problem, useAct } from "../ui/act.js";
import { Icon } from "../ui/icon.js";
import { Keyboard, pressed } from "../ui/keyboard.js";
import { Line } from "../ui/line.js";
import { useScreen } from "../ui/screen.js";
import { Cancel } from "./cancel.js";
import { Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";

const LONGEST_NAME = 100;
const SEXES: Sex[] = ["F", "M", "U"];

type FieldName = "birth_name" | "given_names" | "birth_date";

const FIELDS: FieldName[] = ["birth_name", "given_names", "birth_date"];

interface FieldProps {
  name: FieldName;
  value: string;
  active: boolean;
  wrong: boolean;
  onActive: () => void;
  onValue: (value: string) => void;
}

function Field({ name, value, active, wrong, onActive, onValue }: FieldProps): JSX.Element {
  const { t } = useScreen();
  const date = name === "birth_date";
  return (
    <label class={`field ${active ? "field-active" : ""}`}>
      <span class="field-label">
        {wrong && <Icon name="triangle-alert" />} {t(`identify.${name}`)}
      </span>
      <input
        name={name}
        value={date ? shown(value) : value}
        placeholder={date ? t("identify.date-form") : ""}
        inputMode="none"
        autocomplete="off"
        spellcheck={false}
        maxLength={LONGEST_NAME}
        dir={date ? "ltr" : "auto"}
        aria-invalid={wrong}
        onFocus={onActive}
        onInput={(event) => onValue(date ? digitsOf(event.currentTarget.value) : event.currentTarget.value)}
      />
    </label>
  );
}

function SexChoice({ sex, onSex }: { sex: Sex | null; onSex: (sex: Sex) => void }): JSX.Element {
  const { t } = useScreen();
  return (
    <div class="field">
      <span class="field-label">{t("identify.sex")}</span>
      <Choices label={t("identify.sex")} options={SEXES} chosen={sex} onChoose={onSex} say={(one) => t(`sex.${one}`)} />
    </div>
  );
}

const NOTHING: Record<FieldName, string> = { birth_name: "", given_names: "", birth_date: "" };

/** What is typed so far, and what is wrong with it once somebody asked. */
function useForm() {
  const values = useSignal(NOTHING);
  const sex = useSignal<Sex | null>(null);
  const asked = useSignal(false);
  const iso = isoOf(values.value.birth_date, new Date());
  const empty = (name: FieldName): boolean => values.value[name].trim() === "";
  const wrong = (name: FieldName): boolean => asked.value && (name === "birth_date" ? iso === null : empty(name));
  const noSex = asked.value && sex.value === null;
  const fault: FieldName | "sex" | null = FIELDS.find(wrong) ?? (noSex ? "sex" : null);
  const set = (name: FieldName, value: string): void => {
    values.value = { ...values.value, [name]: value };
  };
  const typed = (): Typed | null => {
    const { birth_name, given_names } = values.value;
    if (iso === null || sex.value === null || empty("birth_name") || empty("given_names")) return null;
    return { birth_name: birth_name.trim(), given_names: given_names.trim(), birth_date: iso, sex: sex.value };
  };
  const clear = (): void => void (values.value = NOTHING);
  return { values, sex, asked, wrong, fault, set, typed, clear };
}

type Form = ReturnType<typeof useForm>;

/** A code that comes by the clipboard is taken at once, whatever field has the focus. */
function pasted(event: ClipboardEvent, take: (code: string) => void): void {
  const text = withSeparators(event.clipboardData?.getData("text") ?? "");
  if (!text.startsWith("IS")) return;
  event.preventDefault();
  take(text);
}

/** A scanner that types may type into anything. */
function useScanner(take: (code: string) => void): void {
  useEffect(() => {
    const scanner = new KeyboardScanner();
    const listen = (event: KeyboardEvent): void => {
      const code = scanner.press(event, event.timeStamp);
      if (scanner.scanning || code !== null) event.preventDefault();
      if (code !== null) take(code);
    };
    addEventListener("keydown", listen, { capture: true });
    return () => removeEventListener("keydown", listen, { capture: true });
  }, []);
}

/** How to begin, or the first thing that is wrong. */
function Advice({ fault, act }: { fault: FieldName | "sex" | null; act: Act }): JSX.Element {
  const { t } = useScreen();
  if (act.error) return <Problem error={act.error} />;
  if (fault !== null) return <Line weight="field-fault">{t(`identify.${fault}-fault`)}</Line>;
  return (
    <Line weight="hint" icon="scan-line">
      {t("identify.scan")}
    </Line>
  );
}

/** The three fields and the sex, as they stand. */
function Fields({ form, active }: { form: Form; active: Signal<FieldName> }): JSX.Element {
  return (
    <div class="fields">
      {FIELDS.map((name) => (
        <Field
          name={name}
          value={form.values.value[name]}
          active={active.value === name}
          wrong={form.wrong(name)}
          onActive={() => (active.value = name)}
          onValue={(value) => form.set(name, value)}
          key={name}
        />
      ))}
      <SexChoice sex={form.sex.value} onSex={(sex) => (form.sex.value = sex)} />
    </div>
  );
}

export function Identify({ id }: { id: string }): JSX.Element {
  const { t } = useScreen();
  const { api } = useKiosk();
  const act = useAct();
  const form = useForm();
  const active = useSignal<FieldName>("birth_name");
  const take = (code: string): void => {
    form.clear(); // its first keys went into a field before they could be known
    void act.run(() => api.identifyByCode(id, code));
  };
  useScanner(take);
  const submit = (): void => {
    form.asked.value = true;
    const typed = form.typed();
    if (typed) void act.run(() => api.identify(id, typed));
  };
  const key = (name: string): void => {
    const field = active.value;
    form.set(field, pressed(form.values.value[field], name, field === "birth_date" ? 8 : LONGEST_NAME));
  };
  const head = (
    <div class="identify-head">
      <h1>{t("identify.title")}</h1>
      <Advice fault={form.fault} act={act} />
    </div>
  );
  return (
    <Page head={head} beside={<Cancel id={id} />} class="identify">
      <div class="identify-form" onPaste={(event) => pasted(event, take)}>
        <Fields form={form} active={active} />
        <div class="identify-keys">
          <Keyboard kind={active.value === "birth_date" ? "digits" : "letters"} onKey={key} />
          <Button primary disabled={act.busy} onClick={submit}>
            {t("identify.next")}
          </Button>
        </div>
      </div>
    </Page>
  );
}
