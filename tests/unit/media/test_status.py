"""What the live feed hears of the sources."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest

from appliance.media import status
from appliance.media.governor import Budget
from appliance.media.peer import Counts
from appliance.media.source import PictureSource
from appliance.media.status import peer_messages, source_messages
from drivers.links.camera import Frame
from tests.unit.media.helpers import Hand, grey


async def test_a_pulled_plug_is_told_within_600_ms_and_the_rest_at_most_four_times_a_second() -> None:
    hand = Hand[Frame]()
    source = PictureSource("room", "Room camera", hand.open)
    source.start()

    async def film() -> None:
        while True:
            hand.items.put(grey(90))
            await asyncio.sleep(0.02)

    told: list[tuple[float, str]] = []
    pulled_s = 0.0

    async def listen() -> None:
        nonlocal pulled_s
        async for message in source_messages([source]):
            told.append((time.monotonic(), message["state"]))
            if len(told) == 6:
                source.stop()
                pulled_s = time.monotonic()
            if message["state"] == "lost":
                return

    filming = asyncio.create_task(film())
    await asyncio.wait_for(listen(), 10)
    filming.cancel()
    assert told[-1][1] == "lost"
    assert told[-1][0] - pulled_s < 0.6
    same = [b[0] - a[0] for a, b in itertools.pairwise(told) if a[1] == b[1]]
    assert min(same) >= 0.24
    await source.aclose()


async def test_message_of_a_camera_is_that_of_the_protocol() -> None:
    hand = Hand[Frame]()
    source = PictureSource("room", "Room camera", hand.open)
    hand.items.put(grey(90, capture_ns=5_000_000_000))
    source.start()
    async for message in source_messages([source]):
        if message["state"] == "live":
            break
    assert message == {
        "type": "source", "key": "room", "name": "Room camera", "kind": "video", "state": "live", "at_ms": 5000,
        "width": 64, "height": 48, "fps": 0.0, "dropped": 0, "codes": [],
    }  # fmt: skip
    await source.aclose()


class Known:
    """Peers, by what they tell."""

    def __init__(self) -> None:
        self.budgets = {"doctor": Budget(1_000_000, 400_000, 0.012, 61, 4)}
        self.counts = {"doctor": Counts(3, 0)}


async def test_the_way_to_each_peer_is_told_and_its_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "PEERS_S", 0.01)
    known: Any = Known()
    told: list[dict[str, Any]] = []
    async for message in peer_messages(known):
        told.append(message)
        known.budgets = {}
        if message["gone"]:
            break
    assert [{key: value for key, value in one.items() if key != "at_ms"} for one in told] == [
        {
            "type": "peer",
            "peer": "doctor",
            "gone": False,
            "limit_bps": 1_000_000,
            "sent_bps": 400_000,
            "loss": 0.012,
            "rtt_ms": 61,
            "queue_ms": 4,
            "waveforms_dropped": 3,
            "blocks_dropped": 0,
        },
        {"type": "peer", "peer": "doctor", "gone": True},
    ]
