"""How much room the records have: recordings (stills, sounds, clips, objects of devices) are refused before it is gone.

What they leave, the reserve, is for measurements: a few hundred bytes each, and the last that is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from appliance.config import Records
from appliance.records.errors import StorageFull, StoreError

log = logging.getLogger(__name__)

MB = 1_000_000
# On a small disk the marks are shares of it.
LOW_SHARE, RESERVE_SHARE = 5, 10


class Level(StrEnum):
    """What the room allows."""

    OK = "ok"
    LOW = "low"  # everything still works, and somebody must know in time
    SHORT = "short"  # recordings are refused


class Disk(Protocol):
    """What is needed of `appliance.records.store.Store`."""

    async def space(self) -> tuple[int, int]: ...


class Space:
    """`look` now and then; `admit` before anything large is written."""

    def __init__(self, disk: Disk, rules: Records, told: Callable[[Level, int], None]) -> None:
        self._disk, self._rules, self._told = disk, rules, told
        self.free, self.total = 1 << 62, 1 << 62

    async def look(self) -> None:
        """Ask the file system of the records, and tell; one that does not answer is what it was."""
        try:
            self.free, self.total = await self._disk.space()
        except StoreError as error:
            log.warning("nobody knows how much room is left: %s", error)
        self._told(self.level, self.free)

    @property
    def level(self) -> Level:
        """By the last look."""
        if self.recordings <= 0:
            return Level.SHORT
        low = min(self._rules.low_mb * MB, self.total // LOW_SHARE)
        return Level.LOW if self.free < low else Level.OK

    @property
    def recordings(self) -> int:
        """Bytes that recordings may still take; negative where the reserve itself is touched."""
        return self.free - min(self._rules.reserve_mb * MB, self.total // RESERVE_SHARE)

    async def admit(self, size: int) -> None:
        """`StorageFull` where a recording of `size` bytes would touch the reserve; nothing was written then."""
        await self.look()
        if size > self.recordings:
            raise StorageFull(
                f"no pictures, sounds or documents are taken any more: {self.free // MB} MB are left, "
                "and they are kept for measurements"
            )
