"""A network of one's own: some parties do not take loopback for a network, and no test speaks to another one."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.way import CLONE_NEWNET, IFF_NO_PI, IFF_TUN, TUNSETIFF, why_not

ADDRESS = "10.78.0.1"

__all__ = ["ADDRESS", "own_network", "why_not"]


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and all that it starts, is in a namespace with loopback and `ADDRESS`, from which nothing leaves.

    Needs what `why_not` asks for.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as home:
        _done(libc.unshare(CLONE_NEWNET), "unshare")
        try:
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            try:
                fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"apart", IFF_TUN | IFF_NO_PI))
                for words in ("link set lo up", f"addr add {ADDRESS}/24 dev apart", "link set apart up"):
                    subprocess.run(["ip", *words.split()], check=True)
                subprocess.run(["ip", "route", "add", "default", "dev", "apart"], check=True)
                yield
            finally:
                os.close(device)
        finally:
            _done(libc.setns(home.fileno(), CLONE_NEWNET), "setns")


def _done(answer: int, what: str) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), what)
