"""A simulated camera: USB Video Class 1.0, MJPEG 640x480 at 15 Hz over a bulk endpoint, and a button.

`camera SERIAL PORT`. Not real: the sensor and the USB device (this file). Real: uvcvideo, V4L2, the input layer, udev.
Chapters are those of the USB Video Class definition, revision 1.0 (the button's and headers' layout is 1.1's too).
It tells the digests of the pictures that it shows in turn (`pictures`), and presses its button every second.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from tests.guest.inside.telling import tell
from tests.guest.inside.usb import (
    Plug,
    Setup,
    Speed,
    configuration,
    descriptor,
    endpoint,
    interface,
    run,
    u16,
    u32,
)

WIDTH, HEIGHT, RATE_HZ, PICTURES = 640, 480, 15, 4
INTERVAL = 10_000_000 // RATE_HZ  # in 100 ns
FRAME_BYTES, PAYLOAD_BYTES = WIDTH * HEIGHT * 2, 16384
VIDEO, CONTROL, STREAMING = 0x0E, 1, 2
STATUS, STREAM = 5, 1  # endpoints
SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_LEN, GET_INFO, GET_DEF = 0x01, 0x81, 0x82, 0x83, 0x85, 0x86, 0x87
END_OF_HEADER, END_OF_FRAME = 0x80, 0x02


class Camera:
    """The camera's words about itself."""

    speed = Speed.HIGH
    # class 0xEF/2/1: the interfaces belong together (Interface Association Descriptor)
    device = descriptor(1, u16(0x0200), 0xEF, 2, 1, 64, u16(0x1D6B, 0x0102, 0x0100), 1, 2, 3, 1)

    def __init__(self, serial: str) -> None:
        self.strings: Sequence[str] = ("Simulated", "Otoscope", serial)
        together = descriptor(0x0B, 0, 2, VIDEO, 3, 0, 2)
        self.configuration = configuration(2, together + _control() + _streaming())

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """Probe and commit (4.3.1.1): there is one format, so every answer is the same."""
        if setup.index != 1 or setup.value >> 8 not in {1, 2}:
            return None
        if setup.request == SET_CUR:
            return b""
        probe = u16(1) + bytes([1, 1]) + u32(INTERVAL) + u16(0, 0, 0, 0, 0) + u32(FRAME_BYTES, PAYLOAD_BYTES)
        probes = dict.fromkeys((GET_CUR, GET_MIN, GET_MAX, GET_DEF), probe)
        return {**probes, GET_LEN: u16(len(probe)), GET_INFO: b"\x03"}.get(setup.request)


def _control() -> bytes:
    """The VideoControl interface (3.7): a camera terminal that goes to USB, and the button's endpoint."""
    eye = descriptor(0x24, 2, 1, u16(0x0201), 0, 0, u16(0, 0, 0), 3, b"\0\0\0")
    out = descriptor(0x24, 3, 3, u16(0x0101), 0, 1, 0)
    length = 13 + len(eye) + len(out)
    header = descriptor(0x24, 1, u16(0x0100, length), u32(48_000_000), 1, 1)
    # 3.8.2.2: the class's own word about the interrupt endpoint
    status = endpoint(0x80 | STATUS, 3, 8, 8) + descriptor(0x25, 3, u16(8))
    return interface(0, 0, 1, VIDEO, CONTROL, 2) + header + eye + out + status


def _streaming() -> bytes:
    """The VideoStreaming interface (3.9): MJPEG in one size and rate; the button in hardware (bTriggerSupport)."""
    mjpeg = descriptor(0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0)  # MJPEG payload, 3.1.1
    bits = WIDTH * HEIGHT * RATE_HZ
    size = descriptor(0x24, 7, 1, 0, u16(WIDTH, HEIGHT), u32(bits, bits * 16, FRAME_BYTES, INTERVAL), 1, u32(INTERVAL))
    colour = descriptor(0x24, 0x0D, 1, 1, 4)
    length = 14 + len(mjpeg) + len(size) + len(colour)
    header = descriptor(0x24, 1, 1, u16(length), 0x80 | STREAM, 0, 3, 1, 1, 0, 1, 0)
    return interface(1, 0, 1, VIDEO, STREAMING) + header + mjpeg + size + colour + endpoint(0x80 | STREAM, 2, 512, 0)


def pictures() -> list[bytes]:
    """Different pictures, as JPEG files."""
    coder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(coder, av.VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    coder.framerate = Fraction(RATE_HZ)
    found = []
    for number in range(PICTURES):
        rows = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint32).reshape(HEIGHT, WIDTH, 3) // (97 + 13 * number)
        frame = av.VideoFrame.from_ndarray(rows.astype(np.uint8), format="rgb24")
        found += [bytes(packet) for packet in coder.encode(frame.reformat(format="yuvj420p"))]
    return [*found, *(bytes(packet) for packet in coder.encode(None))]


def show(plug: Plug, shown: list[bytes]) -> None:
    """The thread of the sensor: a picture after the other, each cut into payloads with their header (2.4.3.3)."""
    number = 0
    while True:
        picture, began_s, at = shown[number % len(shown)], time.monotonic(), 0
        while at < len(picture):
            urb = plug.take(STREAM)
            assert urb is not None
            part = picture[at : at + urb.length - 2]
            at += len(part)
            end = END_OF_FRAME if at == len(picture) else 0
            plug.give(urb, bytes([2, END_OF_HEADER | end | number & 1]) + part)
        number += 1
        time.sleep(max(0.0, 1 / RATE_HZ - (time.monotonic() - began_s)))


def press(plug: Plug) -> None:
    """The thread of the button: pressed and let go each second (2.4.2.2, table 2-2)."""
    while True:
        time.sleep(1)
        for state in (1, 0):
            urb = plug.take(STATUS)
            assert urb is not None
            plug.give(urb, bytes([2, 1, 0, state]))


def main(serial: str, port: int) -> None:
    shown = pictures()
    plug = Plug(Camera(serial), port)
    tell("pictures", digests=[hashlib.sha256(picture).hexdigest() for picture in shown])
    run(
        plug,
        threading.Thread(target=show, args=(plug, shown), daemon=True),
        threading.Thread(target=press, args=(plug,), daemon=True),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
