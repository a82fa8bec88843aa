"""A pulse oximeter on a pseudo-terminal: a Contec CMS50D+ as its driver finds it, pulled and plugged at will.

It speaks the device's 9-byte packets (docs/devices: byte 0 type, byte 1 the top bits of seven data bytes, all but the
first with bit 7 set), starts on the start command, and falls silent without its keep-alive, as the real one does.
The values are made up; the pseudo-terminal, the serial port and the driver are the real ones.
"""

from __future__ import annotations

import logging
import math
import os
import select
import termios
import threading
import time
import tty
from pathlib import Path

log = logging.getLogger(__name__)

RATE_HZ = 60
START = bytes.fromhex("7d81a1")
KEEP_ALIVE = bytes.fromhex("7d81af")
SILENT_AFTER_S = 30.0
PULSE_BPM = 68
MAX_HEARD = 64


def packet(*, signal: int, pleth: int, bar: int, pulse: int, spo2: int) -> bytes:
    """One realtime packet."""
    data = (signal, pleth, bar, pulse, spo2, 0xFF, 0xFF)
    tops = sum((value >> 7) << bit for bit, value in enumerate(data))
    return bytes((0x01, 0x80 | tops, *(0x80 | value for value in data)))


def moment(seconds: float) -> bytes:
    """What the device says at this instant: a pulse of 68, saturation drifting between 96 and 98."""
    phase = (seconds * PULSE_BPM / 60) % 1.0
    wave = math.exp(-((phase - 0.18) ** 2) / 0.008) + 0.35 * math.exp(-((phase - 0.5) ** 2) / 0.02)
    spo2 = 97 + round(math.sin(seconds / 19))
    return packet(signal=5, pleth=20 + round(75 * wave), bar=2 + round(10 * wave), pulse=PULSE_BPM, spo2=spo2)


class Oximeter:
    """`start` makes the port appear at `path`, `stop` takes it away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unplugged = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """The port appears, under the same name and perhaps as another node."""
        if self._thread is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = os.openpty()
        tty.setraw(theirs, termios.TCSANOW)
        os.set_blocking(ours, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(theirs))
        self._unplugged.clear()
        self._thread = threading.Thread(target=self._run, args=(ours, theirs), name="demo oximeter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The port is gone, in the middle of a packet if need be."""
        if self._thread is None:
            return
        self._path.unlink(missing_ok=True)
        self._unplugged.set()
        self._thread.join(2.0)
        self._thread = None

    def _run(self, ours: int, theirs: int) -> None:
        # Our copy of the other end keeps the port alive between two openings of the driver.
        try:
            self._talk(ours)
        finally:
            os.close(theirs)
            os.close(ours)

    def _talk(self, port: int) -> None:
        heard, asked_s, due_s, sample = b"", -math.inf, time.monotonic(), 0
        while not self._unplugged.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + 1 / RATE_HZ, time.monotonic() - 0.1)
            heard = (heard + _read(port))[-MAX_HEARD:]
            if START in heard or KEEP_ALIVE in heard:
                heard, asked_s = b"", time.monotonic()
            if time.monotonic() - asked_s < SILENT_AFTER_S:
                _write(port, moment(sample / RATE_HZ))  # a late sample is still the next one
                sample += 1


def _read(port: int) -> bytes:
    ready, _, _ = select.select([port], [], [], 0)
    try:
        return os.read(port, 256) if ready else b""
    except OSError:  # nobody has the other end open
        return b""


def _write(port: int, data: bytes) -> None:
    try:
        os.write(port, data)
    except BlockingIOError:
        log.debug("nobody reads the oximeter")
