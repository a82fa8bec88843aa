"""Uses `BleLink` on the real BlueZ: `use_ble DRIVER VALUES`: opens it anew when it is lost, until it has them all.

Tells `opened`, every event, `LinkLost` or `LinkError` with `why`, and `done`.
"""

from __future__ import annotations

import asyncio
import sys

from drivers.core.driver import Driver, Gatt
from drivers.core.errors import LinkError, LinkLost
from drivers.core.model import Packet
from drivers.links.ble import ANY, BleLink
from drivers.registry import DRIVERS
from tests.guest.inside.telling import tell, tell_event

OPENINGS, AGAIN_S = 20, 0.5  # BlueZ needs a second to switch a new adapter on; the supervisor waits between, too


async def main(driver: Driver, values: int) -> None:
    assert isinstance(driver.claim, Gatt)
    for _ in range(OPENINGS):
        try:
            async with BleLink(ANY, driver.claim) as link:
                tell("opened")
                values = await listen(link, driver, values)
        except (LinkLost, LinkError) as error:
            tell(type(error).__name__, why=str(error))
            await asyncio.sleep(AGAIN_S)
        if values <= 0:
            break
    tell("done", missing=values)


async def listen(link: BleLink, driver: Driver, values: int) -> int:
    """Decode until there are enough; how many are still missing when the link is lost."""
    decode = driver.decoder()
    assert isinstance(driver.claim, Gatt)
    try:
        async for chunk in link.chunks():
            for event in decode(Packet(chunk.data, chunk.channel)):
                tell_event(event)
            values -= chunk.channel in driver.claim.characteristics
            if values <= 0:
                break
    except LinkLost as error:
        tell("LinkLost", why=str(error))
    return values


if __name__ == "__main__":
    asyncio.run(main(DRIVERS[sys.argv[1]], int(sys.argv[2])))
