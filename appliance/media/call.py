"""One WebRTC connection to one remote party. Behind it is aiortc; its unpublished names are in `aiortc_inside`."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Protocol

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.sdp import candidate_from_sdp

from appliance.media import aioice_inside as gathering
from appliance.media import aiortc_inside as inside
from appliance.media import ice_restart
from appliance.media.aiortc_receiving import ReceiverTap
from appliance.media.aiortc_sending import SenderTap
from appliance.media.channel import Channel
from appliance.media.description import LONGEST_SDP, IceServer, usable, with_voices, without_mdns
from appliance.media.encoder import OPUS_CLOCK_HZ, VIDEO_CLOCK_HZ
from appliance.media.encoding import Encoding
from appliance.media.fragment import candidates, credentials
from appliance.media.ruled import Ruled
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.talk import Seat, Slot
from appliance.media.track import Line, PacketTrack
from drivers.core.errors import ChevetError

log = logging.getLogger(__name__)

MOST_CANDIDATES = 64
CONNECT_S = 30.0  # from the offer: people have to be let in, networks have to be crossed
SILENT_S = 1.5  # a receiver reports at least once a second, and acknowledges four beats in it
GONE_S = 30.0  # then its consent has run out (RFC 7675, 5.1)
LOOK_S = 0.25
CLOSE_S = 5.0
SOUND_DEPTH = 5  # packets of 20 ms
# Of the codecs, best first; RTX goes with each.
WANTED = ("video/H264", "video/VP8", "video/rtx", "audio/opus")
VOICE = ("audio/opus",)
FACE = ("video/VP8",)  # every browser has it (RFC 7742, 5): a face is handed on as it came, to whoever looks


class CallState(StrEnum):
    """Of one connection."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"  # nothing heard for `SILENT_S`; it may come back
    CLOSED = "closed"


NEXT: Mapping[CallState, frozenset[CallState]] = MappingProxyType(
    {
        CallState.NEW: frozenset({CallState.CONNECTING, CallState.CLOSED}),
        CallState.CONNECTING: frozenset({CallState.CONNECTED, CallState.CLOSED}),
        CallState.CONNECTED: frozenset({CallState.LOST, CallState.CLOSED}),
        CallState.LOST: frozenset({CallState.CONNECTED, CallState.CLOSED}),
        CallState.CLOSED: frozenset(),
    }
)


class BadSignal(ChevetError):  # noqa: N818 - it names what was got
    """The remote party sent a description or a candidate that cannot be used."""


@dataclass(frozen=True, slots=True)
class Track:
    """Which m-line carries which source; known once the offer is made."""

    mid: str
    source: str
    kind: Literal["video", "audio", "voice", "face"]


class Encodings(Protocol):
    """Gives the shared encoding of a source in a codec (`H264`, `VP8`, `opus`)."""

    def __call__(self, source: PictureSource | SoundSource, codec: str) -> Encoding: ...


class Call:
    """One WebRTC connection that this unit offers. Every method is for the loop it was made on.

    `addresses`: local addresses to gather on; None: all that the machine has, but loopback.
    `tls`: how TURN servers over TLS are to be trusted; None: as the machine trusts.
    """

    def __init__(
        self,
        encodings: Encodings,
        addresses: Sequence[str] | None,
        ice_servers: Sequence[IceServer],
        on_state: Callable[[CallState], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self._encodings, self._addresses, self._on_state = encodings, addresses, on_state
        self._servers, self._tls = usable(ice_servers), tls
        self._connection = RTCPeerConnection(configuration)
        inside.use_certificate(self._connection)
        self._connection.on("connectionstatechange", self._connection_changed)
        self._lines: list[Line] = []
        self._early: list[Mapping[str, Any]] = []
        self._candidates = 0
        self._watch: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._ruled = Ruled()
        self.exact_sound = False  # the remote party also gets every sample, over a channel
        self._sound_rests = False
        self._shown: RTCRtpTransceiver | None = None  # where the party may show its face
        self._seat: Seat | None = None
        self.governor = self._ruled.governor
        self.governor.on_narrow = self._narrow
        self.state = CallState.NEW

    def add(self, source: PictureSource | SoundSource) -> None:
        """One sendonly m-line for this source. Before the offer."""
        self._line(source, source.kind, WANTED, self.governor.remb)

    def talk(self, seat: Seat) -> None:
        """What the others say and show, and what this party does. Before the offer."""
        self._seat = seat
        for slot in seat.voices:
            self._line(slot, "audio", VOICE, _no_limit).encoding = slot
        spoken = self._lines[-len(seat.voices)].transceiver
        spoken.direction = "sendrecv"  # on the first of them the party speaks
        ReceiverTap(spoken.receiver, seat.said)
        for slot in seat.faces:
            self._line(slot, "video", FACE, _no_limit).encoding = slot
        if not seat.faces:
            self._shown = self._connection.addTransceiver("video", direction="recvonly")
            prefer(self._shown, FACE)
            seat.ask_face = ReceiverTap(self._shown.receiver, seat.shown).request_key

    def _line(
        self,
        source: PictureSource | SoundSource | Slot,
        kind: Literal["video", "audio"],
        wanted: Sequence[str],
        limit: Callable[[int], None],
    ) -> Line:
        clock_hz, depth = (VIDEO_CLOCK_HZ, 1) if kind == "video" else (OPUS_CLOCK_HZ, SOUND_DEPTH)
        track = PacketTrack(kind, depth, clock_hz)
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        prefer(transceiver, wanted)
        line = Line(source, track, transceiver)
        track.tap = SenderTap(transceiver.sender, line.request_key, limit)
        self._lines.append(line)
        return line

    def channel(self, label: str, limit: int, ordered: bool = True, max_retransmits: int | None = None) -> Channel:
        """A data channel. Before the offer. `limit`: bytes that may wait in it."""
        made = self._connection.createDataChannel(label, ordered=ordered, maxRetransmits=max_retransmits)
        return Channel(made, limit)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Which m-line is which, once the offer is made."""
        lines = [Track(str(line.transceiver.mid), line.source.key, line.source.kind) for line in self._lines]
        return tuple(lines if self._shown is None else [*lines, Track(str(self._shown.mid), "face", "face")])

    async def offer(self) -> dict[str, str]:
        """The description to send: `{"type": "offer", "sdp"}`, with the host's own candidates; the rest follows."""
        self._move(CallState.CONNECTING)
        if self._addresses is not None:
            inside.use_addresses(self._connection, self._addresses)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        self._watch = asyncio.create_task(self._watched(), name="call-watch")
        voices = [str(line.transceiver.mid) for line in self._lines if line.source.kind == "voice"]
        return {"type": "offer", "sdp": with_voices(self._connection.localDescription.sdp, voices)}

    async def candidates(self, more: Sequence[IceServer] = ()) -> AsyncIterator[dict[str, Any]]:
        """The candidates that servers give, also these `more`, each as it comes. After `offer`."""
        async for candidate in gathering.later(self._connection, [*self._servers, *usable(more)], self._tls):
            yield candidate

    @property
    def local_address(self) -> str | None:
        """The address of this machine that the way begins at; None where that is unknown or behind a relay."""
        return gathering.local_address(self._connection) if self.state is not CallState.CLOSED else None

    async def restart(self, ask: Callable[[ice_restart.Fresh], Awaitable[str | None]]) -> bool:
        """Begin ICE anew: `ask` tells the other side, and gives its fragment, or None where it does not take it.

        Whether the connection goes on by a new way. `BadSignal` when the fragment cannot be used.
        """
        fresh = await ice_restart.begin(self._connection) if self.state is not CallState.CLOSED else None
        if fresh is None:
            return False
        said = await ask(fresh)
        if said is None:
            await ice_restart.give_up(self._connection, fresh)
            return False
        try:
            theirs, told = credentials(said), candidates(said)
            return await ice_restart.finish(self._connection, fresh, theirs, told)
        except (AssertionError, ValueError, IndexError) as error:
            raise BadSignal(f"got a fragment that cannot be used: {error!r}") from error

    async def answer(self, description: Mapping[str, Any]) -> None:
        """Take the answer. `BadSignal` when it is none."""
        sdp = description.get("sdp")
        if description.get("type") != "answer" or not isinstance(sdp, str) or len(sdp) > LONGEST_SDP:
            raise BadSignal(f"got a description of type {description.get('type')!r}, wanted an answer with its sdp")
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(without_mdns(sdp), "answer"))
            for line in self._lines:
                if not isinstance(line.source, Slot):
                    line.encoding = self._encodings(line.source, inside.codec_name(line.transceiver))
        except Exception as error:
            # aiortc's parser raises what its lines raise: ValueError, KeyError, IndexError, AssertionError, its own.
            raise BadSignal(f"got an answer that does not fit the offer: {error!r}") from error
        early, self._early = self._early, []
        for candidate in early:
            await self._add(candidate)

    async def candidate(self, candidate: Mapping[str, Any] | None) -> None:
        """Take one of the remote party's candidates. None, the end of them, changes nothing: checks may yet come."""
        if candidate is None or self.state is CallState.CLOSED:
            return
        self._candidates += 1
        if self._candidates > MOST_CANDIDATES:
            raise BadSignal(f"got more than {MOST_CANDIDATES} candidates")
        if self._connection.signalingState == "stable":
            await self._add(candidate)
        else:
            self._early.append(candidate)

    async def aclose(self) -> None:
        """End it. Repeatable."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._end(), name="call-end")
        await asyncio.shield(self._closing)

    async def _add(self, candidate: Mapping[str, Any]) -> None:
        text = candidate.get("candidate")
        if not isinstance(text, str):
            raise BadSignal(f"got a candidate of type {type(text).__name__}, wanted text")
        # A name of multicast DNS hides an address from us; our own candidates let such a peer come to us, and asking
        # the network for it would open a socket on every interface.
        if not text or ".local" in text:
            return
        try:
            parsed = candidate_from_sdp(text.removeprefix("candidate:"))
        except (AssertionError, ValueError, IndexError) as error:
            raise BadSignal(f"got a candidate that cannot be read: {error!r}") from error
        parsed.sdpMLineIndex = 0  # all m-lines share the first one's transport
        await self._connection.addIceCandidate(parsed)

    def _connection_changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected" and self.state is CallState.CONNECTING:
            self._move(CallState.CONNECTED)
            self._ruled.begin([line for line in self._lines if isinstance(line.source, PictureSource)])
            for line in self._lines:
                if line.encoding is not None:
                    line.encoding.join(line.track.outlet)
        elif state in {"failed", "closed"} and self._closing is None:
            self._closing = asyncio.create_task(self._end(), name="call-end")

    def _narrow(self, narrow: bool) -> None:
        """Where there is no room for both, the exact samples go and the track of the same sound rests."""
        rests = narrow and self.exact_sound
        if rests == self._sound_rests or self.state is CallState.CLOSED:
            return
        self._sound_rests = rests
        for line in self._lines:
            if isinstance(line.source, SoundSource) and line.encoding is not None:
                (line.encoding.leave if rests else line.encoding.join)(line.track.outlet)

    def _move(self, state: CallState) -> None:
        if state not in NEXT[self.state]:
            raise ValueError(f"a call cannot go from {self.state} to {state}")
        self.state = state
        self._on_state(state)

    async def _watched(self) -> None:
        """Tell when nothing comes from the remote party any more, and end what never connects or never comes back."""
        loop = asyncio.get_running_loop()
        heard, heard_s = -1, loop.time()
        while self.state is not CallState.CLOSED:
            await asyncio.sleep(LOOK_S)
            now_s, received = loop.time(), await self._received()
            if received != heard:
                heard, heard_s = received, now_s
            silent_s = now_s - heard_s
            if self.state is CallState.CONNECTED and silent_s > SILENT_S:
                self._move(CallState.LOST)
            elif self.state is CallState.LOST and silent_s <= SILENT_S:
                self._move(CallState.CONNECTED)
            if silent_s > (CONNECT_S if self.state is CallState.CONNECTING else GONE_S):
                self._closing = self._closing or asyncio.create_task(self._end(), name="call-end")
                return

    async def _received(self) -> int:
        """Packets from the remote party so far."""
        statistics = await self._connection.getStats()
        return sum(row.packetsReceived for row in statistics.values() if row.type == "transport")

    async def _end(self) -> None:
        for line in self._lines:
            if line.encoding is not None:
                line.encoding.leave(line.track.outlet)
        if self.state is not CallState.CLOSED:
            self._move(CallState.CLOSED)
        if self._seat is not None:
            self._seat.leave()
        self._ruled.end()
        if self._watch is not None:
            self._watch.cancel()
        try:
            await asyncio.wait_for(self._connection.close(), CLOSE_S)
        except TimeoutError:
            log.warning("a connection did not close within %s s", CLOSE_S)


def prefer(transceiver: RTCRtpTransceiver, wanted: Sequence[str]) -> None:
    """These codecs and no others, best first."""
    known = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    transceiver.setCodecPreferences([codec for want in wanted for codec in known if codec.mimeType == want])


def _no_limit(limit_bps: int) -> None:
    """What a receiver says that it can take is of pictures: a voice is small, and a face comes from elsewhere."""
