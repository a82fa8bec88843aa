"""SCP-ECG: two files where they are, and what the captures cannot show."""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.core import scp
from drivers.core.errors import PacketError
from drivers.core.model import Identity, Packet, Waveform
from drivers.devices.scp_ecg import DRIVER
from tests.devices.reference import reference

SIGNAL = (3, 1, -1, 8, -8, 9, -128, 127, 128, -3000, 12000, 11990)


def proven(body: bytes) -> bytes:
    return pack("<H", crc_hqx(body, 0xFFFF)) + body


def section(number: int, data: bytes) -> bytes:
    return proven(pack("<HI", number, 16 + len(data)) + b"\x14\x14" + bytes(6) + data)


def codes(values: Sequence[int]) -> bytes:
    """The default Huffman codes, written the straight way."""
    bits = ""
    for value in values:
        if value == 0:
            bits += "0"
        elif abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("0" if value > 0 else "1")
        elif -128 <= value <= 127:
            bits += "1111111110" + f"{value & 0xFF:08b}"
        else:
            bits += "1111111111" + f"{value & 0xFFFF:016b}"
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@dataclass
class Made:
    """A file, with something wrong in it where a test wants that."""

    encoding: int = 0
    huffman: bool = True
    leads: tuple[int, ...] = (1, 2)
    signal: tuple[int, ...] = SIGNAL
    flags: int = 4
    bimodal: int = 0
    table: int = 19999
    interval_us: int = 2000
    scale_nv: int = 5000
    starts: dict[int, int] = field(default_factory=dict)
    without: tuple[int, ...] = ()
    count: int | None = None

    def samples(self) -> bytes:
        one = self.signal
        values = [
            one,
            (*one[:1], *(after - before for before, after in pairwise(one))),
            (*one[:2], *(one[at] - 2 * one[at - 1] + one[at - 2] for at in range(2, len(one)))),
            one,
        ][self.encoding]
        return codes(values) if self.huffman else pack(f"<{len(values)}h", *values)

    def bytes(self) -> bytes:
        data, count = self.samples(), self.count or len(self.signal)
        leads = b"".join(
            pack("<IIB", self.starts.get(lead, 1), self.starts.get(lead, 1) + count - 1, lead) for lead in self.leads
        )
        parts = {
            1: b"\x02\x06\0SECRET\x0e\x0e\0" + bytes(8) + b"MADE1\0" + b"\xff\0\0",
            2: pack("<H", self.table),
            3: bytes((len(self.leads), self.flags)) + leads,
            6: pack("<HHBB", self.scale_nv, self.interval_us, self.encoding, self.bimodal)
            + pack("<H", len(data)) * len(self.leads)
            + data * len(self.leads),
        }
        if not self.huffman:
            del parts[2]
        sections = {number: section(number, part) for number, part in parts.items() if number not in self.without}
        place, pointers, body = 7 + 16 + 10 * (len(sections) + 2), b"", b""
        for number, whole in sections.items():
            pointers += pack("<HII", number, len(whole), place + len(body))
            body += whole
        pointers = pack("<HII", 0, 16 + 10 * (len(sections) + 2), 7) + pointers + pack("<HII", 9, 0, 0)
        head = proven(pack("<HI", 0, 16 + len(pointers)) + b"\x14\x14SCPECG" + pointers)
        return proven(pack("<I", 6 + len(head) + len(body)) + head + body)


def waves(data: bytes) -> list[Waveform]:
    return [event for event in DRIVER.decoder()(Packet(data)) if isinstance(event, Waveform)]


def refusal(data: bytes) -> str:
    with pytest.raises(PacketError) as error:
        list(DRIVER.decoder()(Packet(data)))
    return str(error.value)


@pytest.mark.parametrize("encoding", [0, 1, 2])
@pytest.mark.parametrize("huffman", [True, False])
def test_samples_come_out_as_they_went_in(encoding: int, *, huffman: bool) -> None:
    found = waves(Made(encoding=encoding, huffman=huffman).bytes())
    assert [wave.metric.name for wave in found] == ["ecg-lead-i", "ecg-lead-ii"]
    assert all(wave.samples == tuple(value * 5000 for value in SIGNAL) for wave in found)
    assert {(wave.unit, int(wave.rate_hz)) for wave in found} == {("nV", 500)}


@settings(max_examples=100, deadline=None)
@given(signal=st.lists(st.integers(-8000, 8000), min_size=3, max_size=60), encoding=st.integers(0, 2))
def test_any_samples_come_out_as_they_went_in(signal: list[int], encoding: int) -> None:
    (found,) = waves(Made(encoding=encoding, leads=(1,), signal=tuple(signal), scale_nv=1).bytes())
    assert found.samples == tuple(signal)


def test_the_device_is_told_and_not_the_patient() -> None:
    found = list(DRIVER.decoder()(Packet(Made().bytes())))
    assert [event for event in found if isinstance(event, Identity)] == [Identity(model="MADE1")]
    assert waves(Made(without=(1,)).bytes())


def test_a_lead_that_has_no_name_here_is_an_unnamed_lead() -> None:
    assert [wave.metric.name for wave in waves(Made(leads=(9, 62)).bytes())] == ["ecg", "ecg-lead-avr"]


@pytest.mark.parametrize(
    ("interval_us", "rate"), [(2000, "500"), (1667, "600"), (1666, "600"), (1000, "1000"), (7813, "128"), (65535, "15")]
)
def test_rates(interval_us: int, rate: str) -> None:
    (wave, _) = waves(Made(interval_us=interval_us).bytes())
    assert f"{wave.rate_hz:.0f}" == rate


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (Made(table=1), "Huffman codes of its own"),
        (Made(flags=5), "reference beats"),
        (Made(bimodal=1), "bimodal"),
        (Made(encoding=3), "unknown encoding"),
        (Made(interval_us=0), "rate"),
        (Made(scale_nv=0), "scale"),
        (Made(starts={2: 5}), "not recorded together"),
        (Made(leads=()), "not recorded together"),
        (Made(count=len(SIGNAL) + 40), "samples"),
        (Made(count=3), "samples"),
        (Made(signal=(5,), encoding=1), "samples"),
        (Made(signal=(5,), encoding=2), "samples"),
        (Made(without=(3,)), "sections 3 and 6"),
        (Made(without=(6,)), "sections 3 and 6"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(made: Made, says: str) -> None:
    assert says in refusal(made.bytes())


def test_files_that_are_not_what_they_say() -> None:
    whole = Made().bytes()
    assert "no SCP-ECG file" in refusal(b"")
    assert "no SCP-ECG file" in refusal(whole.replace(b"SCPECG", b"ECGSCP"))
    assert "not whole" in refusal(whole[:-1])
    assert "not whole" in refusal(whole + b"\0")
    wrong = bytearray(whole)
    wrong[-1] ^= 1
    assert refusal(bytes(wrong)) == "the CRC of this SCP-ECG file is wrong"
    assert refusal(proven(bytes(wrong[2:]))) == "the CRC of section 6 of this SCP-ECG file is wrong"


@pytest.mark.parametrize(("at", "change"), [(0, 0x01), (2, 0x01), (2, 0xF0), (6, 0x01), (7, 0xFF), (9, 0x80)])
def test_pointers_that_lead_astray(at: int, change: int) -> None:
    whole = bytearray(Made().bytes())
    whole[whole.index(pack("<H", 6), 22 + 40) + at] ^= change  # the pointer to section 6, after four others
    length = int.from_bytes(whole[10:14], "little")
    whole[6:8] = pack("<H", crc_hqx(bytes(whole[8 : 6 + length]), 0xFFFF))
    assert re.search(r"section \d+ of this SCP-ECG file is not", refusal(proven(bytes(whole[2:]))))


@given(st.binary(max_size=40), st.integers(0, 30))
def test_any_bits_are_codes_or_nothing(data: bytes, count: int) -> None:
    assert len(scp.coded(data, count)) <= count


@pytest.mark.parametrize("name", ["ANON000004.SCP", "ANON000009.SCP"])
def test_files_of_a_real_device(name: str) -> None:
    found = waves(reference(f"scp_ecg/{name}"))
    assert [wave.metric.name.removeprefix("ecg-lead-") for wave in found] == [
        "i",
        "ii",
        *(f"v{n}" for n in range(1, 7)),
    ]
    assert {(len(wave.samples), wave.unit, int(wave.rate_hz)) for wave in found} == {(6000, "nV", 600)}
    steps = [
        abs(after - before)
        for wave in found
        for before, after in pairwise(wave.samples)
        if before is not None and after is not None
    ]
    assert max(steps) < 500_000  # a heart, not noise: no step of 0.5 mV in 1/600 s
