"""BCI oximeters: five bytes a sample, over a serial line or a BLE UART (Berry BM1000, early Contec, many OEM boards).

Byte 0: bit 7 set (in no other byte), 6 beep, 4 no signal, 3-0 its strength. 1: pleth. 2: bit 6 is bit 7 of the pulse,
5 searching, 4 no finger or probe fault, 3-0 bar graph. 3: pulse. 4: saturation. There is no checksum.
Sources: Berry's BCI protocol V1.2, atbrask/CMS50Dplus. Vendors disagree on bit 5 of byte 0: the probe is unplugged
(Berry), the saturation falls (Contec). Where the vendor is unknown it makes the numbers doubtful, and no more.
Makers differ in baud rate too; 4800 is that of the public OEM manual, with 60 samples a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from drivers.core.driver import Driver, Gatt, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import MsbSync
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet, Validity, Waveform
from drivers.core.vocab import BATTERY, PLETH, PULSE_RATE, SPO2

LENGTH = 5
NO_SPO2, NO_PULSE = (0, 127), (0, 255)

# (byte, bit, notice): the values mean nothing
CONDITIONS = ((0, 0x10, "no-finger"), (2, 0x10, "no-finger"), (2, 0x20, "searching"))
UNPLUGGED = (0, 0x20, "sensor-unplugged")
DOUBTFUL = 0x20  # of byte 0, where it is not among the conditions

SERVICE, STREAM = "49535343-fe7d-4ae5-8fa9-9fafd205e455", "49535343-1e4d-4bd9-ba61-23c647249616"


class Samples:
    """The decoder. The numbers change once a second and come a hundred times: they are judged when they change."""

    def __init__(self, rate_hz: int, conditions: tuple[tuple[int, int, str], ...]) -> None:
        self._rate_hz = Decimal(rate_hz)
        self._conditions = conditions
        self._said = b""
        self._void = False
        self._vitals: tuple[Event, ...] = ()

    def __call__(self, packet: Packet) -> Iterable[Event]:
        """One packet: a sample of the pleth, the saturation and the pulse rate."""
        data = packet.data
        if len(data) != LENGTH:
            raise PacketError(f"need {LENGTH} bytes, packet has {len(data)}")
        if data[0] < 0x80 or not data[1:].isascii():
            raise PacketError("bit 7 must be set in the first byte and in no other")
        said = bytes((data[0] & 0x30, 0, data[2] & 0x70, data[3], data[4]))
        if said != self._said:
            self._said = said
            self._void = any(said[at] & bit for at, bit, _ in self._conditions)
            self._vitals = tuple(self._judged(said))
        return Waveform(PLETH, self._rate_hz, "1", (None if self._void else data[1],)), *self._vitals

    def _judged(self, said: bytes) -> Iterator[Event]:
        pulse, spo2 = (said[2] & 0x40) << 1 | said[3], said[4]
        doubtful = said[0] & DOUBTFUL and UNPLUGGED not in self._conditions
        validity = Validity.INVALID if self._void else Validity.QUESTIONABLE if doubtful else Validity.VALID
        yield measured(SPO2, None if spo2 in NO_SPO2 or self._void else Decimal(spo2), validity=validity)
        yield measured(PULSE_RATE, None if pulse in NO_PULSE or self._void else Decimal(pulse), validity=validity)
        for code in dict.fromkeys(code for at, bit, code in self._conditions if said[at] & bit):
            yield Notice(code)
        if doubtful and not self._void:
            yield Notice("signal-poor")


DRIVER = Driver(
    name="bci-oximeter",
    kind="oximeter",
    claim=Uart(4800),  # on a generic converter: the port is assigned
    decoder=lambda: Samples(60, CONDITIONS),
    framer=lambda: MsbSync(lead=0x80, length=LENGTH),
    quiet_s=0.7,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PLETH),
    tier=Tier.DRAFT,
    evidence="the maker's document and a public decoder; no recording",
)

DRIVER_BLE = Driver(
    name="bci-oximeter-ble",
    kind="oximeter",
    claim=Gatt(SERVICE, (STREAM,), name="BerryMed"),  # a transparent UART: notifications are pieces of one stream
    decoder=lambda: Samples(100, (UNPLUGGED, *CONDITIONS)),
    framer=lambda: MsbSync(lead=0x80, length=LENGTH),
    quiet_s=0.7,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PLETH, BATTERY),
    tier=Tier.DRAFT,
    evidence="the maker's document and a public decoder; no recording",
)
