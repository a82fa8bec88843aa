"""How what a remote party says and shows is taken from aiortc as it came: not decoded, and not held back.

aiortc's receiver decodes everything in a thread of its own, holds sound back for 80 ms, and keeps what nobody reads for
ever. Here a tap stands in the place of its jitter buffer. See `aiortc_inside` for the rules of this file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCRtpReceiver

VP8_INTER = 1  # the first bit of a VP8 frame (RFC 6386, 9.1): 0 in a key frame


@dataclass(frozen=True, slots=True)
class Came:
    """One packet of sound, or one whole picture. `timestamp`: RTP, 32 bits, of the stream's own clock."""

    stream: int
    timestamp: int
    data: bytes
    key: bool


Take = Callable[[Came], None]


class ReceiverTap:
    """Gives each packet of sound at once, each picture (VP8) when it is whole. For the loop of the connection."""

    def __init__(self, receiver: RTCRtpReceiver, take: Take) -> None:
        inner: Any = receiver
        self._inner, self._stream = inner, 0
        self._asking: set[asyncio.Task[None]] = set()
        buffer = inner._RTCRtpReceiver__jitter_buffer
        sound = inner._RTCRtpReceiver__kind == "audio"
        inner._RTCRtpReceiver__jitter_buffer = _Sounds(self, take) if sound else _Pictures(self, take, buffer)

    def seen(self, stream: int) -> None:
        """The number of the stream that comes now."""
        self._stream = stream

    def request_key(self) -> None:
        """Ask the remote party for a picture that can be decoded by itself."""
        task = asyncio.create_task(self._inner._send_rtcp_pli(self._stream), name="ask for a key frame")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)


class _Sounds:
    """In the place of aiortc's buffer: what is added is given on, and nothing comes out to be decoded."""

    def __init__(self, tap: ReceiverTap, take: Take) -> None:
        self._tap, self._take = tap, take

    def add(self, packet: Any) -> tuple[bool, None]:
        """As aiortc asks it; `_data` is what the payload holds."""
        self._tap.seen(packet.ssrc)
        if packet._data:
            self._take(Came(packet.ssrc, packet.timestamp, packet._data, True))
        return False, None


class _Pictures:
    """aiortc's buffer puts pictures together; they are given on instead of being decoded."""

    def __init__(self, tap: ReceiverTap, take: Take, buffer: Any) -> None:
        self._tap, self._take, self._buffer = tap, take, buffer

    def add(self, packet: Any) -> tuple[bool, None]:
        """As aiortc asks it: whether a key frame has to be asked for, and nothing to decode."""
        self._tap.seen(packet.ssrc)
        key_wanted, picture = self._buffer.add(packet)
        if picture is not None and picture.data:
            key = not picture.data[0] & VP8_INTER
            self._take(Came(packet.ssrc, picture.timestamp, picture.data, key))
        return key_wanted, None
