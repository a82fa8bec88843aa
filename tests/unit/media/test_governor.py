"""Who gets how much, which size and rate that is good for, and the pace at which packets leave."""

from __future__ import annotations

import asyncio
import time

import pytest

from appliance.media import aiortc_transport as transport
from appliance.media.governor import Governor, Lane, shares
from appliance.media.ladder import DETAIL, MOTION, Ladder
from appliance.media.outlet import Outlet
from appliance.media.pacer import Pacer


async def lanes(*weights_and_most: tuple[int, float]) -> list[Lane]:
    return [Lane(Outlet(1), weight, lambda most=most: most) for weight, most in weights_and_most]  # type: ignore[misc]


async def test_the_budget_goes_by_weight_and_what_one_cannot_use_goes_to_the_others() -> None:
    assert shares(1000, await lanes((3, 1e6), (1, 1e6))) == [750, 250]
    assert shares(1000, await lanes((3, 300), (1, 1e6))) == [300, 700]
    assert shares(1000, await lanes((3, 300), (1, 100))) == [300, 100]
    assert shares(1000, []) == []
    assert shares(0, await lanes((1, 5))) == [0]


def test_what_is_to_be_judged_loses_pictures_before_size_and_what_moves_the_other_way_round() -> None:
    detail, motion = Ladder(DETAIL), Ladder(MOTION)
    for rate_bps, kept, moving in (
        (2_500_000, ((1, 1), 1), ((1, 1), 1)),
        (500_000, ((1, 1), 2), ((3, 4), 1)),
        (300_000, ((1, 1), 3), ((1, 2), 1)),
        (100_000, ((1, 2), 3), ((1, 4), 1)),
        (10_000, ((1, 4), 3), ((1, 4), 3)),
    ):
        for ladder, wanted in ((detail, kept), (motion, moving)):
            rung = ladder.step(rate_bps, 1280, 720, 30, 0.0)
            assert (rung.size, rung.every) == wanted


def test_it_goes_up_only_after_a_while_with_room_and_later_each_time_that_it_was_mistaken() -> None:
    ladder = Ladder(MOTION)

    def at(now_s: float, rate_bps: float) -> tuple[int, int]:
        return ladder.step(rate_bps, 1280, 720, 30, now_s).size

    assert at(10.0, 500_000) == (3, 4)
    assert at(10.5, 2_500_000) == (3, 4)
    assert at(12.1, 850_000) == (3, 4)  # enough for it, without the margin
    assert at(12.1, 2_500_000) == (1, 1)
    assert at(13.0, 500_000) == (3, 4)  # that was a mistake
    assert at(15.5, 2_500_000) == (3, 4)
    assert at(17.1, 2_500_000) == (1, 1)


def test_a_scaled_picture_is_even() -> None:
    assert DETAIL[-1].scaled(1366, 770) == (340, 192)


async def test_packets_leave_at_the_pace_and_repetitions_go_first() -> None:
    left: list[tuple[float, bytes, int]] = []

    async def leave(data: bytes, probe: int) -> None:
        left.append((time.monotonic(), data, probe))

    pacer = Pacer(leave, lambda: None)
    pacer.rate_bps = 80_000 / 1.15  # 10 kB a second
    running = asyncio.create_task(pacer.run())
    first = asyncio.create_task(pacer.media(b"a" * 1000))
    second = asyncio.create_task(pacer.media(b"b" * 1000))
    await asyncio.sleep(0)
    pacer.again(b"c" * 1000)
    async with asyncio.timeout(5):
        await asyncio.gather(first, second)
    assert [data[:1] for _, data, _ in left] == [b"c", b"a", b"b"]
    assert left[2][0] - left[0][0] == pytest.approx(0.2, abs=0.08)
    for _ in range(100):
        pacer.again(b"d" * 100)
    assert pacer.refused > 50
    running.cancel()


async def test_a_probe_is_filled_up_and_marked() -> None:
    left: list[int] = []

    async def leave(data: bytes, probe: int) -> None:
        left.append(probe)

    pacer = Pacer(leave, lambda: b"again")
    running = asyncio.create_task(pacer.run())
    pacer.probe(2e6)
    async with asyncio.timeout(5):
        while len(left) < 15:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    assert left == [1] * 15
    running.cancel()


async def test_a_connection_that_goes_frees_who_waits() -> None:
    async def leave(data: bytes, probe: int) -> None:
        raise ConnectionError

    pacer = Pacer(leave, lambda: None)
    waiting = [asyncio.create_task(pacer.media(b"x")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await pacer.run()
    async with asyncio.timeout(5):
        assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [
            ConnectionError,
            asyncio.CancelledError,
            asyncio.CancelledError,
        ]


async def test_the_limit_is_told_by_packets_then_by_remb_and_a_receiver_that_tells_nothing_limits_nothing() -> None:
    async def leave(data: bytes, probe: int) -> None:
        del data, probe

    governor = Governor(Pacer(leave, lambda: None))
    assert governor.limit_bps == 300_000
    governor.blind = True
    assert governor.limit_bps == 20_000_000
    governor.remb(700_000)
    assert governor.limit_bps == 700_000
    governor.feedback(b"\0")  # cannot be read
    assert governor.limit_bps == 700_000
    governor.number(1200, 0)
    governor.feedback(bytes.fromhex("0000 0001 000000 00 2001 04"))
    assert governor.limit_bps < 400_000


def test_extensions_are_overwritten_where_they_are() -> None:
    # X bit, one CSRC; extensions 3 (three bytes), padding, 5 (two bytes)
    packet = bytearray.fromhex("91600001 00000002 00000003 00000004 bede0002 32aabbcc 00 51ddee 00 ff")
    transport.write_extension(packet, 5, b"\x12\x34")
    transport.write_extension(packet, 3, b"\x01\x02\x03")
    assert packet.hex() == "91600001000000020000000300000004bede0002320102030051123400ff"
    for number, value in ((4, b"xx"), (5, b"x"), (None, b"xx")):
        before = bytes(packet)
        transport.write_extension(packet, number, value)
        assert bytes(packet) == before


def test_feedback_is_found_in_a_compound_packet() -> None:
    report = bytes.fromhex("81c90007") + bytes(28)
    told = bytes.fromhex("8fcd0004 00000001 00000002 aabbccdd 11223344")
    nack = bytes.fromhex("81cd0003 00000001 00000002 00050000")
    assert list(transport.transport_feedback(report + told + nack)) == [
        (15, bytes.fromhex("aabbccdd11223344")),
        (1, bytes.fromhex("00050000")),
    ]
    assert list(transport.transport_feedback((report + told)[:-1])) == []
