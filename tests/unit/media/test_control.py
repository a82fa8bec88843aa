"""What a viewer may ask: each id answered once, the same, and never more than a few at a time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from appliance.media.control import Control, StillTaken
from appliance.media.still import StillRefused


class Camera:
    def __init__(self) -> None:
        self.taken: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def take(self, key: str) -> StillTaken:
        self.taken.append(key)
        await self.gate.wait()
        if key == "broken":
            raise RuntimeError("no")
        if key != "otoscope":
            raise StillRefused("no-such-source", "there is none")
        return StillTaken(f"result-{len(self.taken)}", "ab" * 32, 1280, 720)


async def ask(control: Control, **asked: Any) -> dict[str, Any] | None:
    said = await control.answer(json.dumps(asked))
    return None if said is None else json.loads(said)


async def test_a_still_is_taken_once_for_an_id_however_often_it_is_asked() -> None:
    camera = Camera()
    control = Control(camera.take)
    camera.gate.clear()
    twice = asyncio.gather(*(ask(control, type="still", id="a", source="otoscope") for _ in range(2)))
    await asyncio.sleep(0)
    camera.gate.set()
    wanted = {
        "type": "still", "id": "a", "ok": True, "result": "result-1", "sha256": "ab" * 32, "width": 1280, "height": 720
    }  # fmt: skip
    assert await twice == [wanted, wanted]
    assert await ask(control, type="still", id="a", source="otoscope") == wanted
    assert camera.taken == ["otoscope"]


@pytest.mark.parametrize(("source", "code"), [("nowhere", "no-such-source"), ("broken", "failed")])
async def test_a_still_that_cannot_be_taken_says_why(source: str, code: str) -> None:
    said = await ask(Control(Camera().take), type="still", id="a", source=source)
    assert said == {"type": "still", "id": "a", "ok": False, "code": code}


async def test_ping_tells_the_units_time() -> None:
    said = await ask(Control(Camera().take), type="ping", id="p")
    assert said is not None
    assert (said["type"], said["id"], said["now_ms"] > 0) == ("pong", "p", True)


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "null", b"\xff\xfe", '{"type":"reboot","id":"a"}', '{"type":"ping"}', '{"type":"ping","id":7}',
        '{"type":"ping","id":""}', json.dumps({"type": "ping", "id": "x" * 129}), '{"type":["ping"],"id":"a"}',
        " " * 65537,
    ],
)  # fmt: skip
async def test_what_is_no_question_gets_no_answer(message: str | bytes) -> None:
    control = Control(Camera().take)
    assert await control.answer(message) is None
    assert control.refused == 1


async def test_questions_beyond_the_bound_are_refused_until_one_is_answered() -> None:
    camera = Camera()
    control = Control(camera.take)
    camera.gate.clear()
    asked = [asyncio.create_task(ask(control, type="still", id=str(n), source="otoscope")) for n in range(4)]
    await asyncio.sleep(0.01)
    assert await ask(control, type="still", id="5", source="otoscope") is None
    camera.gate.set()
    assert all(said is not None and said["ok"] for said in await asyncio.gather(*asked))
    assert await ask(control, type="ping", id="6") is not None


async def test_only_the_latest_answers_are_remembered() -> None:
    camera = Camera()
    control = Control(camera.take)
    for number in range(70):
        await ask(control, type="still", id=str(number), source="otoscope")
    await ask(control, type="still", id="0", source="otoscope")
    assert len(camera.taken) == 71
