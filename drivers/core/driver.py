"""The contract of a driver: a constant that says how its hardware is recognised and how its bytes are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from drivers.core.errors import ForbiddenWords
from drivers.core.model import Event, Packet
from drivers.core.vocab import Metric


class Tier(StrEnum):
    """How well a driver is proven: written, proven on captured bytes, on a bench with the device, in the field."""

    DRAFT = "draft"
    CAPTURED = "captured"
    BENCH = "bench"
    FIELD = "field"


Kind = Literal[
    "blood-pressure",
    "thermometer",
    "oximeter",
    "scale",
    "glucometer",
    "heart-rate",
    "monitor",
    "electrocardiograph",
    "imaging",
]  # what a nurse calls it; screens have a word for each


@dataclass(frozen=True, slots=True)
class Gatt:
    """A BLE peripheral: its service and what to subscribe to, the main one first (named as in `Packet.channel`).

    `name`: how its advertised name begins, if that decides. `control`: where `hello` and `keepalive` are written.
    `bond`: it must be paired before anything else; what only protects a characteristic is paired when that refuses.
    """

    service: str
    characteristics: tuple[str, ...]
    name: str | None = None
    control: str | None = None
    bond: bool = False


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
    """A network device that calls us: `hl7` or `dicom`; there, with the SOP classes of the objects it reads."""

    protocol: str
    objects: tuple[str, ...] = ()


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
    """Static facts of one family.

    `says`: how all that may ever be written to the device begins. A word that makes a device act on a patient or give
    away a secret is never among them, and what is not among them is never written.
    `hello` is written once the link is open, `keepalive` every so many seconds. `quiet_s`: a longer silence on an open
    link means that it is lost. `continuous`: it streams; what comes on `spot` channels is a single measurement
    all the same. `gives`: every metric it can give. `evidence`: what its tier rests on.
    `configure`: the driver of a device that a unit has settings for (a user's code); `ValueError` for wrong ones.
    """

    name: str
    kind: Kind
    claim: Claim
    decoder: Callable[[], Decoder]
    framer: Callable[[], Framer] = Whole
    says: tuple[bytes, ...] = ()
    hello: tuple[bytes, ...] = ()
    keepalive: tuple[bytes, float] | None = None
    quiet_s: float | None = 30.0
    continuous: bool = False
    spot: tuple[str, ...] = ()
    gives: tuple[Metric, ...] = ()
    tier: Tier = Tier.DRAFT
    evidence: str = ""
    configure: Callable[[Driver, Mapping[str, str]], Driver] | None = None

    def configured(self, settings: Mapping[str, str]) -> Driver:
        """This driver, for a device with these settings. `ValueError` where it takes none, or not these."""
        if not settings:
            return self
        if self.configure is None:
            raise ValueError(f"{self.name} takes no settings")
        return self.configure(self, settings)

    def allowed(self, words: bytes) -> bytes:
        """The words, if the device may be sent them; else `ForbiddenWords`."""
        if not words.startswith(self.says):
            raise ForbiddenWords(f"{self.name}: {words[:8].hex(' ')}… is not among the words it may send")
        return words

    def streams(self, channel: str) -> bool:
        """Whether what comes on this channel is one instant of a stream, not a measurement on its own."""
        return self.continuous and channel not in self.spot
