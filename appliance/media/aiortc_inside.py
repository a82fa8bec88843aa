"""The only file that touches names which aiortc 1.16 and aioice do not publish. tests/unit/media/test_aiortc_inside.py
proves each of them, and fails when a new release changes one. Why each is needed is said beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, rtcsctptransport
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpSrPacket,
    pack_header_extensions,
    unpack_header_extensions,
    unpack_remb_fci,
)
from OpenSSL import SSL

ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
ABS_CAPTURE_TIME_ID = 6
# As the other end's (dcSCTP in libwebrtc): aiortc's one second delays a lost block of sound by more than its buffer.
SCTP_RTO_MIN_S, SCTP_RTO_INITIAL_S = 0.4, 1.0
# aiortc names only ECDSA ciphers: a peer with an RSA certificate finds none in common (aiortc issue 1434).
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA"
)


def prepare() -> None:
    """Set what aiortc keeps per process: the capture-time extension is offered, SCTP resends sooner. Repeatable."""
    for kind in ("audio", "video"):
        if all(known.uri != ABS_CAPTURE_TIME for known in HEADER_EXTENSIONS[kind]):
            extension = RTCRtpHeaderExtensionParameters(id=ABS_CAPTURE_TIME_ID, uri=ABS_CAPTURE_TIME)
            HEADER_EXTENSIONS[kind].append(extension)
    sctp: Any = rtcsctptransport
    sctp.SCTP_RTO_MIN, sctp.SCTP_RTO_INITIAL = SCTP_RTO_MIN_S, SCTP_RTO_INITIAL_S


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
    """Adds abs-capture-time (64-bit NTP) to what aiortc writes. A packet sent again carries its first stamp."""

    def __init__(self) -> None:
        super().__init__()
        self._id: int | None = None
        self.ntp = 0

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Learn the number that was negotiated for the extension."""
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == ABS_CAPTURE_TIME:
                self._id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """The extensions of one packet."""
        profile, value = super().set(values)
        ntp = vars(values).setdefault("abs_capture_time", self.ntp)
        if self._id is None or not ntp:
            return profile, value
        stamp = (self._id, struct.pack("!Q", ntp))
        return pack_header_extensions([*unpack_header_extensions(profile, value), stamp])


class SenderTap:
    """What an RTP sender does not offer: capture instants, requests for key frames, what the receiver can take."""

    def __init__(self, sender: RTCRtpSender, on_key: Callable[[], None], on_limit: Callable[[int], None]) -> None:
        inner: Any = sender
        self._inner, self._on_limit = inner, on_limit
        self._extensions = CaptureTimeMap()
        self._handle_rtcp, self._send_rtcp = inner._handle_rtcp_packet, inner._send_rtcp
        inner._RTCRtpSender__rtp_header_extensions_map = self._extensions
        inner._send_keyframe = on_key
        inner._handle_rtcp_packet = self._handled
        inner._send_rtcp = self._reported

    def sending(self, ntp: int) -> None:
        """The packets that follow were captured at this instant (64-bit NTP)."""
        self._extensions.ntp = ntp

    async def _handled(self, packet: Any) -> None:
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                self._on_limit(unpack_remb_fci(packet.fci)[0])
            except ValueError:
                return
        else:
            await self._handle_rtcp(packet)

    async def _reported(self, packets: list[Any]) -> None:
        # aiortc pairs the RTP time with the instant at which the packet left: sound and picture drift apart by what
        # encoding took. The pair is made of the capture instead (RFC 3550 section 6.4.1: the same instant twice).
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and self._extensions.ntp:
                packet.sender_info.ntp_timestamp = self._extensions.ntp
                self._inner._RTCRtpSender__lsr = (self._extensions.ntp >> 16) & 0xFFFFFFFF
        await self._send_rtcp(packets)
