"""The forwarder: order, patience, and no receipt before the disk has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from appliance.platform import forwarder as module
from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.fhir.text import Resource, dumps
from appliance.platform.forwarder import Forwarder, OutboxState
from appliance.records.model import Delivery
from tests.unit.platform.fakes import FakePlatform, MemoryRecords, Notes, until
from tests.unit.platform.making import CONSULTATION, PRESSURE, SENDER, SHA1, SHA256, STILL

OTHER = "11111111-6f4b-4b0e-9a43-0f6f0d6b8a11"


def at_once(low: float, _: float) -> float:
    return low


@asynccontextmanager
async def forwarding(
    records: MemoryRecords, platform: FakePlatform, draw: Callable[[float, float], float] = at_once
) -> AsyncIterator[tuple[Forwarder, Notes]]:
    notes = Notes()
    forwarder = Forwarder(records, platform, SENDER, notes, draw)
    task = asyncio.create_task(forwarder.run())
    try:
        yield forwarder, notes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled(), task.exception()


def kinds(platform: FakePlatform) -> list[str]:
    return [bundle["entry"][-2]["resource"]["resourceType"] for bundle in platform.bundles]


async def test_rows_go_in_order_and_are_settled() -> None:
    records, platform = MemoryRecords(), FakePlatform()
    records.add()
    records.add("result", result=PRESSURE)
    records.add("strike", result=PRESSURE)
    async with forwarding(records, platform) as (_, notes):
        await until(lambda: records.state == {1: "done", 2: "done", 3: "done"})
        await until(lambda: bool(notes.states) and notes.states[-1] == OutboxState(0, 0, None, "up"))
    assert kinds(platform) == ["Consent", "Observation", "Observation"]
    assert notes.deliveries == [(1, Delivery("persisted")), (2, Delivery("persisted")), (3, Delivery("persisted"))]
    assert records.receipts[2].location == "Observation/1"
    assert "wrong arm" in dumps(platform.bundles[2])


async def test_a_new_row_is_sent_at_once() -> None:
    records, platform = MemoryRecords(), FakePlatform()
    async with forwarding(records, platform) as (forwarder, _):
        await asyncio.sleep(0.01)
        records.add()
        forwarder.wake()
        await until(lambda: records.state == {1: "done"})


async def test_what_is_not_confirmed_is_sent_again_the_same() -> None:
    records = MemoryRecords()
    answers: list[Outcome] = [Later("lost"), Later("lost"), Persisted(None)]

    async def act(_: Resource) -> Outcome:
        return answers.pop(0)

    platform = FakePlatform(act)
    records.add("result", result=PRESSURE)
    async with forwarding(records, platform):
        await until(lambda: records.state == {1: "done"})
    assert len({dumps(bundle) for bundle in platform.bundles}) == 1
    assert len(platform.bundles) == 3
    assert records.rows[0].attempts == 2


async def test_nothing_overtakes_a_row_of_its_own_consultation() -> None:
    records, down = MemoryRecords(), True

    async def act(bundle: Resource) -> Outcome:
        return Later("not yet") if down and CONSULTATION in dumps(bundle) else Persisted(None)

    platform = FakePlatform(act)
    records.add()
    records.add("result", result=PRESSURE)
    records.add(consultation=OTHER)
    async with forwarding(records, platform, lambda low, high: 0.01) as (forwarder, _):
        await until(lambda: records.state[3] == "done" and records.rows[0].attempts >= 2)
        assert "Observation" not in kinds(platform)
        down = False
        forwarder.platform_is_back()
        await until(lambda: records.state == {1: "done", 2: "done", 3: "done"})


async def test_two_consultations_at_most_and_never_the_same_row_twice() -> None:
    records, running, most = MemoryRecords(), 0, 0

    async def act(_: Resource) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return Persisted(None)

    platform = FakePlatform(act)
    for number in range(6):
        for _ in range(2):
            records.add(consultation=f"0000000{number}-6f4b-4b0e-9a43-0f6f0d6b8a11")
    async with forwarding(records, platform):
        await until(lambda: set(records.state.values()) == {"done"})
    assert (most, len(platform.bundles)) == (2, 12)


async def test_a_refusal_is_kept_in_the_platforms_words_and_the_next_row_goes() -> None:
    records = MemoryRecords()
    answers: list[Outcome] = [Refused("no such unit"), Persisted(None)]

    async def act(_: Resource) -> Outcome:
        return answers.pop(0)

    records.add()
    records.add("result", result=PRESSURE)
    async with forwarding(records, FakePlatform(act)) as (_, notes):
        await until(lambda: records.state == {1: "refused", 2: "done"})
        await until(lambda: bool(notes.states) and notes.states[-1].refused == 1)
    assert records.words == {1: "no such unit"}
    assert notes.deliveries[0] == (1, Delivery("refused", "no such unit"))
    assert notes.states[-1].platform == "up", "a platform that refuses is there"


async def test_a_dead_platform_is_left_alone_until_there_is_news() -> None:
    records = MemoryRecords()

    async def act(_: Resource) -> Outcome:
        return Later("gone")

    platform = FakePlatform(act)
    for number in range(5):
        records.add(consultation=f"0000000{number}-6f4b-4b0e-9a43-0f6f0d6b8a11")
    async with forwarding(records, platform, lambda low, high: 60.0) as (forwarder, notes):
        await until(lambda: len(platform.bundles) >= 3)
        await until(lambda: bool(notes.states) and notes.states[-1].platform == "down")
        assert notes.states[-1].detail == "gone"
        forwarder.wake()
        await asyncio.sleep(0.05)
        calls = len(platform.bundles)
        assert calls <= 4, "the breaker is open: nothing more is sent"
        platform.act = None
        forwarder.platform_is_back()
        await until(lambda: set(records.state.values()) == {"done"})
        await until(lambda: notes.states[-1].platform == "up")


async def test_the_platforms_wish_to_wait_is_honoured() -> None:
    records = MemoryRecords()
    answers: list[Outcome] = [Later("busy", retry_after_s=0.15), Persisted(None)]

    async def act(_: Resource) -> Outcome:
        return answers.pop(0)

    records.add()
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with forwarding(records, FakePlatform(act)):
        await until(lambda: records.state == {1: "done"})
    assert loop.time() - began >= 0.15


async def test_a_still_sends_its_bytes_first() -> None:
    records, platform = MemoryRecords(), FakePlatform()
    records.blobs[SHA256] = b"abc"
    records.add("result", result=STILL)
    async with forwarding(records, platform):
        await until(lambda: records.state == {1: "done"})
    assert platform.objects == [(SHA256, "image/jpeg", b"abc")]
    assert platform.bundles[0]["entry"][-2]["resource"]["content"]["hash"] == SHA1


@pytest.mark.parametrize("outcome", [Later("slow line"), Refused("too long")])
async def test_without_its_bytes_a_still_is_not_told_of(outcome: Outcome) -> None:
    records, platform = MemoryRecords(), FakePlatform(object_outcome=outcome)
    records.blobs[SHA256] = b"abc"
    records.add("result", result=STILL)
    async with forwarding(records, platform, lambda low, high: 60.0) as (_, notes):
        await until(lambda: bool(notes.deliveries) or (notes.states[-1:] != [] and notes.states[-1].platform == "down"))
    assert platform.bundles == []
    assert records.state == {1: "refused" if isinstance(outcome, Refused) else "waiting"}


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"damaged", "the bytes of this are damaged on the unit"), (None, "the bytes of this are no longer on the unit")],
)
async def test_bytes_that_are_lost_do_not_block_the_rest(data: bytes | None, words: str) -> None:
    records, platform = MemoryRecords(), FakePlatform()
    if data is not None:
        records.blobs[SHA256] = data
    records.add("result", result=STILL)
    records.add("result", result=PRESSURE)
    async with forwarding(records, platform):
        await until(lambda: records.state == {1: "refused", 2: "done"})
    assert records.words == {1: words}


async def test_a_consultation_that_is_gone_does_not_block_the_rest() -> None:
    records = MemoryRecords()
    records.add()
    records.add(consultation=OTHER)
    del records.consultations[CONSULTATION]
    async with forwarding(records, FakePlatform()):
        await until(lambda: records.state == {1: "refused", 2: "done"})
    assert records.words == {1: "the unit no longer holds this"}


async def test_a_fact_that_fhir_cannot_say_does_not_block_the_rest() -> None:
    records = MemoryRecords()
    records.add(consultation="not-a-uuid")
    records.add()
    async with forwarding(records, FakePlatform()):
        await until(lambda: records.state == {1: "refused", 2: "done"})
    assert records.words == {1: "the unit could not write this as FHIR (ValueError)"}


async def test_no_receipt_is_told_before_the_disk_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STORE_PAUSE_S", 0.01)
    records = MemoryRecords()

    async def act(_: Resource) -> Outcome:
        records.broken = True
        return Persisted(None)

    platform = FakePlatform(act)
    records.add()
    async with forwarding(records, platform) as (forwarder, notes):
        await until(lambda: len(platform.bundles) == 1)
        await asyncio.sleep(0.03)
        assert notes.deliveries == []
        platform.act, records.broken = None, False
        forwarder.wake()
        await until(lambda: notes.deliveries == [(1, Delivery("persisted"))])
    assert len(platform.bundles) == 2


async def test_stopping_in_the_middle_of_a_call_leaves_the_row_waiting() -> None:
    records, calling = MemoryRecords(), asyncio.Event()

    async def act(_: Resource) -> Outcome:
        calling.set()
        await asyncio.sleep(60)
        return Persisted(None)

    records.add()
    async with forwarding(records, FakePlatform(act)):
        await asyncio.wait_for(calling.wait(), 5)
    assert records.state == {1: "waiting"}
    async with forwarding(records, FakePlatform()):
        await until(lambda: records.state == {1: "done"})
