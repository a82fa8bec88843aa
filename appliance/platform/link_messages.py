"""The messages of the link (docs/protocol.md, section 2), typed. Unknown types and unknown fields are passed over."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

MAX_MESSAGE = 64 << 10  # bytes of one message, either way (docs/protocol.md)

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Words = Annotated[str, Meta(max_length=200)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Sdp = Annotated[str, Meta(max_length=MAX_MESSAGE)]


class Description(Struct, frozen=True):
    """An SDP offer or answer."""

    type: Literal["offer", "answer"]
    sdp: Sdp


class Candidate(Struct, frozen=True, rename="camel"):
    """One ICE candidate, as a browser writes it."""

    candidate: Annotated[str, Meta(max_length=2048)]
    sdp_mid: Annotated[str, Meta(max_length=64)] | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=255)] | None = msgspec.field(name="sdpMLineIndex", default=None)


class IceServer(Struct, frozen=True, omit_defaults=True):
    """A STUN or TURN server with what it takes to use it."""

    urls: Annotated[list[Annotated[str, Meta(max_length=512)]], Meta(max_length=8)]
    username: Annotated[str, Meta(max_length=512)] | None = None
    credential: Annotated[str, Meta(max_length=512)] | None = None


class Signal(Struct, frozen=True, tag="signal"):
    """A description, or a candidate (None: the last has been sent); relayed unchanged, both ways."""

    consultation: Name
    peer: Name
    description: Description | UnsetType = UNSET
    candidate: Candidate | UnsetType | None = UNSET


# --- unit to platform


class UnitInfo(Struct, frozen=True):
    """Who the unit is."""

    id: str
    name: str
    software: str


class OpenConsultation(Struct, frozen=True):
    """One consultation that is open now."""

    id: str
    state: str
    opened: str
    reason: str | None = None


class Hello(Struct, frozen=True, tag="hello"):
    """The first message of the unit."""

    unit: UnitInfo
    consultations: tuple[OpenConsultation, ...]
    protocol: int = 1


class ConsultationChanged(Struct, frozen=True, tag="consultation"):
    """A consultation was opened, or its state changed."""

    id: str
    state: str
    opened: str
    reason: str | None = None


class PeerRefused(Struct, frozen=True, tag="peer.refused"):
    """`code`: no-such-consultation, not-active, too-many-peers."""

    consultation: str
    peer: str
    code: Literal["no-such-consultation", "not-active", "too-many-peers"]


class PeerClosed(Struct, frozen=True, tag="peer.closed"):
    """The unit ended this peer."""

    consultation: str
    peer: str


class PublishedTrack(Struct, frozen=True):
    """Which m-line carries which source."""

    mid: str
    source: str
    kind: str


PublicationState = Literal["connecting", "connected", "lost", "closed", "refused"]


class PublicationNews(Struct, frozen=True, tag="published", omit_defaults=True):
    """How far a publication is; `why` it is refused, or what went wrong last. Neither token nor address in it."""

    consultation: str
    id: str
    state: PublicationState
    why: str | None = None
    tracks: tuple[PublishedTrack, ...] = ()


Outgoing = Hello | ConsultationChanged | Signal | PeerRefused | PeerClosed | PublicationNews

# --- platform to unit


class PlatformInfo(Struct, frozen=True):
    """Who the platform is."""

    name: Words


class Welcome(Struct, frozen=True, tag="welcome"):
    """The platform's answer to hello; `time` is its wall clock."""

    protocol: int
    platform: PlatformInfo
    time: Words


class PeerJoined(Struct, frozen=True, tag="peer.joined"):
    """A viewer joined, or (after a reconnection) is still there."""

    consultation: Name
    peer: Name
    name: Words = ""
    role: Words = "doctor"
    ice_servers: Annotated[tuple[IceServer, ...], Meta(max_length=16)] = ()


class PeerLeft(Struct, frozen=True, tag="peer.left"):
    """A viewer has gone."""

    consultation: Name
    peer: Name


class Publish(Struct, frozen=True, tag="publish"):
    """Publish to a media server by WHIP (RFC 9725), and the exact sound to `sound_url` where there is one.

    `sources`: None: all that the unit has. Said again after a reconnection for each that is still wanted.
    """

    consultation: Name
    id: Name
    url: Url
    token: Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
    sound_url: Url | None = None
    sources: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=16)] | None = None


class Unpublish(Struct, frozen=True, tag="unpublish"):
    """End a publication."""

    consultation: Name
    id: Name


class Opened(Struct, frozen=True, tag="receipt"):
    """The doctor opened a result; `identifier` is `urn:uuid:` and the result's id."""

    identifier: Annotated[str, Meta(pattern=r"^urn:uuid:[0-9a-fA-F-]{36}$")]
    state: Literal["opened"]
    at: Words
    by: Words = ""


class DossierNews(Struct, frozen=True, tag="dossier"):
    """A dossier was accepted, refused or answered; `identifier` is `urn:uuid:` and the dossier's id."""

    identifier: Annotated[str, Meta(pattern=r"^urn:uuid:[0-9a-fA-F-]{36}$")]
    state: Literal["accepted", "refused", "answered"]
    at: Words
    by: Words = ""
    text: Annotated[str, Meta(max_length=8000)] = ""


class Problem(Struct, frozen=True, tag="error"):
    """The platform complains."""

    code: Words
    message: Words = ""


Incoming = Welcome | PeerJoined | PeerLeft | Signal | Publish | Unpublish | Opened | DossierNews | Problem
_INCOMING: dict[str, type[Any]] = {
    "welcome": Welcome,
    "peer.joined": PeerJoined,
    "peer.left": PeerLeft,
    "signal": Signal,
    "publish": Publish,
    "unpublish": Unpublish,
    "receipt": Opened,
    "dossier": DossierNews,
    "error": Problem,
}


class _Kind(Struct):
    type: str


class BadMessage(ValueError):  # noqa: N818 - named by what came
    """What came is no message of this protocol; the text says what is wrong with it, and nothing it carried."""


def parse(text: str | bytes) -> Incoming | None:
    """One message of the platform; None for a type we do not know. `BadMessage`."""
    try:
        kind = _INCOMING.get(msgspec.json.decode(text, type=_Kind).type)
        return None if kind is None else msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(str(error)[:200]) from None


def write(message: Outgoing) -> str:
    """The message as text; `BadMessage` when it is longer than any may be."""
    text = msgspec.json.encode(message)
    if len(text) > MAX_MESSAGE:
        raise BadMessage(f"a {type(message).__name__} of {len(text)} bytes; at most {MAX_MESSAGE} may be sent")
    return text.decode()
