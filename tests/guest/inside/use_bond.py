"""Uses `BleLink` on the real BlueZ with a device that must be paired: `use_bond TIMES`.

Tells `serial` (what only a paired host may read) for each opening that worked, `failed` with `why` for the others, and
`done` after so many openings that worked, or many tries.
"""

from __future__ import annotations

import asyncio
import sys

from drivers.core.driver import Gatt
from drivers.core.errors import LinkError, LinkLost
from drivers.links import ble
from drivers.links.ble import ANY, BleLink
from drivers.links.radio import Radio
from tests.guest.inside.telling import tell

SERIAL_S = 10.0
AGAIN_S = 1.0  # as an instrument does; bluetoothd powers a new adapter a while after it is there
TRIES = 40


async def main(times: int) -> None:
    ble.FIND_S = 20.0
    radio = Radio()
    for _ in range(TRIES):
        try:
            async with BleLink(ANY, Gatt("1810", ("2a35",), bond=True), radio) as link:
                await _serial(link)
                times -= 1
        except (LinkLost, LinkError, TimeoutError) as error:
            tell("failed", why=str(error) or type(error).__name__)
            await asyncio.sleep(AGAIN_S)
        if times == 0:
            break
    tell("done", missing=times)


async def _serial(link: BleLink) -> None:
    async with asyncio.timeout(SERIAL_S):
        async for chunk in link.chunks():
            if chunk.channel == "2a25":
                tell("serial", text=chunk.data.decode())
                return


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
