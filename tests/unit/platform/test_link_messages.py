"""The link's messages: ours are of the schema, theirs are proven, oddities are passed over."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.platform.link_messages import (
    BadMessage,
    Candidate,
    ConsultationChanged,
    Description,
    Hello,
    IceServer,
    OpenConsultation,
    Opened,
    Outgoing,
    PeerClosed,
    PeerJoined,
    PeerLeft,
    PeerRefused,
    PlatformInfo,
    Problem,
    Signal,
    UnitInfo,
    Welcome,
    parse,
    write,
)
from tests import schemas
from tests.unit.platform.making import CONSULTATION as C

AT = "2026-06-01T12:00:00+00:00"

OURS: list[tuple[Outgoing, str]] = [
    (
        Hello(UnitInfo("u", "Cart", "0.1"), (OpenConsultation(C, "active", AT, "cough"),)),
        '{"type":"hello","unit":{"id":"u","name":"Cart","software":"0.1"},"consultations":[{"id":"'
        f'{C}","state":"active","opened":"{AT}","reason":"cough"}}],"protocol":1}}',
    ),
    (
        ConsultationChanged(C, "closed", AT),
        f'{{"type":"consultation","id":"{C}","state":"closed","opened":"{AT}","reason":null}}',
    ),
    (
        Signal(C, "p", description=Description("offer", "v=0")),
        f'{{"type":"signal","consultation":"{C}","peer":"p","description":{{"type":"offer","sdp":"v=0"}}}}',
    ),
    (
        Signal(C, "p", candidate=Candidate("candidate:1 1 udp 1 127.0.0.1 9 typ host", "0", 0)),
        f'{{"type":"signal","consultation":"{C}","peer":"p","candidate":'
        '{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":0}}',
    ),
    (
        Signal(C, "p", candidate=None),
        f'{{"type":"signal","consultation":"{C}","peer":"p","candidate":null}}',
    ),
    (
        PeerRefused(C, "p", "not-active"),
        f'{{"type":"peer.refused","consultation":"{C}","peer":"p","code":"not-active"}}',
    ),
    (PeerClosed(C, "p"), f'{{"type":"peer.closed","consultation":"{C}","peer":"p"}}'),
]


@pytest.mark.parametrize(("message", "text"), OURS)
def test_what_the_unit_says(message: Outgoing, text: str) -> None:
    assert json.loads(write(message)) == json.loads(text)
    schemas.check("link", json.loads(text))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"type": "welcome", "protocol": 1, "platform": {"name": "P"}, "time": AT},
            Welcome(1, PlatformInfo("P"), AT),
        ),
        (
            {
                "type": "peer.joined",
                "consultation": C,
                "peer": "p",
                "role": "doctor",
                "name": "Dr A",
                "ice_servers": [{"urls": ["stun:s"]}, {"urls": ["turn:t"], "username": "u", "credential": "c"}],
            },
            PeerJoined(C, "p", "Dr A", "doctor", (IceServer(["stun:s"]), IceServer(["turn:t"], "u", "c"))),
        ),
        ({"type": "peer.left", "consultation": C, "peer": "p"}, PeerLeft(C, "p")),
        (
            {"type": "signal", "consultation": C, "peer": "p", "description": {"type": "answer", "sdp": "v=0"}},
            Signal(C, "p", description=Description("answer", "v=0")),
        ),
        ({"type": "signal", "consultation": C, "peer": "p", "candidate": None}, Signal(C, "p", candidate=None)),
        (
            {"type": "receipt", "identifier": f"urn:uuid:{C}", "state": "opened", "at": AT, "by": "Dr A"},
            Opened(f"urn:uuid:{C}", "opened", AT, "Dr A"),
        ),
        ({"type": "error", "code": "x", "message": "y"}, Problem("x", "y")),
    ],
)
def test_what_the_platform_says(said: dict[str, object], message: object) -> None:
    schemas.check("link", said)
    assert parse(json.dumps(said)) == message
    assert parse(json.dumps({**said, "new-field": [1]})) == message


def test_an_unknown_type_is_passed_over() -> None:
    assert parse('{"type":"weather","sun":true}') is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type":7}',
        "\x00",
        '{"type":"peer.joined","consultation":"c"}',
        '{"type":"peer.joined","consultation":"c","peer":""}',
        f'{{"type":"peer.left","consultation":"c","peer":"{"p" * 65}"}}',
        '{"type":"signal","consultation":"c","peer":"p","description":{"type":"rollback","sdp":""}}',
        '{"type":"signal","consultation":"c","peer":"p","candidate":{"candidate":1}}',
        f'{{"type":"signal","consultation":"c","peer":"p","candidate":{{"candidate":"{"x" * 3000}"}}}}',
        '{"type":"receipt","identifier":"../../etc","state":"opened","at":"x"}',
        '{"type":"receipt","identifier":"urn:uuid:7d7d9a5e-6f4b-4b0e-9a43-0f6f0d6b8a11","state":"closed","at":"x"}',
        "[" * 50_000,
    ],
)
def test_what_is_no_message_is_said_so(text: str) -> None:
    with pytest.raises(BadMessage):
        parse(text)


def test_the_error_carries_nothing_of_the_message() -> None:
    with pytest.raises(BadMessage) as caught:
        parse('{"type":"receipt","identifier":"DURAND Anne","state":"opened","at":"x"}')
    assert "DURAND" not in str(caught.value)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(BadMessage, match="65536"):
        write(Signal("c", "p", description=Description("offer", "x" * 70_000)))


@given(st.text() | st.binary())
def test_nothing_else_ever_comes_out(junk: str | bytes) -> None:
    with suppress(BadMessage):
        parse(junk)
