"""A peripheral that lets only a paired host read its serial number: `bonded_peripheral [forget N] [refuse]`.

`forget N`: after the N-th connection it loses its keys, as a device does that is reset or that holds one bond and was
paired with another host. `refuse`: it pairs with nobody. It tells `advertising`, `connected`, `disconnected`, `paired`
and `refused`. What is real here: see `peripheral`.
"""

from __future__ import annotations

import asyncio
import struct
import sys

from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, Service
from bumble.pairing import PairingConfig, PairingDelegate

from tests.guest.inside.peripheral import ADDRESS, NAME, make_device
from tests.guest.inside.telling import tell

SERIAL = b"518041"


class Refuses(PairingDelegate):
    """Whoever asks."""

    async def accept(self) -> bool:
        """No."""
        return False


async def main(words: list[str]) -> None:
    device = await make_device()
    forget_after = int(words[words.index("forget") + 1]) if "forget" in words else 0
    delegate = Refuses() if "refuse" in words else PairingDelegate(PairingDelegate.NO_OUTPUT_NO_INPUT)
    device.pairing_config_factory = lambda _: PairingConfig(sc=True, mitm=False, bonding=True, delegate=delegate)
    device.add_services(_services())
    connections = 0
    forgetting: set[asyncio.Task[None]] = set()

    def gone(reason: int) -> None:
        tell("disconnected", reason=reason)
        if connections == forget_after:
            forgetting.add(asyncio.ensure_future(_forget(device)))

    def connected(connection: Connection) -> None:
        nonlocal connections
        connections += 1
        tell("connected", number=connections)
        connection.on("disconnection", gone)
        connection.on("pairing", lambda keys: tell("paired", secure=keys.ltk is not None))
        connection.on("pairing_failure", lambda reason: tell("refused", reason=str(reason)))

    device.on("connection", connected)
    await _advertise(device)
    await asyncio.Event().wait()


def _services() -> list[Service]:
    needs, may = Characteristic.Permissions, Characteristic.Properties
    measurement: Characteristic[bytes] = Characteristic(UUID("2A35"), may.INDICATE, needs(0))
    serial: Characteristic[bytes] = Characteristic(
        UUID("2A25"), may.READ, needs.READABLE | needs.READ_REQUIRES_ENCRYPTION, SERIAL
    )
    return [Service(UUID("1810"), [measurement]), Service(UUID("180A"), [serial])]


async def _advertise(device: Device) -> None:
    await device.power_on()
    said = [
        (AdvertisingData.FLAGS, bytes([6])),
        (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode()),
        (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, struct.pack("<H", 0x1810)),
    ]
    device.advertising_data = bytes(AdvertisingData(said))
    await device.start_advertising(auto_restart=True)
    tell("advertising", address=ADDRESS)


async def _forget(device: Device) -> None:
    assert device.keystore is not None
    await device.keystore.delete_all()
    tell("forgot")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
