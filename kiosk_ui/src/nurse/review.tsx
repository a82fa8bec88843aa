import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Consultation } from "../core/messages.js";
import { Problem, useAct } from "../ui/act.js";
import { PatientBanner } from "../ui/banner.js";
import { Button } from "../ui/button.js";
import { HoldButton } from "../ui/hold.js";
import { Icon } from "../ui/icon.js";
import { useScreen } from "../ui/screen.js";
import { DoctorMark } from "./consultation.js";
import { Expertise } from "./expertise.js";
import { OutboxState, Page } from "./frame.js";
import { useKiosk } from "./kiosk-context.js";
import { Results } from "./results.js";

/** Everything that was charted, before the end. Closing is held: it wipes the screen. */
export function Review({ consultation }: { consultation: Consultation }): JSX.Element {
  const screen = useScreen();
  const { t } = screen;
  const { api } = useKiosk();
  const act = useAct();
  const asking = useSignal(false);
  const id = consultation.id ?? "";
  const off = act.busy || !screen.alive.value;
  return (
    <Page
      head={<PatientBanner patient={consultation.patient} />}
      beside={<DoctorMark consultation={consultation} />}
      class="review"
    >
      <Results heading={t("review.title")} />
      <section class="review-side">
        <p class="lead">{t("review.explain")}</p>
        <p class="review-outbox">
          <OutboxState state={screen.state.value} />
        </p>
        <p class="muted">{t("review.outbox-explain")}</p>
        <Button icon="archive" disabled={off} onClick={() => (asking.value = true)}>
          {t("expertise.go")}
        </Button>
      </section>
      <div class="actions">
        <Button icon="arrow-left" disabled={off} onClick={() => void act.run(() => api.resume(id))}>
          {t("review.back")}
        </Button>
        <Problem error={act.error} />
        <HoldButton class="finish primary" disabled={off} onHeld={() => void act.run(() => api.close(id))}>
          <Icon name="check" />
          {t("review.close")}
        </HoldButton>
      </div>
      {asking.value && <Expertise consultation={id} onClose={() => (asking.value = false)} />}
    </Page>
  );
}
