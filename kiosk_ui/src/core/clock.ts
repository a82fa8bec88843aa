/** What the unit's clock says now, as far as a receiver can know; and whether the unit is still heard. */

/** docs/protocol.md section 5: without a beat for so long the receiver greys everything itself. */
export const BEAT_LIMIT_MS = 800;

const BEAT_WINDOW_MS = 10_000; // two quartz clocks part by less than 1 ms in it
const ROUND_TRIP_LIFE_MS = 60_000;

interface Estimate {
  /** When it was made, on the receiver's monotonic clock. */
  at: number;
  /** Unit clock minus receiver clock. */
  offset: number;
}

/**
 * Unit time estimated from beats (CLOCK_BOOTTIME milliseconds; see `now`).
 *
 * A beat always arrives late, never early, so the largest offset in a window is the nearest to the truth; what
 * remains is the shortest transport delay. A round trip (`pong`), where there is one, halves that error.
 */
export class UnitClock {
  #beats: Estimate[] = [];
  #trip: (Estimate & { rtt: number }) | null = null;
  #heard: number | null = null;

  /** `local`: the receiver's monotonic clock, ms, here and everywhere below. */
  beat(now_ms: number, local: number): void {
    this.#heard = local;
    this.#beats = this.#beats.filter((estimate) => local - estimate.at < BEAT_WINDOW_MS);
    this.#beats.push({ at: local, offset: now_ms - local });
  }

  pong(now_ms: number, sent: number, local: number): void {
    const rtt = local - sent;
    const old = this.#trip;
    if (old && rtt > old.rtt && local - old.at < ROUND_TRIP_LIFE_MS) return;
    this.#trip = { at: local, rtt, offset: now_ms - (sent + local) / 2 };
  }

  /** The unit's present instant, ms; null before the first beat. */
  now(local: number): number | null {
    if (this.#beats.length === 0) return null;
    const offset = this.#trip?.offset ?? Math.max(...this.#beats.map((estimate) => estimate.offset));
    return local + offset;
  }

  /** Half of the best round trip, ms; null when none was measured. */
  get uncertainty(): number | null {
    return this.#trip === null ? null : this.#trip.rtt / 2;
  }

  alive(local: number): boolean {
    return this.#heard !== null && local - this.#heard <= BEAT_LIMIT_MS;
  }

  /** How long nothing was heard, ms; null before the first beat. */
  silence(local: number): number | null {
    return this.#heard === null ? null : local - this.#heard;
  }

  /** Another connection, perhaps to a unit that was restarted: its clock began again. */
  reset(): void {
    this.#beats = [];
    this.#trip = null;
    this.#heard = null;
  }
}
