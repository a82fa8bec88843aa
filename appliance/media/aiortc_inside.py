"""What aiortc keeps per process and per connection, and does not publish. `aiortc_sending`, `aiortc_receiving` and
`aiortc_transport` do so for a sender, a receiver and what both share, `aioice_inside` for the candidates; no other file
touches a name which aiortc 1.16 and aioice do not publish. tests/unit/media/test_aiortc_inside.py proves each of them,
and fails when a new release changes one. Why each is needed is said beside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpTransceiver, rtcrtpsender, rtcsctptransport
from aiortc.codecs import CODECS, HEADER_EXTENSIONS
from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters
from OpenSSL import SSL

from appliance.media.aiortc_sending import ABS_CAPTURE_TIME, HISTORY, PLAYOUT_DELAY
from appliance.media.feedback import URI as TRANSPORT_NUMBER

TRANSPORT_NUMBER_ID, ABS_CAPTURE_TIME_ID, PLAYOUT_DELAY_ID = 5, 6, 7
EVERY_PACKET = RTCRtcpFeedback(type="transport-cc")
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
