"""Framers on streams that are cut, broken, endless and hostile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.core.driver import Framer, Whole
from drivers.core.framing import Hunt, Lines, MsbSync, Stuffed


def sized(buffer: bytes) -> int:
    """`A5 length ... sum`: a second byte below 4 is no length."""
    return 0 if len(buffer) < 2 else buffer[1] if buffer[1] >= 4 else -1


def summed(packet: bytes) -> bool:
    return sum(packet[:-1]) & 0xFF == packet[-1]


MAKERS: dict[str, Callable[[], Framer]] = {
    "whole": Whole,
    "lines": lambda: Lines(cap=10),
    "set": lambda: MsbSync(lead=0x80, length=5),
    "clear": lambda: MsbSync(lead=0x00, lengths={1: 3, 2: 2}),
    "hunt": lambda: Hunt(b"\xa5", sized, summed, cap=16),
    "hunt two": lambda: Hunt(b"\xaa\x55", lambda buffer: 4 if len(buffer) > 3 else 0),
    "hunt end": lambda: Hunt(b"\x0b", lambda buffer: buffer.find(b"\x1c\r") + 2 if b"\x1c\r" in buffer else 0, cap=12),
    "stuffed": lambda: Stuffed(0xC0, 0xC1, 0x7D, cap=8),
    "one flag": lambda: Stuffed(0x7E, 0x7E, 0x7D, cap=8),
}
ALPHABET = st.sampled_from(
    [0x00, 0x01, 0x02, 0x04, 0x06, 0x0A, 0x0B, 0x0D, 0x1C, 0x41, 0x55, 0x7D, 0x7E, 0x80, 0xA5, 0xAA]
)


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "whole"])
@settings(max_examples=150, deadline=None)
@given(stream=st.lists(st.one_of(ALPHABET, st.integers(0xC0, 0xC1)), max_size=60).map(bytes), data=st.data())
def test_chunking_is_invisible_and_nothing_is_lost_uncounted(kind: str, stream: bytes, data: st.DataObject) -> None:
    whole, cut, single = MAKERS[kind](), MAKERS[kind](), MAKERS[kind]()
    wanted = whole.feed(stream)
    at = data.draw(st.integers(0, len(stream)))
    assert cut.feed(stream[:at]) + cut.feed(stream[at:]) == wanted
    assert [packet for byte in stream for packet in single.feed(bytes([byte]))] == wanted
    assert whole.skipped == cut.skipped == single.skipped
    assert whole.skipped + sum(map(len, wanted)) <= len(stream)


@pytest.mark.parametrize("stream", [b"~\0\0\0\0\0\0\0\0\0}", b"~\0\0\0\0\0\0\0\0\0}a}b", b"~\0\0\0}a}b}c}d}e}f~"])
def test_what_is_left_out_is_counted_in_bytes_of_the_wire(stream: bytes) -> None:
    whole, single = MAKERS["one flag"](), MAKERS["one flag"]()
    assert whole.feed(stream) + [packet for byte in stream for packet in single.feed(bytes([byte]))] == []
    assert whole.skipped == single.skipped == len(stream.strip(b"~"))


def test_lines_end_with_cr_or_lf_and_are_capped() -> None:
    framer = Lines(cap=4)
    assert framer.feed(b"one\r\ntwo\rsix\n\n") == [b"one", b"two", b"six"]
    assert framer.feed(b"five5") == []
    assert framer.feed(b"55\nok\n") == [b"ok"]
    assert framer.skipped == 7


def test_packets_marked_by_bit_7() -> None:
    framer = MsbSync(lead=0x80, length=5)
    assert framer.feed(bytes.fromhex("0102 8101020304 82010203 8301020304")) == [
        bytes.fromhex("8101020304"),
        bytes.fromhex("8301020304"),
    ]
    assert framer.skipped == 6  # two before the first lead, four of the packet that lost a byte


def test_packets_of_unknown_type_are_skipped() -> None:
    framer = MsbSync(lead=0x00, lengths={0x01: 3})
    assert framer.feed(bytes.fromhex("0180 81 0580 80 0182 83")) == [bytes.fromhex("018081"), bytes.fromhex("018283")]
    assert framer.skipped == 3


def test_a_hunt_finds_the_packet_behind_a_false_start() -> None:
    framer = Hunt(b"\xa5", sized, summed)
    good = bytes.fromhex("a5 05 01 02 ad")
    assert framer.feed(b"\xa5\x05" + good + b"\xa5\x01" + good) == [good, good]
    assert framer.skipped == 4
    capped = Hunt(b"\xa5", sized, summed, cap=16)
    assert capped.feed(b"\xa5" + good) == [good]  # the false start is one byte before the true one


def test_what_framers_hold_back_is_bounded() -> None:
    for kind in ("lines", "set", "clear", "hunt", "hunt two", "hunt end", "stuffed", "one flag"):
        for filling in (b"\x01", b"\xa5\xff", b"\x0b", b"\xc0A", b"\x7e\x7d", b"A"):
            framer = MAKERS[kind]()
            for _ in range(100):
                framer.feed(filling * 50)
            held = [part for part in vars(framer).values() if isinstance(part, (bytes, bytearray))]
            assert max(map(len, held)) <= 16, (kind, filling)


def test_stuffed_packets() -> None:
    framer = Stuffed(0xC0, 0xC1, 0x7D)
    assert framer.feed(bytes.fromhex("ff c0 01 7de0 7d5d c1 c0c1 c0 02 c0 03 c1")) == [
        bytes.fromhex("01c07d"),
        bytes.fromhex("03"),
    ]
    assert framer.skipped == 2
    hdlc = Stuffed(0x7E, 0x7E, 0x7D)
    assert hdlc.feed(bytes.fromhex("7e 01 7d5e 7e 7e 02 7e 03 7e")) == [b"\x01\x7e", b"\x02", b"\x03"]
