"""What is read in, and written into, the descriptions and the lists of servers that both ends exchange."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from appliance.media import aioice_inside as gathering

log = logging.getLogger(__name__)

LONGEST_SDP = 64 * 1024
# Of a voice (RFC 7587, 6.1): each packet holds a rough copy of the one before, and nothing is sent while nobody speaks.
VOICE_FORMAT = "minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=24000"


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN or TURN server (docs/protocol.md section 2, `ice_servers`)."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


def usable(ice_servers: Sequence[IceServer]) -> list[gathering.Server]:
    """Those that can be asked. One that cannot be read is left out and logged: the call may do without it."""
    servers = []
    for each in ice_servers:
        for url in each.urls:
            try:
                servers.append(gathering.server(url, each.username, each.credential))
            except ValueError as error:
                log.warning("an ICE server is left out: %s", error)
    return servers


def without_mdns(sdp: str) -> str:
    """The description without candidates that hide behind a multicast DNS name, nor the word that there are no more:
    a relay's may yet come."""
    return "".join(
        line
        for line in sdp.splitlines(keepends=True)
        if not line.startswith("a=end-of-candidates") and not (line.startswith("a=candidate:") and ".local " in line)
    )


def with_voices(sdp: str, mids: Collection[str]) -> str:
    """The description, which asks for a voice's Opus on these m-lines. The others are left as they are."""
    first, *sections = re.split(r"(?m)^(?=m=)", sdp)
    return first + "".join(_voice(section, mids) for section in sections)


def _voice(section: str, mids: Collection[str]) -> str:
    mid = re.search(r"(?m)^a=mid:(\S+)", section)
    opus = re.search(r"(?mi)^a=rtpmap:(\d+) opus/.*\r?\n", section)
    if mid is None or opus is None or mid[1] not in mids:
        return section
    rest = re.sub(rf"(?m)^a=fmtp:{opus[1]} .*\r?\n", "", section[opus.end() :])
    return f"{section[: opus.end()]}a=fmtp:{opus[1]} {VOICE_FORMAT}\r\n{rest}"
