"""Framers: how byte streams are cut into packets. What they hold back is bounded, what they leave out is counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping


class Lines:
    """Text lines ended by CR, LF or both, given without their end. A line above `cap` bytes is left out whole."""

    def __init__(self, cap: int = 512) -> None:
        self.skipped = 0
        self._cap = cap
        self._line = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that this ends; empty ones are no packets."""
        lines = []
        *ended, rest = data.replace(b"\r", b"\n").split(b"\n")
        for piece in ended:
            self._add(piece)
            if self._line:
                lines.append(bytes(self._line))
            self._line.clear()
            self._too_long = False
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        if not self._too_long and len(self._line) + len(piece) > self._cap:
            self._too_long = True
            self.skipped += len(self._line)
            self._line.clear()
        if self._too_long:
            self.skipped += len(piece)
        else:
            self._line += piece


class MsbSync:
    """Packets whose first byte alone differs in bit 7: set (`lead` 0x80) or clear (`lead` 0).

    `lengths` gives the packet's length for each first byte that is known; `length` for any other one (0: not known).
    """

    def __init__(self, lead: int, lengths: Mapping[int, int] | None = None, length: int = 0) -> None:
        self.skipped = 0
        self._lead = lead
        self._lengths = lengths or {}
        self._length = length
        self._packet = bytearray()
        self._wanted = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that this completes."""
        packets = []
        for byte in data:
            if byte & 0x80 == self._lead:
                self.skipped += len(self._packet)
                self._packet.clear()
                self._wanted = self._lengths.get(byte, self._length)
            if not self._wanted:
                self.skipped += 1
                continue
            self._packet.append(byte)
            if len(self._packet) == self._wanted:
                packets.append(bytes(self._packet))
                self._packet.clear()
                self._wanted = 0
        return packets


class Hunt:
    """Packets that begin with `start` and prove themselves.

    `size(buffer)`: the length of the packet at the buffer's start; 0: more bytes are needed to tell; -1: it is none.
    `proven(packet)`: whether its checksum holds. What is no packet is left byte by byte until `start` comes again.
    """

    def __init__(
        self,
        start: bytes,
        size: Callable[[bytes], int],
        proven: Callable[[bytes], bool] = lambda packet: True,
        cap: int = 4096,
    ) -> None:
        self.skipped = 0
        self._start, self._size, self._proven, self._cap = start, size, proven, cap
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that this completes."""
        packets = []
        self._buffer += data
        while self._buffer and self._seek():
            size = self._size(self._buffer)
            if 0 <= size <= self._cap and len(self._buffer) < (size or self._cap):
                break
            if 0 < size <= self._cap and self._proven(packet := self._buffer[:size]):
                packets.append(packet)
                self._buffer = self._buffer[size:]
            else:
                self._leave(1)
        return packets

    def _seek(self) -> bool:
        """Leave everything before the next `start`, or before what may become one; whether one is there whole."""
        at = self._buffer.find(self._start)
        if at < 0:
            kept = min(len(self._start) - 1, len(self._buffer))
            while kept and not self._start.startswith(self._buffer[-kept:]):
                kept -= 1
            at = len(self._buffer) - kept
        if at:
            self._leave(at)
        return len(self._buffer) >= len(self._start)

    def _leave(self, count: int) -> None:
        self.skipped += count
        self._buffer = self._buffer[count:]


class Stuffed:
    """Packets between `start` and `end` bytes, with `escape` before a byte that is sent changed by `mask`.

    Given without start, end and escapes. Start and end may be the same byte. Above `cap` bytes a packet is left out.
    """

    def __init__(self, start: int, end: int, escape: int, mask: int = 0x20, cap: int = 4096) -> None:
        self.skipped = 0
        self._start, self._end, self._escape, self._mask, self._cap = start, end, escape, mask, cap
        self._flags = re.compile(b"([%b])" % re.escape(bytes((start, end))))
        self._escapes = re.compile(b"%b(.?)" % re.escape(bytes((escape,))), re.DOTALL)
        self._packet = bytearray()
        self._held = 0  # bytes of the wire in it
        self._inside = False
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that this completes; empty ones are no packets."""
        packets = []
        first, *rest = self._flags.split(data)
        self._hold(first)
        for flag, piece in zip(rest[::2], rest[1::2], strict=True):
            if flag[0] == self._end and self._packet and not self._escaped:
                packets.append(bytes(self._packet))
            else:
                self.skipped += self._held
            self._packet.clear()
            self._held = 0
            # One flag may end a packet and start the next.
            self._inside, self._escaped = flag[0] == self._start, False
            self._hold(piece)
        return packets

    def _hold(self, piece: bytes) -> None:
        """Bytes between two flags."""
        if not self._inside:
            self.skipped += len(piece)
            return
        self._held += len(piece)
        if self._escaped and piece:
            self._escaped, piece = False, bytes((self._escape,)) + piece
        self._packet += self._escapes.sub(self._plain, piece)
        if len(self._packet) > self._cap:
            self.skipped += self._held
            self._packet.clear()
            self._held = 0
            self._inside = self._escaped = False

    def _plain(self, escape: re.Match[bytes]) -> bytes:
        """What was sent changed; the byte after the last escape may not be here yet."""
        self._escaped = not escape[1]
        return bytes(byte ^ self._mask for byte in escape[1])
