"""The one room of the unit: the consultation that is open in it, its leases, and everything that is charted.

All changes go through one lock and reach the disk before they reach a screen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from appliance import clock
from appliance.care import charting, conduct, consultation, identity, imaging, messages
from appliance.care.acceptance import Chart, Hold, Reading, Reason, judge
from appliance.care.assignment import Claim, assigned
from appliance.care.charting import Here, Listening, Picture
from appliance.care.consultation import ENDED, Act, State
from appliance.care.errors import Refused
from appliance.care.homonyms import acknowledged, two_identifiers
from appliance.care.imaging import Document, Order, Step
from appliance.care.keeper import Keeper
from appliance.care.lease import Lease
from appliance.care.sampling import valid
from appliance.care.space import Space
from appliance.care.status import Status
from appliance.config import Care, Records
from appliance.feed import Feed
from appliance.records.errors import StorageFull, StoreError
from appliance.records.model import Consent, ConsultationRecord, Dossier, Instance, KeptResult, Result
from appliance.records.spool import Spool
from appliance.records.store import Store

log = logging.getLogger(__name__)

TICK_S = 1.0
KEEP_MAX_AGE_NS = 2_000_000_000
OBJECT_CAP = 1 << 30  # bytes of one DICOM object: some minutes of ultrasound
SPACE_TICKS = 5  # the room that is left is looked at so seldom, and before each recording


class Room:
    """Open with `start`. Every method that a person calls raises `Refused` with a sentence when it cannot be done."""

    def __init__(
        self, store: Store, feed: Feed, rules: Care, keeping: Records | None = None, here: Here | None = None
    ) -> None:
        self._here = here or Here("", "")
        self._store, self._feed, self._rules = store, feed, rules
        self._queue_watchers: list[Callable[[], None]] = []
        self._status = Status(feed)
        self._keeper = Keeper(store, feed, self._status, self._queued)
        self._space, self._ticks = Space(store, keeping or Records(), self._status.space), 0
        self._record: ConsultationRecord | None = None
        self._leases: dict[str, Lease] = {}
        self._latest: dict[str, Reading] = {}
        self._steps: set[str] = set()
        self._resumed = False
        self._doctor: dict[str, str] | None = None
        self._lock = asyncio.Lock()
        self._watchers: list[Callable[[ConsultationRecord | None], None]] = []

    # --- life

    async def start(self) -> None:
        """Take up what a restart left: the open consultation with its leases, and what is in quarantine."""
        self._record = await self._store.unfinished()
        if self._record is not None:
            self._resumed = True
            self._status.tell("restarted")
            left = await self._store.leases(self._record.id, clock.boottime_ns())
            self._leases = {device: Lease(name, self._record.id, device, *span) for name, device, *span in left}
            for kept in await self._store.results(self._record.id):
                self._feed.publish(messages.result(kept))
        if self._store.set_aside is not None:
            self._status.tell("records-set-aside")
        for held in await self._store.quarantined():
            self._feed.publish(messages.quarantine(held))
        self._publish()
        self._status.publish()

    async def run(self) -> None:
        """`tick` once a second. Never returns."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.tick()

    async def tick(self) -> None:
        """Save what could not be saved, end leases whose time is over, look how much room is left."""
        async with self._lock:
            if self._ticks % SPACE_TICKS == 0:
                await self._space.look()
            self._ticks += 1
            await self._keeper.retry()
            await self._end_leases(lambda lease: not lease.holds(clock.boottime_ns()))

    def watch(self, watcher: Callable[[ConsultationRecord | None], None]) -> None:
        """`watcher` is called with the consultation after each change of it; None once it is over."""
        self._watchers.append(watcher)

    def when_queued(self, watcher: Callable[[], None]) -> None:
        """`watcher` is called when something new waits for the platform."""
        self._queue_watchers.append(watcher)

    @property
    def record(self) -> ConsultationRecord | None:
        """The open consultation."""
        return self._record

    @property
    def active(self) -> bool:
        """Whether a doctor may join and results are charted."""
        return self._record is not None and self._record.state == State.ACTIVE

    @property
    def leases(self) -> list[str]:
        """The devices bound now."""
        return sorted(self._leases)

    def leased(self, device: str) -> str | None:
        """The lease under which what this device says now may be shown as this patient's; None if it may not."""
        lease = self._leases.get(device)
        return lease.id if self.active and lease is not None and lease.holds(clock.boottime_ns()) else None

    # --- the consultation

    async def open(self, place: str | None, reason: str | None, **where: Any) -> ConsultationRecord:
        """Begin a consultation; only one is open at a time. `where`: `finess`, `room`, `nurse`."""
        async with self._lock:
            if self._record is not None:
                raise Refused("consultation-open", "a consultation is open already: close it or go on with it")
            record = ConsultationRecord(
                charting.new_id(), State.OPEN, clock.wall(), charting.new_id(), place=place, reason=reason, **where
            )
            await self._keeper.saving(self._store.open_consultation(record))
            self._record, self._resumed = record, False
            self._publish()
            return record

    async def identify(
        self, ref: str, typed: Mapping[str, str] | None, datamatrix: str | None, origin: str | None = None
    ) -> ConsultationRecord:
        """Traits of the patient, typed or read from the INS datamatrix; not yet confirmed. `origin`: another one."""
        today, tests = clock.wall().astimezone().date(), self._rules.allow_test_identities
        traits = identity.read(typed, datamatrix, today, test_identities=tests)
        traits = replace(traits, origin=origin or traits.origin)
        homonym = await self._store.alike(ref, traits)
        warned = {"patient": traits, "confirmed": (), "homonym": homonym, "homonym_seen": False}
        return await self._step(ref, Act.IDENTIFY, "homonym-warning" if homonym else "", **warned)

    async def confirm(self, ref: str, checked: Iterable[str], *, homonym_seen: bool = False) -> ConsultationRecord:
        """Two identifiers were read aloud and fit; where another patient is alike, that was seen."""
        names = two_identifiers(frozenset(checked))
        warned = acknowledged(self._the(ref), seen=homonym_seen)
        detail = "homonym-seen" if warned else ""
        return await self._step(ref, Act.CONFIRM, detail, confirmed=names, homonym_seen=warned)

    async def consent(self, ref: str, *, given: bool, by: str, language: str, version: str) -> ConsultationRecord:
        """Consent is recorded; a refusal ends the consultation."""
        consent = Consent(given, by, clock.wall(), language, version)
        return await self._step(ref, Act.CONSENT if given else Act.REFUSE, consent=consent)

    async def review(self, ref: str) -> ConsultationRecord:
        """Look through everything; leases end, nothing new is charted."""
        return await self._step(ref, Act.REVIEW)

    async def resume(self, ref: str) -> ConsultationRecord:
        """Back from the review; devices must be bound again."""
        return await self._step(ref, Act.RESUME)

    async def close(self, ref: str) -> ConsultationRecord:
        """The end; everything of the patient leaves screens and memory. Not while something is unsaved."""
        if self._keeper.unsaved:
            raise Refused("unsaved", f"{self._keeper.unsaved} measurements are not saved yet")
        validated = conduct.validated(self._the(ref), clock.wall())
        return await self._step(ref, Act.CLOSE, acknowledged=validated.acknowledged)

    async def abandon(self, ref: str, reason: str) -> ConsultationRecord:
        """End without a consultation having taken place; what was measured stays on the chart and is sent."""
        return await self._step(ref, Act.ABANDON, reason=reason)

    async def amend(
        self, ref: str, action: str, change: Callable[[ConsultationRecord], ConsultationRecord], detail: str = ""
    ) -> ConsultationRecord:
        """Add to the open consultation what changes no state: `change` gives the record that is kept."""
        async with self._lock:
            return await self._saved(change(self._the(ref)), action, detail)

    async def ask(self, ref: str, make: Callable[[ConsultationRecord, list[KeptResult]], Dossier]) -> Dossier:
        """A dossier of tele-expertise of what is charted now; `make` refuses what cannot be asked."""
        async with self._lock:
            dossier = make(self._the(ref), await self._store.results(ref))
            await self._keeper.saving(self._store.add_dossier(dossier))
            self._queued()
            return dossier

    def doctor(self, name: str | None, state: str = "connected") -> None:
        """Who is on the call, for the screens."""
        self._doctor = None if name is None else {"name": name, "state": state}
        self._publish()

    # --- leases

    async def lease(self, ref: str, devices: Iterable[str]) -> list[str]:
        """Bind devices to this consultation, from now on and for the time of the rules."""
        async with self._lock:
            record = self._the(ref)
            if record.state != State.ACTIVE:
                raise Refused("not-active", f"devices are bound in an active consultation; this one is {record.state}")
            for device in devices:
                await self._bind(record.id, device)
            return self.leases

    async def unlease(self, ref: str, device: str) -> list[str]:
        """Let a device go."""
        async with self._lock:
            self._the(ref)
            await self._end_leases(lambda lease: lease.device == device)
            return self.leases

    # --- what is charted

    async def accept(self, reading: Reading) -> Chart | Hold:
        """Judge a reading and keep it, on the chart or in quarantine: on the disk on return, or held unsaved."""
        async with self._lock:
            state = None if self._record is None else State(self._record.state)
            verdict = judge(reading, state, self._leases.get(reading.device.key))
            if isinstance(verdict, Hold):
                held = charting.held(reading, verdict.reason, None if self._record is None else self._record.id)
                await self._keeper.quarantine(held, reading.fingerprint())
            else:
                assert self._record is not None
                result = self._signed(charting.measured(self._record.id, reading, verdict.status))
                await self._keeper.keep(result, reading.fingerprint())
            return verdict

    @property
    def order(self) -> Order | None:
        """What devices that ask whom to examine are told."""
        return imaging.order(self._record)

    async def assign(self, ref: str, reading: str, claim: Claim) -> KeptResult:
        """Chart a quarantined reading, because a person says whose it is. `Unknown` where it is not there any more."""
        async with self._lock:
            self._the(ref)
            held = await self._store.quarantined_reading(reading)
            return await self._keeper.assign(held.id, self._signed(assigned(held, self._the(ref), claim)))

    def spool(self) -> Spool:
        """Where the bytes of one object can arrive; any thread may write them. Never into the measurements' reserve."""
        return self._store.spool(max(0, min(OBJECT_CAP, self._space.recordings)))

    async def receive(self, document: Document, spool: Spool) -> Reason | None:
        """Judge an object and keep it, on the chart or in quarantine with the reason: on the disk on return.

        Raises what the store raises: the device must keep what the unit could not.
        """
        async with self._lock:
            await self._space.admit(0)  # its bytes are there already; what they have left must not be the reserve
            reason = imaging.judge(document, self._record, self._leases.get(document.device.key))
            ref = None if self._record is None else self._record.id
            if reason is not None:
                await self._keeper.quarantine_or_refuse(
                    charting.held_document(document, reason, ref), document.fingerprint(), spool
                )
            else:
                assert ref is not None
                result = self._signed(charting.document(ref, document))
                await self._keeper.chart_or_refuse(result, spool, document.fingerprint())
            return reason

    async def step(self, device: str, uid: str, told: str, *, new: bool, accession: str) -> None:
        """A device tells how far its examination is. `Refused` as `imaging.next_step`."""
        async with self._lock:
            before = await self._store.step(uid)
            state = imaging.next_step(None if before is None else Step(before), told, new=new)
            ours = self.order
            if new and ours is not None and accession == ours.accession:
                self._steps.add(uid)
            ref = self._record.id if self._record is not None and uid in self._steps else None
            await self._keeper.saving(self._store.save_step(uid, state, ref))
            if ref is not None:
                self._feed.publish(messages.step(device, state))

    async def held(self, asked: list[Instance]) -> dict[str, str]:
        """See `Store.held`."""
        return await self._store.held(asked)

    def lost_reading(self) -> None:
        """A reading could not be kept because of a fault of ours: the nurse must know, and measure again."""
        self._status.tell("readings-lost")

    def show(self, reading: Reading) -> None:
        """Live values of a leased device, for the screens; remembered for `keep`."""
        if self.leased(reading.device.key) is None:
            return
        if not reading.shown:  # what a monitor goes on showing is charted once, by itself
            self._latest[reading.device.key] = reading
        for numeric in reading.numerics:
            self._feed.publish(messages.numeric(reading.device.key, numeric, reading.arrival.boot_ns // 1_000_000))

    async def keep(self, ref: str, device: str) -> KeptResult:
        """Chart what a continuous device shows now: the nurse touched "keep"."""
        self._the(ref)
        reading = self._latest.get(device)
        fresh = reading is not None and clock.boottime_ns() - reading.arrival.boot_ns <= KEEP_MAX_AGE_NS
        if reading is None or not fresh or not valid(reading.numerics):
            raise Refused("nothing-to-keep", "this device shows no valid value now")
        async with self._lock:
            self._the(ref)
            verdict = judge(reading, State(self._the(ref).state), self._leases.get(device))
            if isinstance(verdict, Hold):
                raise Refused(verdict.reason.value, "this value may not be charted")
            return await self._keeper.keep_or_refuse(self._signed(charting.measured(ref, reading, verdict.status)))

    async def typed(self, ref: str, *, metric: str, value: str, unit: str, reason: str) -> KeptResult:
        """Chart a value that was read elsewhere and typed; it says so for ever."""
        async with self._lock:
            record = self._the(ref)
            if record.state not in {State.ACTIVE, State.REVIEW}:
                raise Refused("not-active", f"values are charted in an active consultation; this one is {record.state}")
            result = charting.typed(ref, metric, value, unit, reason)
            return await self._keeper.keep_or_refuse(self._signed(result))

    async def picture(self, ref: str, what: Picture | Listening) -> KeptResult:
        """Chart a still, a clip or a sound."""
        async with self._lock:
            record = self._the(ref)
            if record.state not in what.states:
                raise Refused("not-active", f"recordings are made in an active consultation; this is {record.state}")
            await self._space.admit(what.size)
            return await self._keeper.keep_or_refuse(self._signed(charting.recorded(ref, what)), what.data)

    async def strike(self, ref: str, result: str, reason: str) -> KeptResult:
        """Mark a result as entered in error; it stays, and the platform is told."""
        async with self._lock:
            self._the(ref)
            kept = await self._store.result(result)
            if kept.result.consultation != ref:
                raise Refused("no-such-result", "this result is not of the open consultation")
            if kept.struck is None:
                await self._keeper.saving(self._store.strike(result, reason))
                self._queued()
            kept = await self._store.result(result)
            self._feed.publish(messages.result(kept))
            return kept

    async def delivered(self, result: str) -> None:
        """The records know more about the delivery of a result: show it if its consultation is open."""
        if self._record is None:
            return
        kept = await self._store.result(result)
        if self._record is not None and kept.result.consultation == self._record.id:
            self._feed.publish(messages.result(kept))

    # --- how it is done

    def _the(self, ref: str) -> ConsultationRecord:
        if self._record is None or self._record.id != ref:
            raise Refused("no-such-consultation", "this consultation is not open on this unit")
        return self._record

    def _signed(self, result: Result) -> Result:
        """With who keeps it: this unit, its version, and the nurse who is here."""
        nurse = None if self._record is None else self._record.nurse
        return replace(result, unit=self._here.unit or None, software=self._here.software or None, nurse=nurse)

    async def _step(self, ref: str, act: Act, detail: str = "", **changes: Any) -> ConsultationRecord:
        async with self._lock:
            record = self._the(ref)
            state = consultation.step(State(record.state), act)
            ended = clock.wall() if state in ENDED else None
            record = replace(record, state=state, closed=ended, **changes)
            await self._saved(record, act, detail)
            if state in ENDED:
                self._wipe()
            return record

    async def _saved(self, record: ConsultationRecord, action: str, detail: str) -> ConsultationRecord:
        await self._keeper.saving(self._store.save_consultation(record, action, detail))
        self._record, self._resumed = record, False
        self._status.untell("restarted")
        if record.state != State.ACTIVE:
            await self._end_leases(lambda _: True)
        self._queued()
        self._publish()
        return record

    def _wipe(self) -> None:
        self._record, self._doctor = None, None
        self._latest.clear()
        self._steps.clear()
        self._feed.wipe()
        self._publish()

    async def _bind(self, ref: str, device: str) -> None:
        now = clock.boottime_ns()
        held = self._leases.get(device)
        lease = Lease(charting.new_id(), ref, device, now, now + self._rules.lease_minutes * 60 * 10**9)
        if held is not None and held.holds(now):  # renewed: what it measured since it was bound stays this patient's
            lease = replace(lease, from_ns=held.from_ns)
        await self._keeper.saving(
            self._store.add_lease(lease.id, lease.consultation, lease.device, lease.from_ns, lease.until_ns)
        )
        self._leases[device] = lease
        self._publish_lease(device)

    async def _end_leases(self, over: Callable[[Lease], bool]) -> None:
        for lease in [lease for lease in self._leases.values() if over(lease)]:
            del self._leases[lease.device]
            self._latest.pop(lease.device, None)
            self._publish_lease(lease.device)
            try:
                await self._store.end_lease(lease.id)
            except (StorageFull, StoreError):
                log.warning("the end of a lease could not be written; it ends by its time")

    def _queued(self) -> None:
        for watcher in self._queue_watchers:
            watcher()

    def _publish(self) -> None:
        message = messages.consultation(self._record, resumed=self._resumed, doctor=self._doctor)
        self._feed.publish(message)
        for watcher in self._watchers:
            watcher(self._record)

    def _publish_lease(self, device: str) -> None:
        for message in self._feed.state("device"):
            if message["key"] == device:
                self._feed.publish({**message, "lease": device in self._leases})
