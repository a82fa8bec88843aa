"""The captures on disk, and what a driver makes of bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from drivers.core.attached import Attached
from drivers.core.capture import Capture, event_line, parse
from drivers.core.driver import Driver
from drivers.core.errors import PacketError
from drivers.core.model import Event, Packet

FOLDER = Path(__file__).parent.parent / "captures"
CAPTURES: dict[str, Capture] = {
    f"{path.parent.name}/{path.stem}": parse(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*/*.capture"))
}


def packets(driver: Driver, pieces: Iterable[tuple[bytes, str]]) -> list[Packet]:
    """Bytes as they arrived, with their channels, cut into packets."""
    attached = Attached(driver)
    return [packet for piece, channel in pieces for packet in attached.packets(piece, channel)]


def outcome(driver: Driver, wire: Iterable[Packet]) -> list[Event | PacketError]:
    """Every event of these packets, by one decoder; a packet that cannot be read is its error."""
    attached = Attached(driver)
    found: list[Event | PacketError] = []
    for packet in wire:
        try:
            found += list(attached.events(packet))
        except PacketError as error:
            found.append(error)
    return found


def recorded(capture: Capture) -> list[tuple[bytes, str]]:
    """The bytes of a capture, with their channels."""
    return [(packet.data, packet.channel) for packet in capture.packets]


def lines(found: Iterable[Event | PacketError]) -> list[str]:
    """As a capture states its expectations."""
    return [f"error {event}" if isinstance(event, PacketError) else event_line(event) for event in found]
