"""A simulated stethoscope: USB Audio Class 1.0, one channel of 16 bits at 48 kHz, isochronous.

`microphone SERIAL PORT`. Not real: the microphone and the USB device (this file), the bus's clock. Real:
snd-usb-audio, ALSA, udev. Chapters are those of the USB Audio Class definition 1.0. Its sound is a ramp: sample n is n
modulo 30011, so that what is missing, doubled or changed shows.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from collections.abc import Sequence

from tests.guest.inside.telling import tell
from tests.guest.inside.usb import (
    Plug,
    Setup,
    Speed,
    configuration,
    descriptor,
    interface,
    run,
    u16,
)

RATE_HZ, PACKET_SAMPLES = 48000, 48  # one packet a millisecond
RAMP = 30011
AUDIO, CONTROL, STREAMING = 1, 1, 2
STREAM = 1
LATEST_S = 0.5  # who is later than this goes on from now, without a burst


class Microphone:
    """The microphone's words about itself."""

    speed = Speed.FULL
    device = descriptor(1, u16(0x0110), 0, 0, 0, 64, u16(0x1D6B, 0x0105, 0x0100), 1, 2, 3, 1)

    def __init__(self, serial: str) -> None:
        self.strings: Sequence[str] = ("Simulated", "Stethoscope", serial)
        self.configuration = configuration(2, _control() + _streaming())

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """Taken without a word: there is one rate (5.2.3.2.3.1)."""
        return None if setup.to_host else b""


def _control() -> bytes:
    """The AudioControl interface (4.3): a microphone's terminal that goes to USB."""
    ear = descriptor(0x24, 2, 1, u16(0x0201), 0, 1, u16(0), 0, 0)
    out = descriptor(0x24, 3, 2, u16(0x0101), 0, 1, 0)
    header = descriptor(0x24, 1, u16(0x0100, 9 + len(ear) + len(out)), 1, 1)
    return interface(0, 0, 0, AUDIO, CONTROL) + header + ear + out


def _streaming() -> bytes:
    """The AudioStreaming interface (4.5): silent, or PCM of 16 bits; asynchronous endpoint (4.6.1.1)."""
    general = descriptor(0x24, 1, 2, 1, u16(1))
    pcm = descriptor(0x24, 2, 1, 1, 2, 16, 1, RATE_HZ.to_bytes(3, "little"))
    stream = descriptor(5, 0x80 | STREAM, 5, u16(2 * PACKET_SAMPLES + 4), 1, 0, 0)
    ours = descriptor(0x25, 1, 0, 0, u16(0))
    return interface(1, 0, 0, AUDIO, STREAMING) + interface(1, 1, 1, AUDIO, STREAMING) + general + pcm + stream + ours


def sound(first: int, count: int) -> bytes:
    """Samples of the ramp from the `first` on."""
    return struct.pack(f"<{count}h", *(number % RAMP for number in range(first, first + count)))


def play(plug: Plug) -> None:
    """The thread of the microphone: each transfer is complete when its packets' time is over."""
    at, due_s = 0, 0.0
    while True:
        urb = plug.take(STREAM)
        assert urb is not None
        now_s = time.monotonic()
        due_s = max(due_s, now_s - LATEST_S) + len(urb.packets) / 1000 if due_s else now_s
        time.sleep(max(0.0, due_s - now_s))
        data = sound(at, PACKET_SAMPLES * len(urb.packets))
        at += PACKET_SAMPLES * len(urb.packets)
        plug.give(urb, data, [2 * PACKET_SAMPLES] * len(urb.packets))


def main(serial: str, port: int) -> None:
    plug = Plug(Microphone(serial), port)
    tell("plugged")
    run(plug, threading.Thread(target=play, args=(plug,), daemon=True))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
