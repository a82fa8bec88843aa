"""What the kernel has set a serial port to, whoever opened it: `settings_of NAME`, NAME with `*` as in a shell.

Who holds a port exclusively (flock(2)) keeps out only those who ask for the lock. Tells `settings`.
"""

from __future__ import annotations

import os
import sys
import termios
from pathlib import Path

from tests.guest.inside.telling import tell

BAUDS = {termios.B2400: 2400, termios.B9600: 9600, termios.B19200: 19200}
BITS = {termios.CS7: 7, termios.CS8: 8}


def main(name: str) -> None:
    path = next(iter(Path("/").glob(name.lstrip("/"))))
    port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        flags, speed = termios.tcgetattr(port)[2], termios.tcgetattr(port)[5]
    finally:
        os.close(port)
    odd = "O" if flags & termios.PARODD else "E"
    tell(
        "settings",
        baud=BAUDS[speed],
        bits=BITS[flags & termios.CSIZE],
        parity=odd if flags & termios.PARENB else "N",
        stop=2 if flags & termios.CSTOPB else 1,
    )


if __name__ == "__main__":
    main(sys.argv[1])
