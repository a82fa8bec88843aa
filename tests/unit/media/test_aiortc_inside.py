"""The names that aiortc and aioice do not publish: each is proved by what it does, so that a new release that changes
one fails here and not in a consultation.
"""

from __future__ import annotations

import inspect
import re
import struct
from typing import Any

import aiortc
import pytest
from aiortc import (
    RTCCertificate,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    rtcrtpsender,
    rtcsctptransport,
)
from aiortc.codecs.h264 import H264Encoder
from aiortc.mediastreams import VideoStreamTrack
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
    unpack_header_extensions,
    wrap_rtx,
)
from av.packet import Packet
from OpenSSL import SSL

from appliance.media import aiortc_inside as inside
from appliance.media import aiortc_sending as sending

NTP = 0x0000_1234_8000_0000


@pytest.fixture
async def connection() -> Any:
    inside.prepare()
    made = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    inside.use_certificate(made)
    yield made
    await made.close()


@pytest.fixture
async def video(connection: RTCPeerConnection) -> RTCRtpTransceiver:
    return connection.addTransceiver(VideoStreamTrack(), direction="sendonly")


def test_release_is_the_one_that_was_examined() -> None:
    assert aiortc.__version__.startswith("1.16.")


def test_capture_time_is_offered_once_for_each_kind() -> None:
    inside.prepare()
    inside.prepare()
    for kind in ("audio", "video"):
        uris = [extension.uri for extension in RTCRtpSender.getCapabilities(kind).headerExtensions]
        assert uris.count("http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time") == 1


async def test_sctp_resends_sooner(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("any")
    assert connection.sctp is not None
    sctp: Any = connection.sctp
    assert sctp._rto == 1.0
    sctp._update_rto(0.001)
    for _ in range(50):
        sctp._update_rto(0.001)
    assert sctp._rto == 0.4
    assert "SCTP_RTO_MIN" in inspect.getsource(rtcsctptransport.RTCSctpTransport._update_rto)


async def test_handshake_serves_rsa_and_ecdsa(video: RTCRtpTransceiver) -> None:
    transport: Any = video.sender.transport
    certificate = transport._RTCDtlsTransport__local_certificate
    assert isinstance(certificate, inside.Certificate)
    assert issubclass(inside.Certificate, RTCCertificate)
    names = SSL.Connection(certificate._create_ssl_context([SRTP_AES128_CM_SHA1_80])).get_cipher_list()
    assert "ECDHE-RSA-AES128-GCM-SHA256" in names
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in names


async def test_candidates_are_gathered_on_the_addresses_that_were_set(
    connection: RTCPeerConnection, video: RTCRtpTransceiver
) -> None:
    inside.use_addresses(connection, ["127.0.0.1"])
    await connection.setLocalDescription(await connection.createOffer())
    found = re.findall(r"a=candidate:\S+ \d udp \d+ (\S+) \d+ typ (\S+)", connection.localDescription.sdp)
    assert found == [("127.0.0.1", "host")]


async def test_codec_of_a_transceiver(connection: RTCPeerConnection, video: RTCRtpTransceiver) -> None:
    video.setCodecPreferences([codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.name == "H264"])
    await connection.createOffer()
    assert inside.codec_name(video) == "H264"


def capture_map() -> sending.CaptureTimeMap:
    made = sending.CaptureTimeMap()
    uris = ((1, "urn:ietf:params:rtp-hdrext:sdes:mid"), (6, sending.ABS_CAPTURE_TIME))
    made.configure(RTCRtpParameters(headerExtensions=[RTCRtpHeaderExtensionParameters(i, uri) for i, uri in uris]))
    return made


def stamps(data: bytes) -> dict[int, bytes]:
    profile, words = struct.unpack_from("!HH", data, 12)
    return dict(unpack_header_extensions(profile, data[16 : 16 + 4 * words]))


def test_packets_carry_their_capture_and_keep_it_when_sent_again() -> None:
    extensions = capture_map()
    packet = RtpPacket(payload_type=97, sequence_number=1, timestamp=2)
    packet.extensions.mid = "0"
    extensions.ntp = NTP
    assert stamps(packet.serialize(extensions)) == {1: b"0", 6: struct.pack("!Q", NTP)}
    extensions.ntp = NTP + 1
    again = wrap_rtx(packet, payload_type=98, sequence_number=9, ssrc=10)
    assert stamps(again.serialize(extensions))[6] == struct.pack("!Q", NTP)


def test_capture_is_not_sent_to_who_did_not_negotiate_it() -> None:
    extensions = sending.CaptureTimeMap()
    extensions.ntp = NTP
    assert RtpPacket().serialize(extensions) == RtpPacket().serialize(HeaderExtensionsMap())


class Heard:
    def __init__(self, sender: RTCRtpSender) -> None:
        self.keys = 0
        self.limits: list[int] = []
        self.tap = sending.SenderTap(sender, self._key, self.limits.append)

    def _key(self) -> None:
        self.keys += 1


@pytest.mark.parametrize(("fmt", "keys"), [(1, 1), (4, 1), (2, 0)])
async def test_requests_for_a_picture_reach_the_encoder(video: RTCRtpTransceiver, fmt: int, keys: int) -> None:
    heard, sender = Heard(video.sender), video.sender
    await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=fmt, ssrc=1, media_ssrc=sender._ssrc))
    assert heard.keys == keys


async def test_limit_of_the_receiver_is_heard_and_garbage_is_not(video: RTCRtpTransceiver) -> None:
    heard, sender = Heard(video.sender), video.sender
    for fci in (pack_remb_fci(700_000, [sender._ssrc]), b"REMx\0\0\0\0"):
        await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=fci))
    assert heard.limits == [700_000]


async def test_sender_reports_pair_the_rtp_time_with_the_capture(video: RTCRtpTransceiver) -> None:
    sender: Any = video.sender
    sent: list[Any] = []

    async def send(packets: list[Any]) -> None:
        sent.extend(packets)

    sender._send_rtcp = send
    heard = Heard(sender)
    heard.tap.sending(NTP)
    info = RtcpSenderInfo(ntp_timestamp=999, rtp_timestamp=1, packet_count=0, octet_count=0)
    await sender._send_rtcp([RtcpSrPacket(ssrc=1, sender_info=info)])
    assert sent[0].sender_info.ntp_timestamp == NTP
    assert sender._RTCRtpSender__lsr == 0x1234_8000  # what the receiver will echo


def test_names_that_are_replaced_are_the_names_that_aiortc_uses() -> None:
    source = inspect.getsource(rtcrtpsender.RTCRtpSender)
    for name in ("__rtp_header_extensions_map)", "_send_keyframe()", "_send_rtcp(packets)", "__lsr"):
        assert f"self.{name}" in source


def test_annex_b_packets_pass_unencoded() -> None:
    packet = Packet(b"\0\0\0\1\x67\x42\0\0\0\1\x68\xce\0\0\0\1\x65" + bytes(range(1, 200)))
    packet.pts, packet.time_base = 1234, aiortc.mediastreams.VIDEO_TIME_BASE
    payloads, timestamp = H264Encoder().pack(packet)
    assert timestamp == 1234
    assert payloads[0][0] & 0x1F == 24  # one aggregation packet (STAP-A) of the three


def test_a_second_of_packets_is_kept_to_be_sent_again() -> None:
    inside.prepare()
    sender: Any = rtcrtpsender
    assert sender.RTP_HISTORY_SIZE == 1024
    assert "RTP_HISTORY_SIZE" in sender.RTCRtpSender._run_rtp.__code__.co_names
    assert "RTP_HISTORY_SIZE" in sender.RTCRtpSender._retransmit.__code__.co_names


def test_the_receiver_is_told_how_long_to_hold_pictures_back() -> None:
    extensions = sending.CaptureTimeMap()
    extensions.configure(
        RTCRtpParameters(headerExtensions=[RTCRtpHeaderExtensionParameters(id=7, uri=sending.PLAYOUT_DELAY)])
    )
    extensions.playout_ms = 200
    profile, value = extensions.set(HeaderExtensions())
    assert dict(unpack_header_extensions(profile, value))[7] == bytes.fromhex("0140c8")  # 20 and 200 steps of 10 ms
