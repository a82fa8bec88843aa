"""SCP-ECG files (EN 1064): the leads of an electrocardiogram, from the rhythm data of section 6.

Read are the device (section 1, tag 14; nothing of the patient), the leads (3) and their samples (6): plain, or first or
second differences, as they are or with the default Huffman codes (2). A file that subtracts reference beats, thins out
what is between the beats (bimodal) or has Huffman codes of its own is refused and says so; so is one whose lengths or
CRCs are wrong. Sources: public decoders; farhad-abtahi/SCP-Tools (MIT), with files of a real device.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate
from struct import iter_unpack

from drivers.core import scp, vocab
from drivers.core.codec import Reader
from drivers.core.driver import Driver, File
from drivers.core.errors import PacketError
from drivers.core.model import Event, Identity, Packet, Waveform

DEVICE, CODES, LEADS, RHYTHM = 1, 2, 3, 6  # sections
DEVICE_TAG, MODEL, LAST_TAG = 14, slice(8, 14), 255
DEFAULT_CODES = 19999
SUBTRACTED = 0x01
PLAIN, SECOND_DIFFERENCES = 0, 2


def decode(packet: Packet) -> Iterator[Event]:
    """One file."""
    sections = scp.sections(packet.data)
    if LEADS not in sections or RHYTHM not in sections:
        raise PacketError("this SCP-ECG file has no leads or no rhythm data (sections 3 and 6)")
    coded = CODES in sections
    if coded and Reader(sections[CODES]).u16() != DEFAULT_CODES:
        raise PacketError("this SCP-ECG file has Huffman codes of its own, which are not read")
    model = _model(Reader(sections.get(DEVICE, b"")))
    waves = _waves(_leads(Reader(sections[LEADS])), Reader(sections[RHYTHM]), coded=coded)
    return iter([Identity(model=model), *waves] if model else waves)


def _model(tags: Reader) -> str | None:
    while tags.left:
        tag, value = tags.u8(), tags.take(tags.u16())
        if tag == DEVICE_TAG:
            return value[MODEL].split(b"\0")[0].decode("ascii", "replace").strip() or None
        if tag == LAST_TAG:
            break
    return None


def _leads(section: Reader) -> list[tuple[vocab.Metric, int]]:
    """The leads, each with its number of samples."""
    count, flags = section.u8(), section.u8()
    if flags & SUBTRACTED:
        raise PacketError("this SCP-ECG file subtracts reference beats, which is not read")
    leads = [(section.u32(), section.u32(), section.u8()) for _ in range(count)]
    if not leads or any((start, stop) != leads[0][:2] or stop < start for start, stop, _ in leads):
        raise PacketError("this SCP-ECG file has leads that were not recorded together, which is not read")
    return [(vocab.ECG_LEADS.get(lead, vocab.ECG_LEADS[0]), stop - start + 1) for start, stop, lead in leads]


def _waves(leads: list[tuple[vocab.Metric, int]], section: Reader, *, coded: bool) -> list[Waveform]:
    nanovolts, interval_us, encoding, bimodal = section.u16(), section.u16(), section.u8(), section.u8()
    if bimodal or encoding > SECOND_DIFFERENCES:
        raise PacketError("this SCP-ECG file has bimodal compression or an unknown encoding, which is not read")
    if not nanovolts or not interval_us:
        raise PacketError("this SCP-ECG file does not state the scale or the rate of its samples")
    lengths = [section.u16() for _ in leads]
    waves = []
    for (metric, count), length in zip(leads, lengths, strict=True):
        values = _values(section.take(length), count, encoding, coded=coded)
        waves.append(Waveform(metric, _rate(interval_us), "nV", tuple(value * nanovolts for value in values)))
    return waves


def _values(data: bytes, count: int, encoding: int, *, coded: bool) -> list[int]:
    values = scp.coded(data, count) if coded else [value for (value,) in iter_unpack("<h", data[: len(data) & ~1])]
    if len(values) != count or count <= encoding:
        raise PacketError(f"a lead of this SCP-ECG file states {count} samples and has {len(values)}")
    if encoding == SECOND_DIFFERENCES:
        values[1:] = accumulate([values[1] - values[0], *values[2:]])
    return values if encoding == PLAIN else list(accumulate(values))


def _rate(interval_us: int) -> Decimal:
    """Samples a second: the whole number that has this interval if there is one (600 for 1667 us)."""
    whole = round(1_000_000 / interval_us)
    return Decimal(whole) if abs(1_000_000 - whole * interval_us) < whole else 1_000_000 / Decimal(interval_us)


DRIVER = Driver(
    name="scp-ecg",
    kind="electrocardiograph",
    claim=File(("scp",)),
    decoder=lambda: decode,
    quiet_s=None,
    gives=tuple(vocab.ECG_LEADS.values()),
    evidence="two files of a Welch Allyn device, kept outside the project",
)
