"""The names that aioice does not publish: each is proved, so that a new release that changes one fails here."""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import Any

import pytest
from aioice import ice as aioice
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcconfiguration import RTCBundlePolicy

from appliance.media import aioice_inside as inside


def test_release_is_the_one_that_was_examined() -> None:
    assert importlib.metadata.version("aioice").split(".")[:2] == ["0", "13"]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("stun:stun.example", inside.Server(False, "stun.example", 3478, username="u", credential="c")),
        ("turn:192.0.2.1:99?transport=tcp", inside.Server(True, "192.0.2.1", 99, False, "tcp", "u", "c")),
        ("turns:turn.example", inside.Server(True, "turn.example", 5349, True, "tcp", "u", "c")),
    ],
)
def test_urls_of_servers_are_read(url: str, wanted: inside.Server) -> None:
    assert inside.server(url, "u", "c") == wanted


@pytest.mark.parametrize(
    "url", ["http://x", "turn:", "stuns:stun.example", "turns:x?transport=udp", "turn:x:0", "turn:x:99999"]
)
def test_urls_that_are_of_no_use_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"uri|got"):
        inside.server(url, None, None)


async def test_the_agent_has_what_is_used_of_it() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    connection.createDataChannel("live")
    agent: Any = inside.ice(connection)
    assert (agent._protocols, agent._local_candidates, agent._remote_candidates, agent._nominated) == ([], [], [], {})
    assert (agent._closing, agent._early_checks_done, agent._check_list_done) == (False, False, False)
    assert list(inspect.signature(agent._pair_remote_candidate).parameters) == ["remote_candidate"]
    agent.sort_check_list()
    assert inside.local_address(connection) is None
    await connection.close()


def test_the_questions_to_servers_take_what_is_given() -> None:
    assert list(inspect.signature(aioice.relayed_candidate).parameters) == [
        "component", "hide_related_address", "protocol_factory", "turn_server", "turn_username", "turn_password",
        "turn_ssl", "turn_transport",
    ]  # fmt: skip
    assert list(inspect.signature(aioice.server_reflexive_candidate).parameters) == ["protocol", "stun_server"]


def test_loopback_is_among_the_addresses() -> None:
    assert {"127.0.0.1", "::1"} <= inside.host_addresses()
