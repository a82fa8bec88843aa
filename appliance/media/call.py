"""One WebRTC connection to one remote party. Behind it is aiortc; its unpublished names are in `aiortc_inside`."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Protocol

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.sdp import candidate_from_sdp

from appliance.media import aioice_inside as gathering
from appliance.media import aiortc_inside as inside
from appliance.media.channel import Channel
from appliance.media.encoder import OPUS_CLOCK_HZ, VIDEO_CLOCK_HZ
from appliance.media.encoding import LEAST_BPS, USUAL_HZ, Encoding, usual_rate_bps
from appliance.media.feedback import Packet
from appliance.media.governor import DETAIL_WEIGHT, MOTION_WEIGHT, Governor, Lane
from appliance.media.pacer import Pacer
from appliance.media.passing import ROOM_UP
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.track import Line, PacketTrack
from drivers.core.errors import ChevetError

log = logging.getLogger(__name__)

LONGEST_SDP = 64 * 1024
MOST_CANDIDATES = 64
CONNECT_S = 30.0  # from the offer: people have to be let in, networks have to be crossed
SILENT_S = 1.5  # a receiver reports at least once a second, and acknowledges four beats in it
GONE_S = 30.0  # then its consent has run out (RFC 7675, 5.1)
LOOK_S = 0.25
CLOSE_S = 5.0
SOUND_DEPTH = 5  # packets of 20 ms
# Of the codecs, best first; RTX goes with each.
WANTED = ("video/H264", "video/VP8", "video/rtx", "audio/opus")


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
class IceServer:
    """One STUN or TURN server (docs/protocol.md section 2, `ice_servers`)."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Which m-line carries which source; known once the offer is made."""

    mid: str
    source: str
    kind: Literal["video", "audio"]


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
        self._ruling: list[asyncio.Task[None]] = []
        self.exact_sound = False  # the remote party also gets every sample, over a channel
        self._sound_rests = False
        self._telling: set[asyncio.Task[None]] = set()
        self._tap: inside.TransportTap | None = None
        self._pacer = Pacer(self._leave, self._filler)
        self.governor = Governor(self._pacer)
        self.state = CallState.NEW

    def add(self, source: PictureSource | SoundSource) -> None:
        """One sendonly m-line for this source. Before the offer."""
        video = source.kind == "video"
        clock_hz, depth = (VIDEO_CLOCK_HZ, 1) if video else (OPUS_CLOCK_HZ, SOUND_DEPTH)
        track = PacketTrack(source.kind, depth, clock_hz)
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        known = RTCRtpSender.getCapabilities(source.kind).codecs
        transceiver.setCodecPreferences([codec for want in WANTED for codec in known if codec.mimeType == want])
        line = Line(source, track, transceiver)
        track.tap = inside.SenderTap(transceiver.sender, line.request_key, self.governor.remb)
        self._lines.append(line)

    def channel(self, label: str, limit: int, ordered: bool = True, max_retransmits: int | None = None) -> Channel:
        """A data channel. Before the offer. `limit`: bytes that may wait in it."""
        made = self._connection.createDataChannel(label, ordered=ordered, maxRetransmits=max_retransmits)
        return Channel(made, limit)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Which m-line is which, once the offer is made."""
        return tuple(Track(str(line.transceiver.mid), line.source.key, line.source.kind) for line in self._lines)

    async def offer(self) -> dict[str, str]:
        """The description to send: `{"type": "offer", "sdp"}`, with the host's own candidates; the rest follows."""
        self._move(CallState.CONNECTING)
        if self._addresses is not None:
            inside.use_addresses(self._connection, self._addresses)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        self._watch = asyncio.create_task(self._watched(), name="call-watch")
        return {"type": "offer", "sdp": self._connection.localDescription.sdp}

    async def candidates(self) -> AsyncIterator[dict[str, Any]]:
        """The candidates that servers give, each as it comes. After `offer`."""
        async for candidate in gathering.later(self._connection, self._servers, self._tls):
            yield candidate

    @property
    def local_address(self) -> str | None:
        """The address of this machine that the way begins at; None where that is unknown or behind a relay."""
        return gathering.local_address(self._connection) if self.state is not CallState.CLOSED else None

    async def answer(self, description: Mapping[str, Any]) -> None:
        """Take the answer. `BadSignal` when it is none."""
        sdp = description.get("sdp")
        if description.get("type") != "answer" or not isinstance(sdp, str) or len(sdp) > LONGEST_SDP:
            raise BadSignal(f"got a description of type {description.get('type')!r}, wanted an answer with its sdp")
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(without_mdns(sdp), "answer"))
            for line in self._lines:
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
            self._rule([line for line in self._lines if isinstance(line.source, PictureSource)])
            for line in self._lines:
                if line.encoding is not None:
                    line.encoding.join(line.track.outlet)
        elif state in {"failed", "closed"} and self._closing is None:
            self._closing = asyncio.create_task(self._end(), name="call-end")

    def _rule(self, pictures: Sequence[Line]) -> None:
        """From now on pictures leave at the pace that the way carries."""
        if not pictures:
            return
        senders = [line.transceiver.sender for line in pictures]
        rule = self.governor
        self._tap = inside.TransportTap(
            senders[0], rule.feedback, lambda: rule.nearest_ms / 1000, lambda: rule.copies, lambda: rule.playout_ms
        )
        self._tap.pace(senders, self._pacer)
        rule.on_told, rule.on_narrow = self._told, self._narrow
        for line in pictures:
            assert line.track.tap is not None
            line.track.tap.transport = self._tap
            self.governor.lanes.append(lane(line))
        self.governor.blind = not self._tap.numbered
        self._ruling = [asyncio.create_task(run(), name="call-rule") for run in (self._pacing, self.governor.run)]

    async def _pacing(self) -> None:
        with suppress(ConnectionError):  # the end of the connection is told elsewhere
            await self._pacer.run()

    async def _leave(self, data: bytes, probe: int) -> None:
        assert self._tap is not None
        await self._tap.leave(data, self.governor.number(len(data), probe, self._tap.which(data)))

    def _narrow(self, narrow: bool) -> None:
        """Where there is no room for both, the exact samples go and the track of the same sound rests."""
        rests = narrow and self.exact_sound
        if rests == self._sound_rests or self.state is CallState.CLOSED:
            return
        self._sound_rests = rests
        for line in self._lines:
            if isinstance(line.source, SoundSource) and line.encoding is not None:
                (line.encoding.leave if rests else line.encoding.join)(line.track.outlet)

    def _told(self, packet: Packet, came: bool) -> None:
        """The receiver told of one packet."""
        if came and not packet.again:
            return
        for line in self._lines:
            if line.track.tap is not None and line.track.tap.stream == packet.stream:
                task = asyncio.create_task(line.track.tap.told(packet, came), name="again")
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    def _filler(self) -> bytes | None:
        taps = (line.track.tap for line in self._lines if line.source.kind == "video")
        return next((data for tap in taps if tap is not None and (data := tap.newest_again()) is not None), None)

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
        for task in (self._watch, *self._ruling):
            if task is not None:
                task.cancel()
        try:
            await asyncio.wait_for(self._connection.close(), CLOSE_S)
        except TimeoutError:
            log.warning("a connection did not close within %s s", CLOSE_S)


def lane(line: Line) -> Lane:
    """A picture's line, as the governor sees it."""
    source = line.source
    assert isinstance(source, PictureSource)

    def most() -> float:
        frame, rate_hz = source.newest, round(source.rate_hz) or USUAL_HZ
        usual = LEAST_BPS if frame is None else usual_rate_bps(frame.width, frame.height, rate_hz)
        return max(usual, ROOM_UP * ROOM_UP * source.coded_bps)

    return Lane(line.track.outlet, DETAIL_WEIGHT if source.detail else MOTION_WEIGHT, most)


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
