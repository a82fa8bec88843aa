"""A simulated Bluetooth peripheral in the air of a simulated adapter: `peripheral CAPTURE... [drop N]`.

Not real: both controllers (bumble), the radio between them (a function call), the peripheral's GATT server (bumble).
Real: everything above the adapter's HCI, which the kernel gets through /dev/vhci as hci0: its Bluetooth stack, BlueZ.

It advertises the services of the captures' drivers, in all of them under one address, and indicates (or notifies) the
captures' packets to who subscribes. `drop N`: after N packets it ends the connection, once. It tells `advertising`,
`connected`, `disconnected`, `sent` (all that a subscriber is to get).
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData, InvalidStateError, ProtocolError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, Service
from bumble.hci import Address
from bumble.link import LocalLink
from bumble.transport import open_transport

from drivers.core.capture import Capture, parse
from drivers.core.driver import Gatt
from drivers.registry import DRIVERS
from tests.guest.inside.telling import tell

CAPTURES = Path(__file__).parent.parent.parent / "captures"
ADDRESS = "F0:F1:F2:F3:F4:F5"  # a static random one (Core 5.4, vol. 6, part B, 1.3.2.1)
NAME = "Simulated"
NOTIFIED = {"2a5f", "2a37"}  # streams; all else is indicated, and so confirmed
PAUSE_S = 0.2  # between subscription and the first value


class Adapter(Controller):
    """What Linux sees as hci0.

    bumble claims LL Privacy and extended advertising but ends a connection's making by the legacy event. Linux then
    waits for the enhanced one (Core 5.4, vol. 4, part E, 7.7.65.10) for ever, and its command queue with it.
    """

    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LL_PRIVACY
        | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )


class Peripheral:
    """The device: captures to say, and where it says them."""

    def __init__(self, device: Device, captures: Sequence[Capture], drop_after: int | None) -> None:
        self._device, self._drop_after = device, drop_after
        self._talks: set[asyncio.Task[None]] = set()
        self._services: dict[str, list[Characteristic[bytes]]] = {}
        for capture in captures:
            self._add(capture)
        device.add_services([Service(UUID(name.upper()), held) for name, held in self._services.items()])
        device.on("connection", self._connected)

    async def advertise(self) -> None:
        """From now on, and again after each connection."""
        await self._device.power_on()
        services = b"".join(struct.pack("<H", int(name, 16)) for name in self._services)
        said = [
            (AdvertisingData.FLAGS, bytes([6])),
            (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode()),
            (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, services),
        ]
        self._device.advertising_data = bytes(AdvertisingData(said))
        await self._device.start_advertising(auto_restart=True)
        tell("advertising", address=ADDRESS)

    def _add(self, capture: Capture) -> None:
        claim = DRIVERS[capture.driver].claim
        assert isinstance(claim, Gatt), f"{capture.driver} is no Bluetooth driver"
        for name in claim.characteristics:
            packets = [packet.data for packet in capture.packets if packet.channel == name]
            how = Characteristic.Properties.NOTIFY if name in NOTIFIED else Characteristic.Properties.INDICATE
            one: Characteristic[bytes] = Characteristic(UUID(name.upper()), how, Characteristic.Permissions(0))
            one.on("subscription", self._subscribed(one, packets))
            self._services.setdefault(claim.service, []).append(one)

    def _subscribed(self, one: Characteristic[bytes], packets: list[bytes]) -> Callable[[Connection, bool, bool], None]:
        def start(connection: Connection, notify: bool, indicate: bool) -> None:
            if notify or indicate:
                talk = asyncio.ensure_future(self._talk(connection, one, packets))
                self._talks.add(talk)
                talk.add_done_callback(self._talks.discard)

        return start

    async def _talk(self, connection: Connection, one: Characteristic[bytes], packets: list[bytes]) -> None:
        await asyncio.sleep(PAUSE_S)
        try:
            for packet in packets:
                await self._say(one, packet)
                if self._drop_after is not None:
                    self._drop_after -= 1
                    if self._drop_after == 0:
                        self._drop_after = None
                        await connection.disconnect()
                        return
        except (ProtocolError, InvalidStateError, TimeoutError) as error:
            tell("failed", why=str(error))
        else:
            tell("sent", channel=str(one.uuid), packets=len(packets))

    async def _say(self, one: Characteristic[bytes], packet: bytes) -> None:
        if one.properties & Characteristic.Properties.NOTIFY:
            await self._device.notify_subscribers(one, packet)
        else:
            await self._device.indicate_subscribers(one, packet)

    def _connected(self, connection: Connection) -> None:
        tell("connected")
        connection.on("disconnection", lambda reason: tell("disconnected", reason=reason))


async def make_device() -> Device:
    """A device in the air of hci0."""
    air = LocalLink()  # type: ignore[no-untyped-call]
    transport = await open_transport("vhci")
    Adapter("adapter", host_source=transport.source, host_sink=transport.sink, link=air)
    controller = Controller("peripheral", link=air)
    settings = DeviceConfiguration(
        name=NAME, address=Address(ADDRESS), advertising_interval_min=100, advertising_interval_max=100
    )
    return Device.from_config_with_hci(settings, controller, controller)


async def main(words: list[str]) -> None:
    drop_after = None
    if "drop" in words:
        drop_after = int(words[words.index("drop") + 1])
        words = words[: words.index("drop")]
    captures = [parse((CAPTURES / f"{name}.capture").read_text()) for name in words]
    await Peripheral(await make_device(), captures, drop_after).advertise()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
