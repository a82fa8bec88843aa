"""Transport-wide feedback: messages written by hand after the draft, section 3.1."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.media.feedback import HISTORY, Ledger, read
from drivers.core.errors import PacketError

HEAD = "000a 0007 000002 01"  # from number 10 on, seven packets, 128 ms, first message


def test_a_vector_of_two_bits() -> None:
    # 1 1 0 2 1 0 1: deltas 250 us, 500 us, -1 ms, 0, 63.75 ms
    message = bytes.fromhex(HEAD + "d491" + "01 02 fffc 00 ff")
    assert list(read(message)) == [
        (10, 128_250),
        (11, 128_750),
        (12, None),
        (13, 127_750),
        (14, 127_750),
        (15, None),
        (16, 191_500),
    ]


def test_a_run_and_a_vector_of_one_bit() -> None:
    # a run of five small deltas, then 0 1 and nothing
    message = bytes.fromhex(HEAD + "2005 9000" + "04 04 04 04 04 08")
    assert [arrived_us for _, arrived_us in read(message)] == [
        129_000,
        130_000,
        131_000,
        132_000,
        133_000,
        None,
        135_000,
    ]


def test_numbers_go_round_and_times_may_be_negative() -> None:
    message = bytes.fromhex("ffff 0002 ffffff 00 2002 04 04")
    assert list(read(message)) == [(65535, -63_000), (0, -62_000)]


@pytest.mark.parametrize(
    "message", ["", "000a 0007 000002", HEAD, HEAD + "20", HEAD + "2007" + "01 01", HEAD + "4007" + "0001 00"]
)
def test_what_ends_early_is_refused(message: str) -> None:
    with pytest.raises(PacketError, match=r"transport feedback"):
        list(read(bytes.fromhex(message)))


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(message: bytes) -> None:
    with suppress(PacketError):
        assert len(list(read(message))) <= 65535


def test_each_packet_is_told_of_once_and_may_come_late() -> None:
    ledger = Ledger()
    assert [ledger.number(1000 * n, 1200, probe=n == 2) for n in range(3)] == [0, 1, 2]
    came = ledger.told(bytes.fromhex("0000 0003 000000 00 d100 04 04"))  # 1 0 1
    assert [(told.sent.sent_us, told.arrived_us) for told in came] == [(0, 1000), (1000, None), (2000, 2000)]
    assert came[2].sent.probe == 1
    assert ledger.told(bytes.fromhex("0000 0003 000001 01 2003 00 00 00"))[0].sent.sent_us == 1000
    assert ledger.told(bytes.fromhex("0000 0003 000001 02 2003 00 00 00")) == []


def test_what_is_never_told_of_is_forgotten() -> None:
    ledger = Ledger()
    for n in range(HISTORY + 5):
        ledger.number(n, 100)
    assert len(ledger._sent) == HISTORY
