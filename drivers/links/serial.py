"""Serial ports: opened for us alone, every arrival stamped as it is read, lost the moment the cable goes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
from collections.abc import AsyncIterator

import serial

from drivers.core.driver import Uart
from drivers.core.errors import LinkError, LinkLost, NotThere
from drivers.links.base import Chunk
from drivers.links.handover import HandOver
from drivers.links.reader import PortReader

WRITE_S = 1.0  # a device that takes no bytes for so long is gone
# What the kernel says of a port that went before or while it was opened.
GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO})


class SerialLink:
    """One serial port, named by its stable path (`/dev/serial/by-id/...` or by-path). Use with `async with`, once."""

    def __init__(self, port: str, claim: Uart, reader: PortReader | None = None) -> None:
        """`reader`: shared by all links of the unit; without it this one has its own."""
        self._port, self._claim = port, claim
        self._reader = reader or PortReader()

    async def __aenter__(self) -> SerialLink:
        self._serial = await asyncio.to_thread(self._open)
        self._heard = HandOver()
        self._reader.add(self._serial.fileno(), self._port, self._heard)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._reader.remove(self._serial.fileno())
        self._heard.lose(f"{self._port}: no longer read")
        await asyncio.to_thread(self._close)

    @property
    def dropped(self) -> int:
        """Chunks lost because nobody took them in time."""
        return self._heard.dropped

    def chunks(self) -> AsyncIterator[Chunk]:
        """Bytes as they arrive, until `LinkLost`."""
        return self._heard.chunks()

    async def write(self, data: bytes, channel: str = "") -> None:
        """Send bytes; `LinkLost` if the port is gone or takes none for a second."""
        if self._heard.lost is not None:
            raise LinkLost(self._heard.lost)
        try:
            await asyncio.to_thread(self._serial.write, data)
        except OSError as error:
            why = f"{self._port}: cannot write: {error}"
            self._heard.lose(why)
            raise LinkLost(why) from None

    def _open(self) -> serial.Serial:
        claim = self._claim
        try:
            opened = serial.Serial(
                self._port,
                baudrate=claim.baud,
                bytesize=claim.bits,
                parity=claim.parity,
                stopbits=claim.stop,
                timeout=0,
                write_timeout=WRITE_S,
                exclusive=True,
            )
            _keep_lines_raised(opened.fileno())
        except (OSError, ValueError, termios.error) as error:  # pyserial's own are OSErrors
            raise self._refusal(error) from None
        return opened

    def _refusal(self, error: Exception) -> LinkError:
        """What went wrong, and who can do what about it."""
        number = error.errno if isinstance(error, OSError) else None
        if number in GONE:
            return NotThere(f"{self._port}: nothing is plugged in there ({os.strerror(number or 0)})")
        if number in {errno.EACCES, errno.EPERM}:
            return LinkError(f"{self._port}: permission refused: the user of the service must be in the port's group")
        if number in {errno.EAGAIN, errno.EBUSY}:
            return LinkError(f"{self._port}: another program has it: {error}")
        asked = f"{self._claim.baud} {self._claim.bits}{self._claim.parity}{self._claim.stop:g}"
        return LinkError(f"{self._port}: cannot open at {asked}: {error}")

    def _close(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            self._serial.reset_output_buffer()  # the kernel would wait for it, up to 30 s
        with contextlib.suppress(OSError):
            self._serial.close()


def _keep_lines_raised(fd: int) -> None:
    """DTR and RTS stay as the first opening raised them when the port is closed (termios(3), HUPCL off).

    Raised, because scales and isolated cables take their power from them and some devices speak only then; kept so,
    because a device that resets on a falling DTR would reset at each attempt to open it again.
    """
    settings = termios.tcgetattr(fd)
    settings[2] &= ~termios.HUPCL
    termios.tcsetattr(fd, termios.TCSANOW, settings)
