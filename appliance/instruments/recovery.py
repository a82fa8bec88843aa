"""One device on its ladder: what the ladder decides is done, logged once, and told to the nurse."""

from __future__ import annotations

import asyncio
import logging

from appliance.config import Device
from appliance.instruments.bedside import Bedside
from appliance.instruments.ladder import Ladder, Move, Step, Trouble
from appliance.instruments.patience import bounded
from appliance.instruments.repairs import CannotHere, Nothing, Repairs

log = logging.getLogger(__name__)

REPAIR_S = 30.0


class Recovery:
    """`after` each attempt, `worked` when the device speaks."""

    def __init__(self, device: Device, bedside: Bedside, repairs: Repairs | None) -> None:
        self._device, self._bedside = device, bedside
        self._repairs = repairs or Nothing()
        self._ladder = Ladder()
        self._asked = asyncio.Event()

    def again(self) -> None:
        """From the bottom, at once."""
        self._ladder.asked()
        self._asked.set()

    def worked(self) -> None:
        """The device speaks."""
        self._ladder.worked()
        self._bedside.recovering(None)

    def healthy(self) -> None:
        """It has worked for long."""
        self._ladder.healthy()

    async def after(self, trouble: Trouble) -> None:
        """Do what comes next, and wait until the next attempt."""
        self._asked.clear()
        move = self._ladder.failed(trouble)
        while not await self._done(move, trouble):
            move = self._ladder.skip(trouble)
        self._bedside.recovering(move.tell)
        try:
            async with asyncio.timeout(move.wait_s):
                await self._asked.wait()
        except TimeoutError:
            return
        self._bedside.recovering(None)

    async def _done(self, move: Move, trouble: Trouble) -> bool:
        """Whether the step was taken; one that cannot be taken here is said once, and passed over."""
        if move.first and move.step is not Step.REOPEN:
            log.warning("%s: recovery: %s (%s)", self._device.key, move.step, trouble)
        if move.step is Step.RESTART:
            self._bedside.forget()
        try:
            if move.step is Step.POWER_CYCLE:
                await bounded(self._repairs.power_cycle(self._device), REPAIR_S, f"{self._device.key}: power cycle")
            elif move.step is Step.RESET_ADAPTER:
                await bounded(self._repairs.reset_adapter(self._device), REPAIR_S, f"{self._device.key}: radio reset")
        except CannotHere as error:
            log.info("%s: recovery: no %s here: %s", self._device.key, move.step, error)
            return False
        except Exception as error:  # noqa: BLE001 - a repair that fails leaves things as they were
            log.warning("%s: recovery: %s failed: %s", self._device.key, move.step, error)
        return True
