"""What a receiver says of every packet (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-01).

Each packet that leaves carries a number of 16 bits; the receiver tells which of them came, and when. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from drivers.core.errors import PacketError

URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
FORMAT = 15  # of an RTCP transport-layer feedback message (205)
REFERENCE_US, DELTA_US = 64_000, 250
HISTORY = 1 << 14  # packets: half a minute at 6 Mbit/s, and less than half of what 16 bits can tell apart


@dataclass(frozen=True, slots=True)
class Packet:
    """Which one: its stream (SSRC) and its number there. One that is sent again is the one that it repeats."""

    stream: int
    number: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet that left: when (microseconds of any one clock), how large, and of which probe (0: none)."""

    sent_us: int
    size: int
    probe: int = 0
    packet: Packet | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a packet: `arrived_us` by the receiver's clock, or None if it did not come (yet)."""

    sent: Sent
    arrived_us: int | None


class Ledger:
    """What was sent over one transport, until the receiver has told of it."""

    def __init__(self) -> None:
        self._sent: dict[int, Sent] = {}
        self._next = 0

    def number(self, sent_us: int, size: int, probe: int = 0, packet: Packet | None = None) -> int:
        """The number under which the next packet leaves."""
        number = self._next
        self._next = (number + 1) & 0xFFFF
        self._sent.pop((number - HISTORY) & 0xFFFF, None)
        self._sent[number] = Sent(sent_us, size, probe, packet)
        return number

    def told(self, fci: bytes) -> list[Told]:
        """What a message (without its header and the two SSRCs) says of packets that we know. `PacketError`.

        A packet that came is told of once; one that did not can still come.
        """
        found = []
        for number, arrived_us in read(fci):
            sent = self._sent.get(number)
            if sent is not None:
                found.append(Told(sent, arrived_us))
                if arrived_us is not None:
                    del self._sent[number]
        return found


def read(fci: bytes) -> Iterator[tuple[int, int | None]]:
    """The numbers in a message, each with its arrival in microseconds; None: not received. Section 3.1."""
    if len(fci) < 8:
        raise PacketError(f"need 8 bytes of transport feedback, got {len(fci)}")
    base, count = unpack_from("!HH", fci)
    at_us = int.from_bytes(fci[4:7], "big", signed=True) * REFERENCE_US
    symbols, at = _symbols(fci, count)
    for index, symbol in enumerate(symbols):
        size = (0, 1, 2, 0)[symbol]
        if at + size > len(fci):
            raise PacketError(f"transport feedback ends before the arrival of packet {index + 1} of {count}")
        at_us += int.from_bytes(fci[at : at + size], "big", signed=size == 2) * DELTA_US
        at += size
        yield (base + index) & 0xFFFF, at_us if size else None


def _symbols(fci: bytes, count: int) -> tuple[list[int], int]:
    """Of each packet: 0, not received, or the bytes of its delta; and where the deltas begin."""
    symbols: list[int] = []
    at = 8
    while len(symbols) < count:
        if at + 2 > len(fci):
            raise PacketError(f"transport feedback tells of {len(symbols)} packets, announced {count}")
        (chunk,) = unpack_from("!H", fci, at)
        at += 2
        if not chunk & 0x8000:  # a run
            symbols += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count)
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:count], at
