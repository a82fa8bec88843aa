"""Masimo ASCII 1: what the captures cannot show."""

from __future__ import annotations

import pytest

from drivers.core.errors import PacketError
from drivers.core.model import Numeric, Packet, Validity
from drivers.devices.masimo_ascii1 import DRIVER
from tests.devices.captures import outcome, packets

LINE = "11/23/26 08:15:00 SN=0000000000 SPO2=098% BPM=101% PI=02.14% DESAT=-- PIDELTA=+-- ALARM=0000 EXC={}\r\n"


def numerics(line: str) -> list[Numeric]:
    found = outcome(DRIVER, packets(DRIVER, [(line.encode(), "")]))
    return [event for event in found if isinstance(event, Numeric)]


@pytest.mark.parametrize("bit", [0x001, 0x002, 0x004, 0x008, 0x010, 0x020, 0x040, 0x080, 0x100, 0x200, 0x400, 0x1000])
def test_no_exception_leaves_a_number_valid(bit: int) -> None:
    found = numerics(LINE.format(f"{0x800 | bit:06X}"))
    assert [str(numeric.value) for numeric in found] == ["98", "101", "2.14"]
    assert not any(numeric.validity is Validity.VALID for numeric in found)


def test_the_algorithm_at_work_is_no_exception() -> None:
    assert [numeric.validity for numeric in numerics(LINE.format("000800"))] == [Validity.VALID] * 3


def test_two_lines_run_into_one_are_refused() -> None:
    spliced = LINE.format("000800").rstrip() + LINE.format("000800")
    with pytest.raises(PacketError, match="no ASCII 1 line"):
        list(DRIVER.decoder()(Packet(spliced.strip().encode())))


@pytest.mark.parametrize("left_out", ["SPO2=098% ", "BPM=101% "])
def test_a_line_without_a_vital_sign_is_refused(left_out: str) -> None:
    with pytest.raises(PacketError, match="in a line of"):
        list(DRIVER.decoder()(Packet(LINE.format("000800").replace(left_out, "").strip().encode())))


def test_an_endless_line_is_left_out_and_counted() -> None:
    framer = DRIVER.framer()
    assert framer.feed(b"9" * 100_000 + b"\r\n" + LINE.format("000800").encode()) == [
        LINE.format("000800")[:-2].encode()
    ]
    assert framer.skipped == 100_000


def test_errors_do_not_quote_the_numbers() -> None:
    found = outcome(DRIVER, [Packet(LINE.format("000800").replace("098%", "98%").strip().encode())])
    assert [str(error) for error in found] == ["SPO2= holds no number as this monitor writes it: 3 characters"]


def test_spaces_around_a_line_are_nothing() -> None:
    assert [str(numeric.value) for numeric in numerics("  " + LINE.format("000800 "))] == ["98", "101", "2.14"]
