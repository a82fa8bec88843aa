"""The contract of a driver: a constant that says how its hardware is recognised and how its bytes are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.core.model import Event, Packet


class Tier(StrEnum):
    """How well a driver is proven: written, proven on captured bytes, on a bench with the device, in the field."""

    DRAFT = "draft"
    CAPTURED = "captured"
    BENCH = "bench"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Gatt:
    """A BLE peripheral: its service (16-bit hex or full UUID), what to subscribe to, its name if that decides."""

    service: str
    characteristics: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Uart:
    """A serial device. `usb`: its own (vendor, product) ids; a generic converter has none, its port is assigned."""

    baud: int
    bits: int = 8
    parity: str = "N"
    stop: float = 1
    usb: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """A network device that calls us: `hl7` or `dicom`."""

    protocol: str


@dataclass(frozen=True, slots=True)
class File:
    """A recording brought as a file of these endings."""

    endings: tuple[str, ...]


Claim = Gatt | Uart | Listener | File


class Decoder(Protocol):
    """One per attached device. Proves the whole packet, then yields; raises `PacketError` and nothing else."""

    def __call__(self, packet: Packet) -> Iterable[Event]: ...


class Framer(Protocol):
    """Cuts a byte stream into packets. How the stream was cut on its way is invisible in what comes out."""

    skipped: int  # bytes that belonged to no packet, for ever

    def feed(self, data: bytes) -> list[bytes]: ...


class Whole:
    """The framer of a link that already delivers whole packets."""

    skipped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Every chunk is one packet."""
        return [data] if data else []


@dataclass(frozen=True, slots=True)
class Driver:
    """Static facts of one family. `quiet_s`: a longer silence on an open link means that it is lost."""

    name: str
    claim: Claim
    decoder: Callable[[], Decoder]
    framer: Callable[[], Framer] = Whole
    hello: tuple[bytes, ...] = ()
    keepalive: tuple[bytes, float] | None = None
    quiet_s: float | None = 30.0
    continuous: bool = False
    tier: Tier = Tier.DRAFT
