"""USB devices that are programs: plugged into the kernel's virtual host controller (vhci_hcd).

Real: the kernel's USB core and all drivers above it, which see a device on a bus. Not real: the bus. Transfers come
over a socket in the format of USB/IP (Linux, Documentation/usb/usbip_protocol.rst); there are no signals, no bandwidth
and no power. The cable is pulled by closing the socket, which the end of the process does. Chapters are those of the
USB 2.0 specification.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

CONTROLLER = Path("/sys/devices/platform/vhci_hcd.0")
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
HEADER = struct.Struct(">5I")  # command, sequence number, device, direction, endpoint
SUBMIT = struct.Struct(">Iiiii8s")  # flags, length, start frame, number of packets, interval, setup
PACKET = struct.Struct(">4I")  # offset, length, actual length, status
PAD = 48  # bytes of every header
STALL, RESET = -32, -104  # EPIPE, ECONNRESET
ENGLISH = b"\x09\x04"


class Speed(IntEnum):
    """As vhci's `attach` takes it (enum usb_device_speed)."""

    FULL = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Setup:
    """The eight bytes that begin a control transfer (chapter 9.3)."""

    kind: int
    request: int
    value: int
    index: int
    length: int

    @property
    def is_standard(self) -> bool:
        """Of chapter 9, not of a class."""
        return self.kind & 0x60 == 0

    @property
    def to_host(self) -> bool:
        """Whether data are asked for."""
        return bool(self.kind & 0x80)


@dataclass(frozen=True, slots=True)
class Urb:
    """One transfer that the kernel waits for. `packets`: (offset, length) of an isochronous one's."""

    seq: int
    length: int
    start: int = 0
    packets: tuple[tuple[int, int], ...] = ()


class UsbDevice(Protocol):
    """What a device says of itself, and how it answers. Strings are numbered from 1: maker, product, serial number."""

    speed: Speed
    device: bytes
    configuration: bytes
    strings: Sequence[str]

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """Answer a class request; None refuses it (STALL)."""
        ...


@dataclass(slots=True)
class _Waiting:
    """By endpoint, in their order; and those that are being answered."""

    queues: dict[int, deque[Urb]] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)


class Plug:
    """A device in port `port` (0 to 7) of the controller. `serve` in one thread; `take` and `give` in any others."""

    def __init__(self, device: UsbDevice, port: int) -> None:
        self._device = device
        self._waiting = _Waiting()
        self._change = threading.Condition()
        theirs, self._socket = socket.socketpair()
        with theirs:
            words = f"{port} {theirs.fileno()} {0x10001 + port} {int(device.speed)}"
            (CONTROLLER / "attach").write_text(words)

    def take(self, endpoint: int, timeout_s: float | None = None) -> Urb | None:
        """The oldest transfer that waits on an endpoint; None if there is none in time."""
        with self._change:
            queue = self._waiting.queues.setdefault(endpoint, deque())
            if not self._change.wait_for(lambda: queue, timeout_s):
                return None
            urb = queue.popleft()
            self._waiting.taken.add(urb.seq)
            return urb

    def give(self, urb: Urb, data: bytes, lengths: Sequence[int] = ()) -> None:
        """Complete a transfer; `lengths` of the packets of an isochronous one, whose data are then packed tightly."""
        with self._change:  # with the sending: the kernel must not hear of an unlinked transfer again
            if urb.seq in self._waiting.taken:
                self._waiting.taken.discard(urb.seq)
                self._answer(urb, data, lengths)

    def serve(self) -> None:
        """Answer the kernel until it lets the device go."""
        while header := self._read(PAD):
            command, seq, _, to_host, endpoint = HEADER.unpack_from(header)
            if command == CMD_UNLINK:
                self._unlink(seq, int.from_bytes(header[20:24], "big"))
                continue
            _, length, start, packets, _, setup = SUBMIT.unpack_from(header, HEADER.size)
            data = b"" if to_host or not length else self._read(length)
            cut = [PACKET.unpack(self._read(PACKET.size)) for _ in range(max(packets, 0))]
            urb = Urb(seq, length, start, tuple((offset, size) for offset, size, _, _ in cut))
            if endpoint == 0:
                self._control(urb, Setup(*struct.unpack("<BBHHH", setup)), data)
            else:
                with self._change:
                    self._waiting.queues.setdefault(endpoint, deque()).append(urb)
                    self._change.notify_all()

    def _read(self, length: int) -> bytes:
        """Exactly so many bytes; fewer only when the kernel has let go."""
        data = b""
        while len(data) < length and (more := self._socket.recv(length - len(data))):
            data += more
        return data if len(data) == length else b""

    def _unlink(self, seq: int, target: int) -> None:
        with self._change:
            found = target in self._waiting.taken
            self._waiting.taken.discard(target)
            for queue in self._waiting.queues.values():
                for urb in [one for one in queue if one.seq == target]:
                    queue.remove(urb)
                    found = True
            status = RESET if found else 0
            self._socket.sendall((HEADER.pack(RET_UNLINK, seq, 0, 0, 0) + struct.pack(">i", status)).ljust(PAD, b"\0"))

    def _control(self, urb: Urb, setup: Setup, data: bytes) -> None:
        answer = standard(self._device, setup) if setup.is_standard else self._device.control(setup, data)
        with self._change:
            if answer is None:
                self._answer(urb, b"", status=STALL)
            elif setup.to_host:
                self._answer(urb, answer[: setup.length])
            else:
                self._answer(urb, b"", took=len(data))

    def _answer(self, urb: Urb, data: bytes, lengths: Sequence[int] = (), status: int = 0, took: int = 0) -> None:
        head = HEADER.pack(RET_SUBMIT, urb.seq, 0, 0, 0)
        head += struct.pack(">5i", status, len(data) or took, urb.start, len(lengths), 0)
        ends = (PACKET.pack(offset, size, sent, 0) for (offset, size), sent in zip(urb.packets, lengths, strict=False))
        self._socket.sendall(head.ljust(PAD, b"\0") + data + b"".join(ends))


def standard(device: UsbDevice, setup: Setup) -> bytes | None:
    """A device's answer to the requests of chapter 9.4; None refuses."""
    answers: Mapping[int, bytes] = {0: b"\0\0", 1: b"", 3: b"", 9: b"", 10: b"\0", 11: b""}
    if setup.request != 6:  # GET_DESCRIPTOR
        return answers.get(setup.request)
    kind, number = setup.value >> 8, setup.value & 0xFF
    if kind == 3 and number <= len(device.strings):
        return descriptor(3, ENGLISH if number == 0 else device.strings[number - 1].encode("utf-16-le"))
    return {1: device.device, 2: device.configuration}.get(kind)


def descriptor(*parts: int | bytes) -> bytes:
    """A descriptor: its length, then its bytes; numbers are one byte each (chapter 9.5)."""
    body = b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)
    return bytes([len(body) + 1]) + body


def u16(*values: int) -> bytes:
    """Little-endian words of two bytes."""
    return struct.pack(f"<{len(values)}H", *values)


def u32(*values: int) -> bytes:
    """Little-endian words of four bytes."""
    return struct.pack(f"<{len(values)}I", *values)


def endpoint(address: int, attributes: int, size: int, interval: int) -> bytes:
    """An endpoint (chapter 9.6.6)."""
    return descriptor(5, address, attributes, u16(size), interval)


def interface(number: int, alternate: int, endpoints: int, sort: int, subsort: int, name: int = 0) -> bytes:
    """An interface of a class (chapter 9.6.5)."""
    return descriptor(4, number, alternate, endpoints, sort, subsort, 0, name)


def configuration(interfaces: int, body: bytes) -> bytes:
    """A configuration with all that belongs to it (chapter 9.6.3): bus-powered, 500 mA."""
    return descriptor(2, u16(9 + len(body)), interfaces, 1, 0, 0x80, 250) + body


def run(plug: Plug, *threads: threading.Thread) -> None:
    """Serve a device until the kernel lets it go; then the whole program is over."""
    for thread in threads:
        thread.start()
    plug.serve()
    os._exit(0)
