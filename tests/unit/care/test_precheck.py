"""The check before a patient comes: each state in its code, and what does not answer is tried again once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.care import precheck
from appliance.care.precheck import Precheck
from appliance.feed import Feed


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def cuff(state: str, **more: Any) -> dict[str, Any]:
    return {"type": "device", "key": "cuff", "name": "Cuff", "kind": "blood-pressure", "state": state, **more}


@pytest.mark.parametrize(
    ("message", "state", "code"),
    [
        (cuff("ready"), "ok", "ready"),
        (cuff("live", battery=21), "ok", "ready"),
        (cuff("live", battery=20), "warn", "battery"),
        (cuff("absent"), "warn", "absent"),
        (cuff("lost", battery=5), "fail", "lost"),
        (cuff("fault"), "fail", "fault"),
        (cuff("a state of tomorrow"), "fail", "fault"),
    ],
)
def test_a_device(message: dict[str, Any], state: str, code: str) -> None:
    item = precheck.device(message)
    assert (item.key, item.state, item.code) == ("cuff", state, code)


@pytest.mark.parametrize(
    ("told", "state", "code"),
    [
        ({"state": "live"}, "ok", "ready"),
        ({"state": "live", "codes": ["gain-low", "hum"]}, "warn", "gain-low"),
        ({"state": "lost", "codes": ["hum"]}, "fail", "lost"),
        ({"state": "absent"}, "fail", "lost"),
    ],
)
def test_a_source(told: dict[str, Any], state: str, code: str) -> None:
    item = precheck.source({"key": "chest", "name": "Chest-piece", "kind": "audio", **told})
    assert (item.what, item.state, item.code) == ("source", state, code)


@pytest.mark.parametrize(("ms", "state", "code"), [(12.4, "ok", "up"), (1001, "warn", "slow"), (None, "fail", "down")])
def test_the_network(ms: float | None, state: str, code: str) -> None:
    item = precheck.network(ms)
    assert (item.state, item.code) == (state, code)


@pytest.mark.parametrize(("told", "state"), [("ok", "ok"), ("low", "warn"), ("short", "warn"), ("full", "fail")])
def test_the_storage(told: str, state: str) -> None:
    assert precheck.storage([{"state": told}]).state == state


async def test_what_is_lost_is_tried_again_once_and_told_as_it_is_then() -> None:
    feed, tried = Feed(), list[str]()
    feed.publish(cuff("lost"))
    feed.publish({**cuff("absent"), "key": "scale"})

    def again(key: str) -> None:
        tried.append(key)
        asyncio.get_running_loop().call_soon(feed.publish, cuff("ready"))

    async def probe() -> float | None:
        return 30.0

    items = await Precheck(feed, again, probe).run()
    assert tried == ["cuff"]
    assert [(one.what, one.key, one.state) for one in items] == [
        ("device", "cuff", "ok"),
        ("device", "scale", "warn"),
        ("network", "platform", "ok"),
        ("storage", "storage", "ok"),
    ]


async def test_who_never_answers_ends_it_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precheck, "SETTLE_S", 0.05)
    monkeypatch.setattr(precheck, "PROBE_S", 0.05)
    feed = Feed()
    feed.publish(cuff("fault"))

    async def probe() -> float | None:
        await asyncio.Event().wait()
        return 0.0

    async with asyncio.timeout(30):
        items = await Precheck(feed, lambda _: None, probe).run()
    assert [(one.what, one.state) for one in items] == [("device", "fail"), ("network", "fail"), ("storage", "ok")]


def test_the_whole_check_takes_less_than_twenty_seconds() -> None:
    assert max(precheck.SETTLE_S, precheck.PROBE_S) < 20 / 2  # two that ask at once, one after another
