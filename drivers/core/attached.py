"""One attached device: its bytes cut into packets, its packets into events, each characteristic on its own.

A peripheral that sends a byte stream over Bluetooth has whole values beside it: its battery, its name, its clock. They
go round the framer, which would take them for part of the stream, and are read the same way for every driver.
"""

from __future__ import annotations

from collections.abc import Iterable

from drivers.core.driver import Driver, Framer, Gatt, Whole
from drivers.core.gatt import COMMON, Characteristics
from drivers.core.model import Event, Packet


class Attached:
    """Made when a link is opened, for as long as it is. Whatever the driver raises comes through."""

    def __init__(self, driver: Driver) -> None:
        self._own = driver.claim.characteristics if isinstance(driver.claim, Gatt) else None
        self._framer, self._decode = driver.framer(), driver.decoder()
        self._beside: Framer = Whole()
        self._common = Characteristics({})

    @property
    def skipped(self) -> int:
        """Bytes of the stream that belonged to no packet, for ever."""
        return self._framer.skipped

    def packets(self, data: bytes, channel: str = "") -> list[Packet]:
        """The packets that these bytes complete. No channel: the stream, or the claim's first characteristic."""
        framer = self._framer if self._is_own(channel) else self._beside
        return [Packet(piece, channel) for piece in framer.feed(data)]

    def events(self, packet: Packet) -> Iterable[Event]:
        """What a packet says; `PacketError` if it cannot be read."""
        if packet.channel in COMMON and not self._is_own(packet.channel):
            return self._common(packet)
        return self._decode(packet)

    def _is_own(self, channel: str) -> bool:
        return self._own is None or not channel or channel in self._own
