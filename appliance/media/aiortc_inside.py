"""The only file that touches names which aiortc 1.16 and aioice do not publish. tests/unit/media/test_aiortc_inside.py
proves each of them, and fails when a new release changes one. Why each is needed is said beside it.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from aiortc import RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, clock, rtcrtpsender, rtcsctptransport
from aiortc.codecs import CODECS, HEADER_EXTENSIONS
from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_RTPFB,
    RTCP_RTPFB_NACK,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    is_rtcp,
    pack_header_extensions,
    unpack_header_extensions,
    unpack_remb_fci,
    wrap_rtx,
)
from OpenSSL import SSL

from appliance.media.feedback import FORMAT as EVERY_PACKET_FORMAT
from appliance.media.feedback import URI as TRANSPORT_NUMBER
from appliance.media.feedback import Packet

ABS_SEND_TIME_BYTES, TRANSPORT_NUMBER_ID = 3, 5
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
ABS_CAPTURE_TIME_ID = 6
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
PLAYOUT_DELAY_ID, PLAYOUT_STEP_MS, PLAYOUT_MOST_MS = 7, 10, 2000
HISTORY = 1024  # packets that can be sent again; aiortc's 128 are a third of a second of a 1080p picture
EVERY_PACKET = RTCRtcpFeedback(type="transport-cc")
MOST_AGAIN = 128  # packets that one request can name
CAME_S = 5.0  # so long, requests for a packet that came are old ones
# As the other end's (dcSCTP in libwebrtc): aiortc's one second delays a lost block of sound by more than its buffer.
SCTP_RTO_MIN_S, SCTP_RTO_INITIAL_S = 0.4, 1.0
# aiortc names only ECDSA ciphers: a peer with an RSA certificate finds none in common (aiortc issue 1434).
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA"
)


def prepare() -> None:
    """Set what aiortc keeps per process: capture times and feedback on every packet are offered, SCTP resends sooner.

    Repeatable.
    """
    for kind in ("audio", "video"):
        _offer(kind, ABS_CAPTURE_TIME_ID, ABS_CAPTURE_TIME)
    _offer("video", TRANSPORT_NUMBER_ID, TRANSPORT_NUMBER)  # sound is small, and never held back
    _offer("video", PLAYOUT_DELAY_ID, PLAYOUT_DELAY)
    sender: Any = rtcrtpsender
    sender.RTP_HISTORY_SIZE = HISTORY
    for codec in CODECS["video"]:
        if EVERY_PACKET not in codec.rtcpFeedback:
            codec.rtcpFeedback.append(EVERY_PACKET)
    sctp: Any = rtcsctptransport
    sctp.SCTP_RTO_MIN, sctp.SCTP_RTO_INITIAL = SCTP_RTO_MIN_S, SCTP_RTO_INITIAL_S


def _offer(kind: str, number: int, uri: str) -> None:
    if all(known.uri != uri for known in HEADER_EXTENSIONS[kind]):
        HEADER_EXTENSIONS[kind].append(RTCRtpHeaderExtensionParameters(id=number, uri=uri))


class Certificate(RTCCertificate):
    """A certificate whose handshake also serves peers with an RSA certificate."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context


def use_certificate(connection: RTCPeerConnection) -> None:
    """Replace the certificate that the connection made for itself. Before the first transceiver or channel."""
    inner: Any = connection
    inner._RTCPeerConnection__certificates[:] = [Certificate.generateCertificate()]


def use_addresses(connection: RTCPeerConnection, addresses: Sequence[str]) -> None:
    """Gather host candidates on these local addresses and no others. Before the offer.

    aioice takes every address of the machine except 127.0.0.1, and nothing public says otherwise.
    """
    inner: Any = connection
    for transport in inner._RTCPeerConnection__iceTransports:
        ice = transport._connection
        ice.get_component_candidates = _only(ice.get_component_candidates, list(addresses))


def _only(gather: Callable[..., Awaitable[Any]], chosen: list[str]) -> Callable[..., Awaitable[Any]]:
    def gather_chosen(component: int, addresses: list[str], **more: Any) -> Awaitable[Any]:
        del addresses  # every address of the machine
        return gather(component=component, addresses=chosen, **more)

    return gather_chosen


def codec_name(transceiver: RTCRtpTransceiver) -> str:
    """What was negotiated for it, as `H264`, `VP8` or `opus`."""
    return str(transceiver._codecs[0].name)


class CaptureTimeMap(HeaderExtensionsMap):
    """Adds abs-capture-time (64-bit NTP) and the playout delay to what aiortc writes. A packet sent again carries its
    first stamp."""

    def __init__(self) -> None:
        super().__init__()
        self._id: int | None = None
        self._playout_id: int | None = None
        self.ntp = 0
        self.playout_ms = 0  # the receiver shows a picture no sooner than this after it could

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Learn the number that was negotiated for the extension."""
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == ABS_CAPTURE_TIME:
                self._id = extension.id
            elif extension.uri == PLAYOUT_DELAY:
                self._playout_id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """The extensions of one packet."""
        values.transport_sequence_number = 0  # room for it; the number is written when the packet leaves
        profile, value = super().set(values)
        ntp = vars(values).setdefault("abs_capture_time", self.ntp)
        more = []
        if self._id is not None and ntp:
            more.append((self._id, struct.pack("!Q", ntp)))
        if self._playout_id is not None:
            limits = self.playout_ms // PLAYOUT_STEP_MS << 12 | PLAYOUT_MOST_MS // PLAYOUT_STEP_MS
            more.append((self._playout_id, limits.to_bytes(3, "big")))
        return pack_header_extensions([*unpack_header_extensions(profile, value), *more]) if more else (profile, value)


class SenderTap:
    """What an RTP sender does not offer: capture instants, requests for key frames, what the receiver can take."""

    def __init__(self, sender: RTCRtpSender, on_key: Callable[[], None], on_limit: Callable[[int], None]) -> None:
        inner: Any = sender
        self._inner, self._on_key, self._on_limit = inner, on_key, on_limit
        self._extensions = CaptureTimeMap()
        self._handle_rtcp, self._send_rtcp = inner._handle_rtcp_packet, inner._send_rtcp
        self._old = 0  # packets before this number are of no more use
        self._asked_s: dict[int, float] = {}  # when each lost packet was last sent again
        self.transport: TransportTap | None = None
        inner._RTCRtpSender__rtp_header_extensions_map = self._extensions
        inner._send_keyframe = on_key
        inner._handle_rtcp_packet = self._handled
        inner._send_rtcp = self._reported

    def sending(self, ntp: int) -> None:
        """The packets that follow were captured at this instant (64-bit NTP)."""
        self._extensions.ntp = ntp
        if self.transport is not None:
            self._extensions.playout_ms = self.transport.playout_ms()

    def fresh(self) -> None:
        """A key frame follows: what was sent before needs not be sent again."""
        newest = self._newest()
        if newest is not None:
            self._old = (newest + 1) & 0xFFFF
        if self.transport is not None:
            self.transport.forget()

    def newest_again(self) -> bytes | None:
        """The newest packet once more, to fill a probe with; None without RTX (RFC 4588) or before the first one.

        A receiver that has it throws the second one away, and tells when it came.
        """
        number = self._newest()
        packet = None if number is None else self._inner._RTCRtpSender__rtp_history.get(number % HISTORY)
        kind = self._inner._RTCRtpSender__rtx_payload_type
        if packet is None or kind is None:
            return None
        number = self._inner._RTCRtpSender__rtx_sequence_number
        self._inner._RTCRtpSender__rtx_sequence_number = (number + 1) & 0xFFFF
        again = wrap_rtx(packet, payload_type=kind, sequence_number=number, ssrc=self._inner._rtx_ssrc)
        return bytes(again.serialize(self._extensions))

    def _newest(self) -> int | None:
        return None if self.transport is None else self.transport.newest.get(self._inner._ssrc)

    @property
    def stream(self) -> int:
        """The SSRC of what is sent for the first time."""
        stream: int = self._inner._ssrc
        return stream

    async def told(self, packet: Packet, came: bool) -> None:
        """What the receiver said of a packet: one that was lost is sent again before it is asked for (the asking may
        be lost too), one that came needs not be."""
        asked = packet.number in self._asked_s
        if came and asked:
            self._asked_s[packet.number] = time.monotonic() + CAME_S
        elif not came and (asked or not packet.again) and self.transport is not None:  # else it filled a probe
            await self._send_again([packet.number], self.transport)

    async def _handled(self, packet: Any) -> None:
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                self._on_limit(unpack_remb_fci(packet.fci)[0])
            except ValueError:
                return
        elif isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK and self.transport is not None:
                await self._send_again(packet.lost, self.transport)
        else:
            await self._handle_rtcp(packet)

    async def _send_again(self, lost: Sequence[int], transport: TransportTap) -> None:
        """Each lost packet at most once in a round trip: a receiver asks again before the first answer can be there."""
        now_s = time.monotonic()
        for number in lost[:MOST_AGAIN]:
            if (number - self._old) & 0x8000:
                continue
            if now_s - self._asked_s.get(number, -1.0) >= transport.round_trip_s():
                self._asked_s.pop(number, None)
                self._asked_s[number] = now_s
                with transport.sending_again():
                    for _ in range(transport.copies()):
                        await self._inner._retransmit(number)
                if not transport.taken:
                    self._on_key()  # what is missing stays missing
        while len(self._asked_s) > HISTORY:
            del self._asked_s[next(iter(self._asked_s))]

    async def _reported(self, packets: list[Any]) -> None:
        # aiortc pairs the RTP time with the instant at which the packet left: sound and picture drift apart by what
        # encoding took. The pair is made of the capture instead (RFC 3550 section 6.4.1: the same instant twice).
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and self._extensions.ntp:
                packet.sender_info.ntp_timestamp = self._extensions.ntp
                self._inner._RTCRtpSender__lsr = (self._extensions.ntp >> 16) & 0xFFFFFFFF
        await self._send_rtcp(packets)


class Paced(Protocol):
    """What takes the packets of pictures instead of the network."""

    async def media(self, data: bytes) -> None:
        """A new packet; returns when it has left."""
        ...

    def again(self, data: bytes) -> bool:
        """One that is sent once more; never waits. Whether it will be."""
        ...

    def forget(self) -> None:
        """What waits to be sent again is of no more use."""
        ...


class TransportTap:
    """What a DTLS transport does not offer: pictures leave paced and numbered, and it is told which of them came."""

    def __init__(
        self,
        sender: RTCRtpSender,
        on_told: Callable[[bytes], None],
        round_trip_s: Callable[[], float],
        copies: Callable[[], int],
        playout_ms: Callable[[], int],
    ) -> None:
        inner: Any = sender.transport
        self._inner, self._on_told, self.round_trip_s = inner, on_told, round_trip_s
        self.copies, self.playout_ms = copies, playout_ms
        self._send, self._handle = inner._send_rtp, inner._handle_rtcp_data
        self._pictures: set[int] = set()
        self._repeated: dict[int, int] = {}  # the stream of repetitions -> what it repeats
        self.newest: dict[int, int] = {}  # the last number of each stream
        self._paced: Paced | None = None
        self._again, self.taken = False, True
        inner._handle_rtcp_data = self._heard

    def pace(self, senders: Iterable[RTCRtpSender], paced: Paced) -> None:
        """From now on what these senders send goes to `paced`."""
        for sender in senders:
            inner: Any = sender
            self._pictures |= {inner._ssrc, inner._rtx_ssrc}
            self._repeated[inner._rtx_ssrc] = inner._ssrc
        self._paced = paced
        self._inner._send_rtp = self._sent

    @contextmanager
    def sending_again(self) -> Iterator[None]:
        """What is sent within is a repetition; `taken` says afterwards whether there was room for all of it."""
        self._again, self.taken = True, True
        try:
            yield
        finally:
            self._again = False

    @property
    def numbered(self) -> bool:
        """Whether the receiver tells of every packet."""
        return self._number_id is not None

    def forget(self) -> None:
        """A key frame makes what was to be sent again useless."""
        if self._paced is not None:
            self._paced.forget()

    def which(self, data: bytes) -> Packet:
        """Of an RTP packet: which one it is, or repeats (RFC 4588, 4: the first two bytes of its payload)."""
        stream = int.from_bytes(data[8:12], "big")
        if stream not in self._repeated:
            return Packet(stream, int.from_bytes(data[2:4], "big"))
        at = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10:
            at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        return Packet(self._repeated[stream], int.from_bytes(data[at : at + 2], "big"), again=True)

    async def leave(self, data: bytes, number: int) -> None:
        """Send a packet, with the instant at which it leaves and its number. `ConnectionError`."""
        packet = bytearray(data)
        ids = self._inner._rtp_header_extensions_map._HeaderExtensionsMap__ids
        now = clock.current_ntp_time() >> 14 & 0xFFFFFF
        write_extension(packet, ids.abs_send_time, now.to_bytes(ABS_SEND_TIME_BYTES, "big"))
        write_extension(packet, self._number_id, number.to_bytes(2, "big"))
        await self._send(bytes(packet))

    @property
    def _number_id(self) -> int | None:
        number: int | None = self._inner._rtp_header_extensions_map._HeaderExtensionsMap__ids.transport_sequence_number
        return number

    async def _sent(self, data: bytes) -> None:
        stream = int.from_bytes(data[8:12], "big")
        if self._paced is None or is_rtcp(data) or stream not in self._pictures:
            await self._send(data)
        elif self._again:
            self.taken &= self._paced.again(data)
        else:
            self.newest[stream] = int.from_bytes(data[2:4], "big")
            await self._paced.media(data)

    async def _heard(self, data: bytes) -> None:
        for format_, fci in transport_feedback(data):
            if format_ == EVERY_PACKET_FORMAT:
                self._on_told(fci)
        await self._handle(data)


def transport_feedback(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The transport-layer feedback in a compound packet: format, and what follows the two SSRCs (RFC 4585, 6.1)."""
    at = 0
    while at + 12 <= len(data):
        size = 4 * (int.from_bytes(data[at + 2 : at + 4], "big") + 1)
        if data[at + 1] == RTCP_RTPFB and at + size <= len(data):
            yield data[at] & 0x1F, data[at + 12 : at + size]
        at += size


def write_extension(packet: bytearray, number: int | None, value: bytes) -> None:
    """Overwrite a one-byte header extension (RFC 8285, 4.2) where the packet has it, of that length."""
    if number is None or not packet[0] & 0x10:
        return
    at = 12 + 4 * (packet[0] & 0x0F)
    profile, words = struct.unpack_from("!HH", packet, at)
    at, end = at + 4, min(at + 4 + 4 * words, len(packet))
    while profile == 0xBEDE and at < end:
        if packet[at] == 0:
            at += 1
            continue
        size = (packet[at] & 0x0F) + 1
        if packet[at] >> 4 == number and size == len(value):
            packet[at + 1 : at + 1 + size] = value
            return
        at += 1 + size
