"""What every link offers: bytes in as they arrive, bytes out. The links beside this file alone touch hardware."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as the hardware delivered them. `arrival_ns` is CLOCK_BOOTTIME, stamped before anything else is done.

    `channel` is empty for a byte stream, else the characteristic (see `Packet`). `device_now` is the device's own clock
    at this moment where the link has read it, local and naive. `waited_s`: how long the host waited for these bytes
    after it had asked for them.
    """

    data: bytes
    arrival_ns: int
    channel: str = ""
    device_now: datetime | None = None
    waited_s: float = 0.0


class Link(Protocol):
    """One open cable or radio. Opened by `async with`; iterating raises `LinkLost` when it goes."""

    async def __aenter__(self) -> Link: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def chunks(self) -> AsyncIterator[Chunk]:
        """Yield chunks until the link is lost (`LinkLost`). Never ends quietly."""
        ...

    async def write(self, data: bytes, channel: str = "") -> None:
        """Send bytes to the device; `LinkLost` if it is gone."""
        ...
