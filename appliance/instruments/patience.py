"""Waits that end, whatever it is that is waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from drivers.core.errors import LinkLost
from drivers.links.base import Link

log = logging.getLogger(__name__)

T = TypeVar("T")

OPEN_S = 180.0  # a radio searches for a minute, waits for its turn, connects and pairs
WRITE_S = 10.0
CLOSE_S = 10.0
LENIENCE = 1.1
ENDING_S = 1.0  # for what is cancelled with us


class Stalled(LinkLost):
    """A link did not do in time what it was asked."""


class Silent(LinkLost):
    """A device that should speak does not, however open its link looks."""


class Silence:
    """Ends what is done with a device once that has said nothing for `quiet_s`, and at most a tenth of it more.

    Its alarm is put off a few times in `quiet_s` and not at each of a hundred chunks a second. None: it may be silent.
    """

    def __init__(self, quiet_s: float | None) -> None:
        self._quiet_s = quiet_s
        self._alarm: asyncio.Timeout | None = None

    @asynccontextmanager
    async def ends(self) -> AsyncIterator[None]:
        """Within, silence raises `Silent`."""
        try:
            async with asyncio.timeout(None) as self._alarm:
                self.broken()
                yield
        except TimeoutError:
            raise Silent(f"silent for {self._quiet_s:g} s") from None

    def broken(self) -> None:
        """It has said something."""
        if self._quiet_s is not None and self._alarm is not None:
            now_s, due_s = asyncio.get_running_loop().time(), self._alarm.when()
            if due_s is None or due_s - now_s < self._quiet_s:
                self._alarm.reschedule(now_s + LENIENCE * self._quiet_s)

    def paused(self) -> None:
        """What follows is no fault of the device, until it has said something again."""
        if self._alarm is not None:
            self._alarm.reschedule(None)


async def bounded(work: Coroutine[Any, Any, T], limit_s: float, what: str) -> T:
    """The result of the work, or `Stalled`. Work that does not even end when cancelled is left behind."""
    task = asyncio.create_task(work, name=what)
    try:
        await asyncio.wait({task}, timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=ENDING_S)
        raise
    if not task.done():
        task.cancel()
        task.add_done_callback(_forget)
        raise Stalled(f"{what}: not done after {limit_s:g} s")
    return task.result()


@asynccontextmanager
async def opened(link: Link, key: str) -> AsyncIterator[Link]:
    """The link, open. One that does not close in time is left behind, and said so."""
    yields = await bounded(link.__aenter__(), OPEN_S, f"{key}: opening")
    try:
        yield yields
    finally:
        try:
            await bounded(_closed(link), CLOSE_S, f"{key}: closing")
        except Exception as error:  # noqa: BLE001 - what a link does when it goes must not keep the next one away
            log.warning("%s: its link did not close: %s", key, error)


async def _closed(link: Link) -> None:
    await link.__aexit__(None, None, None)


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # it was told already
