"""A connection's ICE begun anew (RFC 8445, 2.4) under the same DTLS: aioice 0.13 cannot, and its agent is led to here.

Sockets, credentials and candidates are new; what was there carries on until a pair of the new ones is nominated.
tests/peers/test_whip_janus.py proves it against Janus, tests/unit/media/test_ice_restart.py each name of aioice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aioice.utils import random_string
from aiortc import RTCPeerConnection
from aiortc.rtcicetransport import candidate_from_aioice, candidate_to_aioice
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp

from appliance.media.aioice_inside import host_addresses, ice
from appliance.media.fragment import Credentials

RESTART_S = 6.0
PACE_S = 0.02
COMPONENT = 1


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the other side is told: new credentials and candidates, as `candidate:...`."""

    known_by: Credentials
    candidates: tuple[str, ...]
    sockets: tuple[Any, ...]
    before: tuple[Any, ...]


async def begin(connection: RTCPeerConnection) -> Fresh | None:
    """Gather anew, and change nothing yet; None where the connection is over, or there is nothing to gather on."""
    agent = ice(connection)
    if agent._closing:
        return None
    before = tuple(agent._protocols)
    found = await agent.get_component_candidates(component=COMPONENT, addresses=_addresses())
    sockets = tuple(one for one in agent._protocols if one not in before)
    told = tuple(f"candidate:{candidate_to_sdp(candidate_from_aioice(one))}" for one in found)
    if not told:
        return None
    return Fresh(Credentials(random_string(4), random_string(22)), told, sockets, before)


async def give_up(connection: RTCPeerConnection, fresh: Fresh) -> None:
    """The other side did not take it: all stays as it was."""
    agent = ice(connection)
    agent._protocols = [one for one in agent._protocols if one not in fresh.sockets]
    for one in fresh.sockets:
        await one.close()


async def finish(connection: RTCPeerConnection, fresh: Fresh, theirs: Credentials, candidates: Sequence[str]) -> bool:
    """Check the new pairs with what the other side answered; whether one of them carries now."""
    agent = ice(connection)
    if agent._closing:
        return False
    before = agent._nominated.get(COMPONENT)
    _led(agent, fresh, theirs, candidates)
    try:
        async with asyncio.timeout(RESTART_S):
            while agent._nominated.get(COMPONENT) is before:
                agent._check_periodic()
                await asyncio.sleep(PACE_S)
    except TimeoutError:
        agent._protocols = [*fresh.before, *fresh.sockets]  # all are closed with the agent
        return False
    finally:
        agent._components, agent._check_list_done = {COMPONENT}, True
    agent._query_consent_task = asyncio.create_task(agent.query_consent())
    for one in fresh.before:
        await one.close()
    return True


def _led(agent: Any, fresh: Fresh, theirs: Credentials, candidates: Sequence[str]) -> None:
    if agent._query_consent_task is not None:
        agent._query_consent_task.cancel()
    for pair in agent._check_list:
        if pair.task is not None:
            pair.task.cancel()
    agent._local_username, agent._local_password = fresh.known_by.ufrag, fresh.known_by.password
    agent.remote_username, agent.remote_password = theirs.ufrag, theirs.password
    agent._local_candidates = [one.local_candidate for one in fresh.sockets]
    agent._protocols = list(fresh.sockets)
    agent._remote_candidates = [_read(one) for one in candidates]
    agent._check_list, agent._check_list_done = [], False
    # A component that is never nominated: the old pair, which still carries, does not end the checks.
    agent._components = {COMPONENT, COMPONENT + 1}
    for one in agent._remote_candidates:
        agent._pair_remote_candidate(one)
    agent.sort_check_list()


def _addresses() -> list[str]:
    """This machine's, but loopback; those that the connection was told to use stand in for them."""
    return sorted(one for one in host_addresses() if not one.startswith("127.") and one != "::1")


def _read(candidate: str) -> Any:
    return candidate_to_aioice(candidate_from_sdp(candidate.removeprefix("candidate:")))
