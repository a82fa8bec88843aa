"""Uses `SerialLink` on the kernel's ftdi_sio: `use_serial DRIVER NAME OPENINGS`, NAME with `*` as in a shell.

Opens the port under its stable name; tells `opened` with the node behind the name, every event, and `LinkLost`; then
waits for the name to be there again, and so on. Another opening while it is open must fail: `refused` tells how.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from drivers.core.driver import Driver, Uart
from drivers.core.errors import LinkError, LinkLost, PacketError
from drivers.core.model import Packet
from drivers.links.serial import SerialLink
from drivers.registry import DRIVERS
from tests.guest.inside.telling import tell, tell_event

PLUG_S = 20.0


async def main(driver: Driver, name: str, openings: int) -> None:
    assert isinstance(driver.claim, Uart)
    for _ in range(openings):
        async with AsyncExitStack() as stack:
            path, link = await opened(name, driver.claim, stack)
            tell("opened", path=str(path), node=str(path.resolve()))
            await second(path, driver.claim)
            await listen(link, driver)


async def opened(name: str, claim: Uart, stack: AsyncExitStack) -> tuple[Path, SerialLink]:
    """The one path of this name and its link, as soon as it can be opened: udev comes after the kernel, and its old
    names stay for a moment."""
    async with asyncio.timeout(PLUG_S):
        while True:
            with contextlib.suppress(LinkError, StopIteration):
                path = next(iter(Path("/").glob(name.lstrip("/"))))
                return path, await stack.enter_async_context(SerialLink(str(path), claim))
            await asyncio.sleep(0.05)


async def second(path: Path, claim: Uart) -> None:
    """A second opener."""
    try:
        async with SerialLink(str(path), claim):
            tell("shared")
    except LinkError as error:
        tell("refused", why=str(error))


async def listen(link: SerialLink, driver: Driver) -> None:
    """Say hello, decode until the link is lost."""
    framer, decode = driver.framer(), driver.decoder()
    for words in driver.hello:
        await link.write(driver.allowed(words))
    heard_s = time.monotonic()
    with contextlib.suppress(LinkLost):
        async for chunk in link.chunks():
            heard_s = time.monotonic()
            for packet in framer.feed(chunk.data):
                with contextlib.suppress(PacketError):  # what was said before we listened comes cut off
                    for event in decode(Packet(packet)):
                        tell_event(event)
    tell("LinkLost", after_s=time.monotonic() - heard_s)


if __name__ == "__main__":
    asyncio.run(main(DRIVERS[sys.argv[1]], sys.argv[2], int(sys.argv[3])))
