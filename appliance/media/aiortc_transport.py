"""How a connection's packets are made to leave paced and numbered, and what the receiver tells of each is heard.
See `aiortc_inside` for the rules of this file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aiortc import RTCRtpSender, clock
from aiortc.rtp import RTCP_RTPFB, is_rtcp

from appliance.media.feedback import FORMAT as EVERY_PACKET_FORMAT
from appliance.media.feedback import Packet

ABS_SEND_TIME_BYTES = 3


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
