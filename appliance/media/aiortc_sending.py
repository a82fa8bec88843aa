"""How aiortc's sender is made to tell capture instants, to hear of limits and lost packets, and to send these again
within the budget. See `aiortc_inside` for the rules of this file.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiortc import RTCRtpSender
from aiortc.rtcrtpparameters import RTCRtpParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_RTPFB_NACK,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    pack_header_extensions,
    unpack_header_extensions,
    unpack_remb_fci,
    wrap_rtx,
)

from appliance.media.aiortc_transport import TransportTap
from appliance.media.feedback import Packet

ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
PLAYOUT_STEP_MS, PLAYOUT_MOST_MS = 10, 2000
HISTORY = 1024  # packets that can be sent again; aiortc's 128 are a third of a second of a 1080p picture
MOST_AGAIN = 128  # packets that one request can name
CAME_S = 5.0  # so long, requests for a packet that came are old ones


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
