"""The schemas themselves: they take the unit's real messages, and refuse what the protocol page rules out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from appliance.care import messages
from appliance.care.acceptance import Reason
from appliance.care.charting import held
from appliance.care.status import Status
from appliance.feed import Feed
from appliance.records.model import Delivery, KeptResult
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import SPO2
from tests import making as made
from tests import schemas
from tests.unit.platform.making import CARD, CONFIRMED, JUST_OPENED, PRESSURE, STILL

LIVE: list[dict[str, Any]] = [
    messages.result(KeptResult(PRESSURE)),
    messages.result(KeptResult(PRESSURE), "unsaved"),
    messages.result(KeptResult(PRESSURE, Delivery("refused", "no such unit"), struck="wrong arm")),
    messages.result(KeptResult(replace(STILL, obj=STILL.obj))),
    messages.consultation(None, resumed=False, doctor=None),
    messages.consultation(JUST_OPENED, resumed=True, doctor=None),
    messages.consultation(
        replace(CONFIRMED, patient=CARD), resumed=False, doctor={"name": "Dr A", "state": "connected"}
    ),
    messages.numeric("oximeter", Numeric(SPO2, Decimal(98), "%"), 1000),
    messages.numeric("oximeter", Numeric(SPO2, None, "%", Validity.INVALID), 1000),
    messages.quarantine(held(made.reading(), Reason.NO_LEASE, None)),
]


@pytest.mark.parametrize("message", LIVE, ids=lambda message: message["type"])
def test_real_messages_are_of_the_schema(message: dict[str, Any]) -> None:
    schemas.check("live", message)


def test_the_units_own_state_is_of_the_schema() -> None:
    feed = Feed()
    Status(feed).tell("restarted")
    (message,) = feed.state("unit")
    schemas.check("live", message)


NUMERIC = messages.numeric("oximeter", Numeric(SPO2, Decimal(98), "%"), 1000)
RESULT = messages.result(KeptResult(PRESSURE))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("live", {**NUMERIC, "value": 98}),
        ("live", {**NUMERIC, "value": None}),
        ("live", {**NUMERIC, "value": "9e1"}),
        ("live", {**NUMERIC, "at_ms": 1.5}),
        ("live", {**RESULT, "at": "2026-06-01T12:00:00"}),
        ("live", {**RESULT, "delivery": "sent"}),
        ("live", {key: held for key, held in RESULT.items() if key != "delivery"}),
        ("live", {"type": "weather"}),
        ("live", ["beat"]),
        ("link", {"type": "signal", "consultation": "c", "peer": "p"}),
        ("viewer", {"type": "join", "protocol": 2, "consultation": "c", "token": "t", "name": "n", "role": "doctor"}),
        ("control", {"type": "still", "id": "1", "ok": True, "result": "r"}),
    ],
)
def test_what_the_page_rules_out_is_refused(name: str, message: object) -> None:
    assert schemas.faults(name, message)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "still", "id": "1", "source": "otoscope"},
        {"type": "still", "id": "1", "ok": True, "result": "r", "sha256": "a" * 64, "width": 1, "height": 1},
        {"type": "still", "id": "1", "ok": False, "code": "source-lost"},
        {"type": "clip", "id": "1", "source": "otoscope"},
        {"type": "clip", "id": "1", "ok": True, "result": "r", "sha256": "a" * 64, "seconds": 9.9},
        {"type": "view", "id": "1", "source": "otoscope", "side": "left", "zoom": None},
        {"type": "view", "id": "1", "ok": True, "side": "left", "zoom": None},
        {"type": "blocks", "id": "1", "stream": 7, "sequence": 0, "count": 500},
        {"type": "blocks", "id": "1", "ok": True, "coming": 499, "gone": 1},
        {"type": "blocks", "id": "1", "ok": False, "code": "busy"},
        {"type": "auscultation", "id": "1", "act": "begin", "site": "mitral"},
        {"type": "auscultation", "id": "1", "ok": True, "grade": "good"},
        {"type": "ping", "id": "1"},
        {"type": "pong", "id": "1", "now_ms": 5},
    ],
)
def test_control_messages(message: dict[str, Any]) -> None:
    schemas.check("control", message)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "clip", "id": "1"},
        {"type": "clip", "id": "1", "ok": True},
        {"type": "view", "id": "1", "source": "otoscope", "side": "up"},
        {"type": "blocks", "id": "1", "stream": 7, "sequence": 0, "count": 501},
        {"type": "blocks", "id": "1", "stream": 7},
        {"type": "auscultation", "id": "1", "act": "dance"},
        {"type": "auscultation", "id": "1", "ok": False},
    ],
)
def test_what_is_no_control_message(message: dict[str, Any]) -> None:
    assert schemas.faults("control", message)


@pytest.mark.parametrize("name", ["link", "viewer", "live", "control"])
def test_each_schema_is_one_and_each_type_is_reachable(name: str) -> None:
    found = schemas.schema(name)
    reached = {one["$ref"].removeprefix("#/$defs/") for one in found["oneOf"]}
    assert reached <= set(found["$defs"])
