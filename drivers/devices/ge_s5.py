"""GE (Datex-Ohmeda) S/5 monitors: the computer interface, DRI records over RS-232, 19200 8E1.

A frame is 7E, the record and the low byte of its sum with 7E and 7D escaped by 7D, 7E. A record is a head of 40 bytes
(length, type, up to eight subrecords) and its subrecords. Asked for are what the monitor displays (type 0, basic class,
every 5 s) and the waves of ECG 1 and pleth (type 1). Values are 16 bits; below -32000 they are conditions (-32767 not
valid, -32766 not updated...), never numbers. Source: part-cw/LNhealth (BSD-style). The monitor's clock has no stated
zone and is left alone; so are gases, invasive pressures and temperatures that are not the body's.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from struct import Struct, pack, unpack_from

from drivers.core import vocab
from drivers.core.driver import Driver, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Stuffed
from drivers.core.model import Event, Packet, Waveform
from drivers.core.monitor import InUse, LastCuff

TYPE, PLACES, BODY, NO_MORE = 14, 16, 40, b"\xff"
VITALS, WAVES, DISPLAYED, PLETH = 0, 1, 1, 8
LEAST = {VITALS: 278, WAVES: 6}  # bytes of a subrecord
NO_NUMBER = -32001  # and everything below
GROUP, FIRST = Struct("<IH5h"), (-2, 0, 0, 0, 0)  # status, label and first values of a group; hundredths in its first
ECG, CUFF, TEMPERATURES, OXIMETER, CO2 = 4, 76, (90, 98, 106, 114), 122, 136  # where the groups are
CLASS, MEASURED, FROM_ECG, CUFF_AT_WORK = 277, 0x3, 1, 0x20

# The label of a temperature -> where it was taken: not skin, airway, room or surface. Some do not tell.
SITES = dict(enumerate(("esophagus", "nasopharynx", "ear", "rectum", "bladder", "armpit"), 1))
INSIDE = (*SITES, 11, 12, 13, 14, 15)
LEADS = {1: 1, 2: 2, 3: 61, 4: 62, 5: 63, 6: 64}
RATES_HZ = {1: Decimal(300), 2: Decimal(300), 3: Decimal(300), PLETH: Decimal(100)}  # ECG 1 to 3, pleth


class Records:
    """The decoder of one monitor."""

    def __init__(self) -> None:
        self._in_use, self._cuff = InUse(), LastCuff()

    def __call__(self, packet: Packet) -> Iterator[Event]:
        """One record."""
        kind, subrecords = _read(packet.data)
        if kind == VITALS:
            shown = [body for number, body in subrecords if number == DISPLAYED and not body[CLASS] & 0x0F]
            return (event for body in shown for event in self._vitals(body))
        waves = [_wave(*subrecord) for subrecord in subrecords if kind == WAVES and subrecord[0] in RATES_HZ]
        return (wave for wave in waves if wave is not None)

    def _vitals(self, body: bytes) -> Iterator[Event]:
        ecg, _, (rate, _, _, _, impedance) = _group(body, ECG)
        _, _, (spo2, pulse, *_) = _group(body, OXIMETER, FIRST)
        _, cuff, (systolic, diastolic, mean, beats, _) = _group(body, CUFF, (-2, -2, -2, 0, 0))
        breaths = impedance if impedance is not None else _group(body, CO2)[2][2]
        groups = [_group(body, at, FIRST) for at in TEMPERATURES]
        warm = ((value, SITES.get(at)) for _, at, (value, *_) in groups if value is not None and at in INSIDE)
        temperature, site = next(warm, (None, None))
        yield from self._in_use.numeric(vocab.HEART_RATE, rate if ecg >> 3 & 0x0F == FROM_ECG else None)
        yield from self._in_use.numeric(vocab.RESPIRATORY_RATE, breaths)
        yield from self._in_use.numeric(vocab.SPO2, spo2)
        yield from self._in_use.numeric(vocab.PULSE_RATE, pulse)
        yield from self._in_use.numeric(vocab.TEMPERATURE, temperature, site=site)
        if not cuff & CUFF_AT_WORK:
            yield from self._cuff.repeated(systolic, diastolic, mean, beats)


def _read(data: bytes) -> tuple[int, list[tuple[int, bytes]]]:
    """The type of a record, and its subrecords with their numbers."""
    if len(data) <= BODY or sum(data[:-1]) & 0xFF != data[-1] or int.from_bytes(data[:2], "little") != len(data) - 1:
        raise PacketError(f"no record, or its sum or length is wrong: {len(data)} bytes")
    kind, numbers = data[TYPE], data[PLACES + 2 : BODY : 3].split(NO_MORE, 1)[0]
    starts = unpack_from("<" + "Hx" * len(numbers), data, PLACES)
    subrecords = [(number, data[BODY + start : -1]) for number, start in zip(numbers, starts, strict=True)]
    if any(len(body) < LEAST.get(kind, 0) for _, body in subrecords):
        raise PacketError(f"a subrecord is cut short: {len(data)} bytes of type {kind}")
    return kind, subrecords


def _group(body: bytes, at: int, scale: tuple[int, ...] = (0, 0, 0, 0, 0)) -> tuple[int, int, list[Decimal | None]]:
    """Status, label and first five values of a group; no values where it is not measured."""
    status, label, *values = GROUP.unpack_from(body, at)
    limit = NO_NUMBER if status & MEASURED == MEASURED else 0x7FFF
    scaled = zip(values, scale, strict=True)
    return status, label, [Decimal(value).scaleb(power) if value > limit else None for value, power in scaled]


def _wave(number: int, body: bytes) -> Waveform | None:
    """One wave; none where nothing is measured."""
    count, _, label = unpack_from("<hHH", body)
    if not 0 <= count <= (len(body) - 6) // 2:
        raise PacketError(f"{count} samples announced, subrecord has {len(body)} bytes")
    samples = tuple(value if value > NO_NUMBER else None for value in unpack_from(f"<{count}h", body, 6))
    metric, unit = (vocab.PLETH, "1") if number == PLETH else (vocab.ECG_LEADS[LEADS.get(label, 0)], "uV")
    return Waveform(metric, RATES_HZ[number], unit, samples) if set(samples) - {None} else None


def _asked(kind: int, body: bytes) -> bytes:
    """The frame of a record with one subrecord, of number 0; nothing in ours must be escaped."""
    record = pack("<h12xh5xc18x", BODY + len(body), kind, NO_MORE) + body
    return b"\x7e" + record + bytes((sum(record) & 0xFF,)) + b"\x7e"


RATES = (vocab.HEART_RATE, vocab.PULSE_RATE, vocab.PULSE_RATE_NIBP, vocab.RESPIRATORY_RATE)
GIVES = (*RATES, vocab.SPO2, vocab.TEMPERATURE, vocab.SYSTOLIC, vocab.DIASTOLIC, vocab.MEAN_PRESSURE, vocab.PLETH)

DRIVER = Driver(
    name="ge-s5",
    kind="monitor",
    claim=Uart(19200, parity="E"),
    decoder=Records,
    framer=lambda: Stuffed(0x7E, 0x7E, 0x7D, cap=2048),
    says=(b"\x7e",),
    hello=(_asked(VITALS, pack("<BhIh", DISPLAYED, 5, 0, 0)), _asked(WAVES, pack("<4x3B25x", 1, PLETH, 0xFF))),
    quiet_s=12.0,
    continuous=True,
    gives=(*GIVES, *(vocab.ECG_LEADS[lead] for lead in (0, 1, 2, 61, 62, 63, 64))),
    evidence="one record of waves; the displayed values are made",
)
