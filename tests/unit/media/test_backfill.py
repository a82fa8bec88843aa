"""What a viewer lost is sent again: the very same blocks, once, and only those that are still here."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from appliance.media.backfill import Backfill
from appliance.media.refusal import NotDone
from appliance.media.stethoscope import BLOCK, Block, Recorder
from tests.unit.media.helpers import become


class Wire:
    """A channel that the test fills and empties."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting = 0

    def send(self, message: bytes) -> bool:
        self.sent.append(message)
        return True


def block(sequence: int, stream: int = 7) -> Block:
    return Block(np.full(BLOCK, sequence, np.int16), sequence, sequence * BLOCK, sequence * 20_000_000, stream)


def filled(count: int, seconds: float = 10.0) -> Recorder:
    recorder = Recorder(seconds)
    for sequence in range(count):
        recorder.add(block(sequence))
    return recorder


async def served(recorder: Recorder, wire: Wire, **asked: Any) -> Any:
    backfill = Backfill(recorder, wire)
    running = asyncio.create_task(backfill.run())
    answer = await backfill.ask(asked)
    await backfill.ask(asked)
    await become(lambda: len(wire.sent) >= answer["coming"])
    await asyncio.sleep(0.1)  # a block that is sent twice would come now
    running.cancel()
    return answer


async def test_lost_blocks_come_again_bit_for_bit_and_once() -> None:
    wire = Wire()
    assert await served(filled(100), wire, stream=7, sequence=40, count=5) == {"coming": 5, "gone": 0}
    assert wire.sent == [block(sequence).wire() for sequence in (40, 41, 42, 43, 44)]


async def test_what_is_not_here_any_more_is_told() -> None:
    wire = Wire()
    # 10 s are 500 blocks: of 600, the first hundred are forgotten.
    assert await served(filled(600), wire, stream=7, sequence=95, count=10) == {"coming": 5, "gone": 5}
    assert [int.from_bytes(each[4:8], "little") for each in wire.sent] == [100, 101, 102, 103, 104]


async def test_a_stream_that_is_over_is_still_here() -> None:
    recorder, wire = filled(50), Wire()
    for sequence in range(20):
        recorder.add(block(sequence, stream=8))
    assert await served(recorder, wire, stream=7, sequence=48, count=4) == {"coming": 2, "gone": 2}
    assert wire.sent == [block(48).wire(), block(49).wire()]


async def test_nothing_old_is_sent_while_something_new_waits() -> None:
    wire = Wire()
    wire.waiting = 1
    backfill = Backfill(filled(10), wire)
    running = asyncio.create_task(backfill.run())
    await backfill.ask({"stream": 7, "sequence": 0, "count": 3})
    await asyncio.sleep(0.1)
    assert wire.sent == []
    wire.waiting = 0
    await become(lambda: len(wire.sent) == 3)
    running.cancel()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"stream": 7, "sequence": 0, "count": 0},
        {"stream": 7, "sequence": 0, "count": 501},
        {"stream": 7, "sequence": -1, "count": 1},
        {"stream": 7.5, "sequence": 0, "count": 1},
        {"stream": True, "sequence": 0, "count": 1},
        {"stream": 2**32, "sequence": 0, "count": 1},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(NotDone) as refused:
        await Backfill(filled(10), Wire()).ask(asked)
    assert refused.value.code == "bad-request"


async def test_no_more_waits_than_a_bound() -> None:
    backfill = Backfill(filled(3000, 60), Wire())
    for first in range(0, 2000, 500):
        await backfill.ask({"stream": 7, "sequence": first, "count": 500})
    with pytest.raises(NotDone) as refused:
        await backfill.ask({"stream": 7, "sequence": 2000, "count": 500})
    assert refused.value.code == "busy"
