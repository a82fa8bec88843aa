"""Random histories of a room: whose a reading really is, against what the charts say. Crashes included."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from appliance import clock
from appliance.care.acceptance import Reading
from appliance.care.assignment import Claim
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.errors import Unknown
from appliance.records.store import Store
from tests.making import TYPED, pressure, reading

T = TypeVar("T")

NAMES = ("Durand", "Martin", "Petit", "Moreau")
LONG_AGO = timedelta(minutes=20)


class Histories(RuleBasedStateMachine):
    """One cuff, one room, patients one after another. Each reading has a value of its own, and so is known again."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.runs = 0
        self.really: dict[Decimal, str] = {}  # value -> who wore the cuff
        self.whose: dict[str, str] = {}  # consultation -> its patient
        self.claimed: set[tuple[Decimal, str]] = set()
        self.timed: list[Reading] = []
        self.present, self.before = NAMES[0], NAMES[1]
        self.bound = False  # a person has put the cuff to use in this consultation

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def tried(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Whether the room did it."""
        try:
            self.do(work)
        except (Refused, Unknown):
            return False
        return True

    @initialize()
    def begin(self) -> None:
        self.take_up(self.folder / "0")

    def take_up(self, state: Path) -> None:
        self.state, self.store = state, Store.open(state)
        self.room = Room(self.store, Feed(), Care())
        self.do(self.room.start())

    @property
    def ref(self) -> str:
        return "" if self.room.record is None else self.room.record.id

    # --- what people do

    @precondition(lambda self: self.ref == "")
    @rule(who=st.sampled_from(NAMES))
    def next_patient(self, who: str) -> None:
        if who != self.present:
            self.before, self.present = self.present, who
        self.bound = False
        self.do(self.room.open(None, None))
        self.whose[self.ref] = who

    @precondition(lambda self: self.ref)
    @rule(steps=st.integers(1, 4))
    def go_on(self, steps: int) -> None:
        ref, who = self.ref, self.present
        typed = TYPED | {"birth_name": who, "given_names": who}
        consent = {"by": "patient", "language": "fr", "version": "1"}
        for work in (
            lambda: self.room.identify(ref, typed, None),
            lambda: self.room.confirm(ref, ["birth_name", "birth_date"], homonym_seen=True),
            lambda: self.room.consent(ref, given=True, **consent),
            lambda: self.room.lease(ref, ["cuff"]),
        )[:steps]:
            self.tried(work())
        self.bound = "cuff" in self.room.leases

    @precondition(lambda self: self.ref)
    @rule(act=st.sampled_from(["review", "resume", "close", "abandon", "unlease"]))
    def act(self, act: str) -> None:
        more = {"abandon": ["test"], "unlease": ["cuff"]}.get(act, [])
        if self.tried(getattr(self.room, act)(self.ref, *more)):
            self.bound = False

    @rule(data=st.data(), known=st.booleans(), careful=st.booleans())
    def assign(self, data: st.DataObject, known: bool, careful: bool) -> None:
        held = self.do(self.store.quarantined())
        if not held or not self.ref:
            return
        one, ref = data.draw(st.sampled_from(held)), self.ref
        checked = frozenset({"birth_name", "birth_date"} if careful else {"birth_name"})
        done = self.tried(self.room.assign(ref, one.id, Claim("a nurse", "test", checked, known)))
        if done:
            assert careful
            assert known or one.consultation == ref
            assert one.numerics[0].value is not None
            self.claimed.add((one.numerics[0].value, ref))
        assert not self.tried(self.room.assign(ref, one.id, Claim("a nurse", "test", frozenset(), known)))

    @precondition(lambda self: self.ref)
    @rule(data=st.data())
    def strike(self, data: st.DataObject) -> None:
        kept = self.do(self.store.results(self.ref))
        if kept:
            self.do(self.room.strike(self.ref, data.draw(st.sampled_from(kept)).result.id, "test"))

    # --- what devices do

    def arrives(self, who: str, **more: Any) -> Reading:
        value = str(100 + Decimal(len(self.really) + 1) / 1000)
        taken = more.pop("taken", None)
        made = replace(reading(pressure(value, taken=taken)), **more)
        self.really[Decimal(value)] = who
        self.do(self.room.accept(made))
        return made

    @rule(timed=st.booleans())
    def measure(self, timed: bool) -> None:
        """The patient who is here, now."""
        if not timed:
            self.arrives(self.present)
            return
        taken = clock.wall().astimezone().replace(tzinfo=None)
        self.timed.append(self.arrives(self.present, taken=taken, clock_offset_s=0.0))

    @rule(flagged=st.booleans())
    def memory(self, flagged: bool) -> None:
        """The cuff tells what it measured before, on somebody else."""
        old = clock.wall().astimezone().replace(tzinfo=None) - LONG_AGO
        if flagged:
            value = tuple(structs.replace(one, from_memory=True) for one in pressure())
            self.really[Decimal(100 + len(self.really) + 1) / 1000] = self.before
            last = list(self.really)[-1]
            self.do(self.room.accept(reading((structs.replace(value[0], value=last), value[1]))))
        else:
            self.arrives(self.before, taken=old, clock_offset_s=0.0)

    @precondition(lambda self: not self.bound)
    @rule()
    def late(self) -> None:
        """The last patient's reading comes only now, without a time, before anybody has put the cuff to use again."""
        self.arrives(self.before)

    @precondition(lambda self: self.timed)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        again = data.draw(st.sampled_from(self.timed))
        self.do(self.room.accept(replace(again, arrival=clock.now())))

    # --- what happens to the unit

    @rule()
    def restart(self) -> None:
        self.do(self.store.close())
        self.take_up(self.state)

    @rule()
    def crash(self) -> None:
        """The files as they lie on the disk at this moment, and nothing of what was in memory."""
        self.runs += 1
        state = self.folder / str(self.runs)
        shutil.copytree(self.state, state)
        self.do(self.store.close())
        self.take_up(state)

    # --- what must be so

    @invariant()
    def charts_hold_their_own_patients_readings_and_nothing_is_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        found: Counter[Decimal] = Counter()
        for ref, who in self.whose.items():
            for kept in self.do(self.store.results(ref)):
                assert kept.result.consultation == ref
                value = kept.result.numerics[0].value
                assert value is not None
                found[value] += 1
                explicit = kept.result.assigned is not None and (value, ref) in self.claimed
                assert self.really[value] == who or explicit, "a chart holds another patient's reading"
                assert explicit == ((value, ref) in self.claimed)
        for held in self.do(self.store.quarantined()):
            value = held.numerics[0].value
            assert value is not None
            found[value] += 1
        assert found == Counter(self.really.keys()), "a reading is lost, or is there twice"

    @invariant()
    def no_result_is_without_a_confirmed_patient(self) -> None:
        if not hasattr(self, "store"):
            return
        query = "SELECT DISTINCT consultation FROM result"
        for (ref,) in self.store._ledger._vault.db.execute(query).fetchall():
            record = self.do(self.store.consultation(ref))
            assert record.patient is not None
            assert record.confirmed
            assert record.consent is not None

    def teardown(self) -> None:
        if hasattr(self, "store"):
            assert self.do(self.store.audit_break()) is None
            self.do(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
