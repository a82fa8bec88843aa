"""One m-line of a call: its source, and aiortc's view of the packets that are encoded for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from aiortc import MediaStreamTrack, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from appliance.media.aiortc_sending import SenderTap
from appliance.media.encoding import Encoding
from appliance.media.outlet import Outlet
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.talk import Slot


class PacketTrack(MediaStreamTrack):
    """aiortc's view of one outlet: packets, stamped with their capture."""

    def __init__(self, kind: Literal["video", "audio"], depth: int, clock_hz: int) -> None:
        super().__init__()
        self.kind = kind
        self.outlet = Outlet(depth)
        self.tap: SenderTap | None = None
        self._time_base = Fraction(1, clock_hz)

    async def recv(self) -> Packet[Any]:
        """The next packet."""
        if self.readyState != "live":
            raise MediaStreamError
        encoded = await self.outlet.take()
        if self.tap is not None:
            self.tap.sending(boottime_ntp(encoded.capture_ns))
            if encoded.key and self.kind == "video":
                self.tap.fresh()
        packet: Packet[Any] = Packet(encoded.data)
        packet.pts, packet.time_base = encoded.pts, self._time_base
        return packet


def boottime_ntp(boot_ns: int) -> int:
    """CLOCK_BOOTTIME as a 64-bit NTP stamp. RFC 3550 section 6.4.1 allows a clock of uptime; it never jumps, and a
    receiver can compare the stamp with the `*_ms` of docs/protocol.md."""
    seconds, rest = divmod(boot_ns, 1_000_000_000)
    return seconds << 32 | (rest << 32) // 1_000_000_000


@dataclass(slots=True)
class Line:
    """One m-line: its source, its track, and what encodes for it once the codec is known."""

    source: PictureSource | SoundSource | Slot
    track: PacketTrack
    transceiver: RTCRtpTransceiver
    encoding: Encoding | None = None

    def request_key(self) -> None:
        """The receiver cannot decode what it has."""
        if self.encoding is not None:
            self.encoding.request_key()
