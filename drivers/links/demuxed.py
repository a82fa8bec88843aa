"""What cameras and sound cards have in common: FFmpeg's demuxer gives packets until the hardware is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
from av.packet import Packet

from drivers.core.errors import LinkLost


def next_packet(packets: Iterator[Packet[Any]], who: str) -> Packet[Any]:
    """The next packet that holds something. `LinkLost`, naming `who`, when the hardware is gone."""
    try:
        while True:
            packet = next(packets)
            if packet.size:
                return packet
    # Unplugged hardware gives OSError(19) or ArgumentError(22), by the moment at which it went.
    except (OSError, ValueError, av.FFmpegError) as error:
        raise LinkLost(f"{who}: gone: {error}") from error
    except StopIteration:
        raise LinkLost(f"{who}: gone: end of stream") from None
