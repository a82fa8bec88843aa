"""What the ladder decides is done, once, and told."""

from __future__ import annotations

import asyncio

import pytest

from appliance.config import Device
from appliance.instruments import ladder
from appliance.instruments.ladder import Rung, Step, Trouble
from appliance.instruments.recovery import Recovery
from appliance.instruments.repairs import CannotHere

OXIMETER = Device(key="oximeter", name="Oximeter", kind="oximeter", driver="contec-cms50", link="serial:/x")


class Bedside:
    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.forgotten = 0

    def recovering(self, tell: str | None) -> None:
        if not self.told or self.told[-1] != tell:
            self.told.append(tell)

    def forget(self) -> None:
        self.forgotten += 1


class Repairs:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def power_cycle(self, device: Device) -> None:
        self.done.append("power")

    async def reset_adapter(self, device: Device) -> None:
        raise CannotHere("no radio")


async def test_each_step_is_done_once_told_and_passed_over_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = tuple(Rung(rung.step, (0.0,) * len(rung.waits_s), rung.tell) for rung in ladder.DEAD)
    monkeypatch.setattr(ladder, "DEAD", quick)
    monkeypatch.setitem(ladder.TABLE, Trouble.DEAD, quick)
    bedside, repairs = Bedside(), Repairs()
    recovery = Recovery(OXIMETER, bedside, repairs)  # type: ignore[arg-type]
    recovery.worked()
    for _ in range(30):
        await recovery.after(Trouble.DEAD)
    assert repairs.done == ["power"]
    assert bedside.forgotten == 1
    assert bedside.told == [
        None, "device-restarting", "device-power-cycled", "device-manual",
    ]  # fmt: skip
    recovery.worked()
    assert bedside.told[-1] is None


async def test_off_is_off_until_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ladder.TABLE, Trouble.SPUN, (Rung(Step.OFF, (), "device-off"),))
    bedside = Bedside()
    recovery = Recovery(OXIMETER, bedside, None)  # type: ignore[arg-type]
    waiting = asyncio.create_task(recovery.after(Trouble.SPUN))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert bedside.told == ["device-off"]
    recovery.again()
    await asyncio.wait_for(waiting, 1)
    assert bedside.told == ["device-off", None]
