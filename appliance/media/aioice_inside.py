"""Gathering that never waits for a silent server: the only file that touches names which aioice 0.13 does not publish.

aioice gathers everything before it says anything, for up to 5 s, and knows one STUN and one TURN server. Here the
host's own candidates are there at once and the servers' follow one by one (RFC 8838), from all that were named.
tests/unit/media/test_aioice_inside.py proves each name.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aioice import ice as aioice
from aioice.stun import TransactionError
from aiortc import RTCPeerConnection
from aiortc.rtcicetransport import candidate_from_aioice, parse_stun_turn_uri
from aiortc.sdp import candidate_to_sdp

log = logging.getLogger(__name__)

SERVER_S = 5.0
MOST_SERVERS = 8  # addresses of STUN and TURN servers in one call; a hostile list costs no more sockets than that


@dataclass(frozen=True, slots=True)
class Server:
    """One address of a STUN or TURN server. `transport`: `udp` or `tcp`, to the server."""

    turn: bool
    host: str
    port: int
    tls: bool = False
    transport: str = "udp"
    username: str | None = None
    credential: str | None = None


def server(url: str, username: str | None, credential: str | None) -> Server:
    """A `stun:`, `turn:` or `turns:` URL (RFC 7064, RFC 7065). `ValueError` where it is none, or of no use here."""
    parsed = parse_stun_turn_uri(url)
    scheme, transport = parsed["scheme"], parsed.get("transport", "udp")
    if scheme not in {"stun", "turn", "turns"} or (scheme == "turns" and transport != "tcp"):
        raise ValueError(
            f"got a server of {scheme} over {transport}, wanted stun, turn over udp or tcp, turns over tcp"
        )
    if not 0 < parsed["port"] < 65536:
        raise ValueError(f"got port {parsed['port']}")
    host = parsed["host"].strip("[]")
    return Server(scheme != "stun", host, parsed["port"], scheme == "turns", transport, username, credential)


def ice(connection: RTCPeerConnection) -> Any:
    """The ICE agent of a connection whose lines share one transport."""
    inner: Any = connection
    (transport,) = inner._RTCPeerConnection__iceTransports
    return transport._connection


async def later(
    connection: RTCPeerConnection, servers: Sequence[Server], tls: ssl.SSLContext | None
) -> AsyncIterator[dict[str, Any]]:
    """The servers' candidates as they come, each already tried here, as `signal` carries them.

    What does not answer within `SERVER_S` is left out. After `setLocalDescription`.
    """
    agent = ice(connection)
    asked = [asyncio.create_task(each) for each in _questions(agent, servers[:MOST_SERVERS], tls)]
    try:
        for answer in asyncio.as_completed(asked, timeout=SERVER_S):
            with suppress(OSError, ValueError, asyncio.IncompleteReadError, TransactionError):
                candidate, protocol = await answer
                if _add(agent, candidate, protocol):
                    text = candidate_to_sdp(candidate_from_aioice(candidate))
                    yield {"candidate": f"candidate:{text}", "sdpMid": "0", "sdpMLineIndex": 0}
    except TimeoutError:
        log.info("a STUN or TURN server is silent")
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def _questions(
    agent: Any, servers: Sequence[Server], tls: ssl.SSLContext | None
) -> list[Coroutine[Any, Any, tuple[Any, Any]]]:
    asked: list[Coroutine[Any, Any, tuple[Any, Any]]] = []
    for each in servers:
        if each.turn:
            asked.append(_relayed(agent, each, tls))
        else:
            four = [one for one in agent._protocols if "." in one.local_candidate.host]
            asked += [aioice.server_reflexive_candidate(one, (each.host, each.port)) for one in four]
    return asked


def _relayed(agent: Any, by: Server, tls: ssl.SSLContext | None) -> Coroutine[Any, Any, tuple[Any, Any]]:
    with_tls: Any = (tls or ssl.create_default_context()) if by.tls else False
    return aioice.relayed_candidate(
        component=1,
        hide_related_address=False,
        protocol_factory=lambda: aioice.StunProtocol(agent),
        turn_server=(by.host, by.port),
        turn_username=by.username,
        turn_password=by.credential,
        turn_ssl=with_tls,
        turn_transport=by.transport,
    )


def _add(agent: Any, candidate: Any, protocol: Any) -> bool:
    """Take a candidate into the checks that run or will; whether it is a new one."""
    if agent._closing:
        if protocol is not None:
            protocol.transport.close()
        return False
    known = {(one.host, one.port) for one in agent._local_candidates}
    agent._local_candidates.append(candidate)
    if protocol is not None:
        agent._protocols.append(protocol)
        if agent._early_checks_done and not agent._check_list_done:
            for remote in agent._remote_candidates:
                agent._pair_remote_candidate(remote)
            agent.sort_check_list()
    return (candidate.host, candidate.port) not in known


def local_address(connection: RTCPeerConnection) -> str | None:
    """The address of this machine that the chosen way begins at; None before there is one, or where it is relayed."""
    pair = ice(connection)._nominated.get(1)
    if pair is None or pair.protocol.local_candidate.type == "relay":
        return None
    return str(pair.protocol.local_candidate.host)


def host_addresses() -> frozenset[str]:
    """All addresses of this machine that a call can begin at, and loopback's."""
    return frozenset({"127.0.0.1", "::1", *aioice.get_host_addresses(use_ipv4=True, use_ipv6=True)})
