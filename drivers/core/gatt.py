"""Decoding by characteristic, and the few characteristics that any peripheral may have.

After the GATT Specification Supplement of the Bluetooth SIG. What is a peripheral's own comes from its driver.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.errors import PacketError
from drivers.core.measured import measured
from drivers.core.model import DeviceClock, Event, Identity, Packet
from drivers.core.vocab import BATTERY

Read = Callable[[Reader], Iterable[Event]]

TEXT_CAP = 64  # longer names are no names
_SIG = re.compile(r"0000([0-9a-f]{4})-0000-1000-8000-00805f9b34fb")


def channel(uuid: str) -> str:
    """A characteristic or service as `Packet.channel` names it: `"2a35"`, or the full lower-case UUID if not SIG's."""
    uuid = uuid.lower()
    sig = _SIG.fullmatch(uuid)
    return sig[1] if sig else uuid


class Characteristics:
    """The decoder of a GATT peripheral: a table from channel to the function that reads it."""

    def __init__(self, table: Mapping[str, Read]) -> None:
        self._table = {**COMMON, **table}

    def __call__(self, packet: Packet) -> Iterable[Event]:
        """The events of one value."""
        read = self._table.get(packet.channel)
        if read is None:
            raise PacketError(f"no reader for characteristic {packet.channel or '(none)'}")
        return read(Reader(packet.data))


def _battery(reader: Reader) -> Iterator[Event]:
    level = reader.u8()
    reader.end()
    yield measured(BATTERY, Decimal(level))


def _current_time(reader: Reader) -> Iterator[Event]:
    now = reader.date_time()
    reader.take(3)  # day of week, 1/256 s, why it was adjusted
    reader.end()
    if now is not None:
        yield DeviceClock(now)


def _date_time(reader: Reader) -> Iterator[Event]:
    now = reader.date_time()
    reader.end()
    if now is not None:
        yield DeviceClock(now)


def _identity(field: str) -> Read:
    def read(reader: Reader) -> Iterator[Event]:
        text = reader.text(reader.left)
        if len(text) > TEXT_CAP:
            raise PacketError(f"{field} of {len(text)} characters, at most {TEXT_CAP}")
        if text:
            yield Identity(**{field: text})

    return read


COMMON: dict[str, Read] = {
    "2a19": _battery,
    "2a2b": _current_time,
    "2a08": _date_time,
    "2a29": _identity("manufacturer"),
    "2a24": _identity("model"),
    "2a25": _identity("serial"),
    "2a26": _identity("firmware"),
}
