"""Bad days of the platform, the line and the unit: nothing is lost, nothing comes twice, no receipt comes early."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from appliance.platform.client import Platform
from appliance.platform.fhir.text import Resource
from appliance.platform.forwarder import Forwarder, OutboxState
from appliance.records.model import Delivery, OutboxRow, Receipt, Result
from appliance.records.store import Store
from tests.hosting import TOKEN, Hosted, free_port
from tests.unit.platform.making import CONFIRMED, JUST_OPENED, SENDER, STILL, measurement, value

pytestmark = pytest.mark.fault

TIMEOUT = httpx.Timeout(1.0)
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """One platform for all; each test has readings of its own."""
    one = Hosted(tmp_path_factory.mktemp("platform"))
    asyncio.run(one.start())
    yield one
    one.stop()


@pytest.fixture(autouse=True)
async def good_day(hosted: Hosted) -> None:
    await hosted.switch("normal")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    one = Store.open(tmp_path / "unit")
    await one.open_consultation(JUST_OPENED)
    await one.save_consultation(CONFIRMED, "confirm")
    yield one
    await one.close()


def numbered(number: int) -> Result:
    """A reading that is told apart by its value."""
    made = measurement(value("oxygen-saturation", str(Decimal(number) / 10)))
    return replace(made, id=f"00000000-0000-4000-8000-{number:012d}")


async def keep(store: Store, numbers: range) -> None:
    for number in numbers:
        await store.keep(numbered(number), None)


@dataclass
class Watch:
    """Hears the forwarder, and asks the platform at once whether what it hears is true."""

    hosted: Hosted
    deliveries: list[tuple[str, str]] = field(default_factory=list)
    states: list[OutboxState] = field(default_factory=list)

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        self.deliveries.append((row.ref, delivery.state))

    def outbox(self, state: OutboxState) -> None:
        self.states.append(state)


@asynccontextmanager
async def forwarding(store: Store, hosted: Hosted) -> AsyncIterator[tuple[Forwarder, Watch]]:
    watch = Watch(hosted)
    async with Platform(hosted.url, TOKEN, timeout=TIMEOUT, deadline_s=2.0) as platform:
        forwarder = Forwarder(store, platform, SENDER, watch, lambda low, high: min(high, 0.05))
        task = asyncio.create_task(forwarder.run())
        try:
            yield forwarder, watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()


async def emptied(store: Store) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await store.outbox())[0]:
            await asyncio.sleep(0.05)


async def stored(hosted: Hosted, result: str) -> list[Resource]:
    found = await hosted.get(f"/fhir/Observation?identifier=urn:chevet:fhir:result|{result}")
    return [entry["resource"] for entry in found["entry"]]


async def exactly_once(hosted: Hosted, numbers: range) -> None:
    """The platform holds each reading once, never changed, with its own value."""
    for number in numbers:
        (one,) = await stored(hosted, numbered(number).id)
        assert Decimal(str(one["valueQuantity"]["value"])) == Decimal(number) / 10
        assert one["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    ("mode", "first"), [("slow", 100), ("down", 110), ("garbage", 120), ("half", 130), ("lie", 140), ("busy", 150)]
)
async def test_a_bad_day_ends_and_everything_is_there_once(store: Store, hosted: Hosted, mode: str, first: int) -> None:
    await keep(store, range(first, first + 5))
    waiting = (await store.outbox())[0]
    await hosted.switch(mode, delay_s=1.2)  # longer than the client waits
    async with forwarding(store, hosted) as (forwarder, watch):
        async with asyncio.timeout(DEADLINE_S):
            while not watch.states or watch.states[-1].platform != "down":
                await asyncio.sleep(0.02)
        assert watch.deliveries == [], "nothing was confirmed, so nothing may be said to be"
        assert (await store.outbox())[0] == waiting
        await hosted.switch("normal")
        forwarder.platform_is_back()
        await emptied(store)
    await exactly_once(hosted, range(first, first + 5))
    assert [state for _, state in watch.deliveries] == ["persisted"] * waiting


async def test_what_is_refused_is_shown_and_holds_up_nothing(store: Store, hosted: Hosted) -> None:
    async with forwarding(store, hosted) as (forwarder, watch):
        await emptied(store)
        await hosted.switch("refuse")
        await keep(store, range(200, 201))
        forwarder.wake()
        await emptied(store)
        await hosted.switch("normal")
        await keep(store, range(201, 202))
        forwarder.wake()
        await emptied(store)
        assert watch.deliveries[-2:] == [(numbered(200).id, "refused"), (numbered(201).id, "persisted")]
    kept = await store.result(numbered(200).id)
    assert kept.delivery == Delivery("refused", "Refused by the switch of the stand-in platform.")
    assert await stored(hosted, numbered(200).id) == []


async def test_a_receipt_is_never_told_before_the_platform_has_it(store: Store, hosted: Hosted) -> None:
    moods = random.Random(20261123)
    await keep(store, range(300, 330))
    checked = 0
    async with forwarding(store, hosted) as (forwarder, watch):
        async with asyncio.timeout(DEADLINE_S):
            while (await store.outbox())[0]:
                await hosted.switch(moods.choice(["normal", "down", "garbage", "half", "lie", "busy"]))
                forwarder.platform_is_back()
                await asyncio.sleep(0.1)
                told = [ref for ref, _ in watch.deliveries if ref != CONFIRMED.id]
                await hosted.switch("normal")
                for result in told[checked:]:
                    assert len(await stored(hosted, result)) == 1, f"{result} was told as persisted and is not there"
                checked = len(told)
    await exactly_once(hosted, range(300, 330))


async def test_the_platform_is_killed_again_and_again(store: Store, hosted: Hosted) -> None:
    await keep(store, range(400, 430))
    async with forwarding(store, hosted) as (forwarder, watch):
        for waiting in (20, 8):
            async with asyncio.timeout(DEADLINE_S):
                while (await store.outbox())[0] > waiting:
                    await asyncio.sleep(0.005)
            hosted.kill()
            told = [ref for ref, state in watch.deliveries if state == "persisted" and ref != CONFIRMED.id]
            await hosted.start()
            for result in told:
                assert len(await stored(hosted, result)) == 1, "a receipt outlived what it was for"
            forwarder.platform_is_back()
        await emptied(store)
    await exactly_once(hosted, range(400, 430))


async def test_the_unit_is_killed_again_and_again(hosted: Hosted, tmp_path: Path) -> None:
    unit = Store.open(tmp_path / "unit")
    await unit.open_consultation(JUST_OPENED)
    await keep(unit, range(500, 530))
    await unit.close()
    killed, moods = 0, random.Random(20261123)
    words = [sys.executable, "-m", "tests.faults.forwarding", str(tmp_path / "unit"), hosted.url, TOKEN]
    async with asyncio.timeout(DEADLINE_S):
        while True:
            before = (await hosted.stored())["Observation"]
            process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
            running = asyncio.create_task(process.wait())
            target = before + moods.randint(3, 10)
            while not running.done() and (await hosted.stored())["Observation"] < target:
                await asyncio.sleep(0.005)
            if running.done():
                assert await running == 0
                break
            process.kill()
            await running
            killed += 1
    assert killed >= 3
    await exactly_once(hosted, range(500, 530))
    again = Store.open(tmp_path / "unit")
    assert (await again.outbox())[:2] == (0, 0)
    assert {(await again.result(numbered(number).id)).delivery.state for number in range(500, 530)} == {"persisted"}
    await again.close()


async def test_a_still_survives_a_lying_platform(store: Store, hosted: Hosted) -> None:
    await store.keep(STILL, None, b"abc")
    await hosted.switch("lie")
    async with forwarding(store, hosted) as (forwarder, watch):
        async with asyncio.timeout(DEADLINE_S):
            while not watch.states or watch.states[-1].platform != "down":
                await asyncio.sleep(0.02)
        await hosted.switch("normal")
        forwarder.platform_is_back()
        await emptied(store)
    assert (await hosted.stored())["Media"] == 1
    assert watch.deliveries[-1] == (STILL.id, "persisted")


async def test_a_strike_reaches_the_platform_after_its_result(store: Store, hosted: Hosted) -> None:
    await keep(store, range(600, 601))
    await store.strike(numbered(600).id, "wrong finger")
    await hosted.switch("half")
    async with forwarding(store, hosted) as (forwarder, _):
        await asyncio.sleep(0.5)
        await hosted.switch("normal")
        forwarder.platform_is_back()
        await emptied(store)
    (one,) = await stored(hosted, numbered(600).id)
    assert (one["status"], one["note"]) == ("entered-in-error", [{"text": "wrong finger"}])


async def test_what_was_opened_stays_known(store: Store, hosted: Hosted) -> None:
    await keep(store, range(610, 611))
    async with forwarding(store, hosted):
        await emptied(store)
    assert (await store.result(numbered(610).id)).delivery.state == "persisted"
    await store.opened(numbered(610).id, Receipt("opened", CONFIRMED.opened, by="Dr A"))
    assert (await store.result(numbered(610).id)).delivery.state == "opened"


async def test_a_port_where_nobody_listens_costs_little(store: Store, tmp_path: Path) -> None:
    await keep(store, range(620, 625))
    nobody = Hosted(tmp_path, free_port())
    async with forwarding(store, nobody) as (_, watch):
        async with asyncio.timeout(DEADLINE_S):
            while not watch.states or watch.states[-1].platform != "down":
                await asyncio.sleep(0.02)
    assert watch.states[-1].detail == "the platform cannot be reached: ConnectError"
    assert watch.deliveries == []
