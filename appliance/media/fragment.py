"""Pieces of a description: what trickles after an offer, and what a restarted ICE session is known by (RFC 8840)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one side of an ICE session (RFC 8839, 5.4)."""

    ufrag: str
    password: str


def trickling(sdp: str) -> str:
    """The offer as one whose candidates follow: it says that it trickles, and not that these are all."""
    kept = [line for line in sdp.splitlines() if line not in {"a=end-of-candidates", "a=ice-options:trickle"}]
    at = next((index for index, line in enumerate(kept) if line.startswith("m=")), len(kept))
    return "\r\n".join([*kept[:at], "a=ice-options:trickle", *kept[at:]]) + "\r\n"


def credentials(sdp: str) -> Credentials:
    """Those of a description or a fragment, the first. `ValueError` when it has none (RFC 8839, 5.4: their lengths)."""
    ufrag = re.search(r"(?m)^a=ice-ufrag:([A-Za-z0-9+/]{4,256})\r?$", sdp)
    password = re.search(r"(?m)^a=ice-pwd:([A-Za-z0-9+/]{22,256})\r?$", sdp)
    if ufrag is None or password is None:
        raise ValueError("got no ICE credentials, wanted a=ice-ufrag and a=ice-pwd")
    return Credentials(ufrag[1], password[1])


def candidates(sdp: str) -> list[str]:
    """The candidates of a description or a fragment, as `candidate:...`, each once, the first `MOST_CANDIDATES`."""
    found = re.findall(r"(?m)^a=(candidate:[^\r\n]{1,2048})\r?$", sdp)
    return list(dict.fromkeys(found))[:MOST_CANDIDATES]


def fragment(offer: str, known_by: Credentials, told: Sequence[str], end: bool) -> str:
    """These candidates, for the first m-line of the offer: all share its transport. `end`: there are no more."""
    media = re.search(r"(?m)^m=\S+ \d+ \S+ \S+", offer)
    mid = re.search(r"(?m)^a=mid:(\S+)", offer)
    if media is None or mid is None:
        raise ValueError("got an offer without an m-line that has a mid")
    lines = [
        f"a=ice-ufrag:{known_by.ufrag}",
        f"a=ice-pwd:{known_by.password}",
        re.sub(r"^(m=\S+) \d+", r"\1 9", media[0]),
        f"a=mid:{mid[1]}",
        *(f"a={candidate}" for candidate in told),
        *(["a=end-of-candidates"] if end else []),
    ]
    return "\r\n".join(lines) + "\r\n"
