"""Tells when the machine's addresses or routes change: the kernel says so over netlink (rtnetlink(7)), at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from appliance.media.aioice_inside import host_addresses

# linux/rtnetlink.h: RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
SETTLE_S = 0.2  # an address, its route and its link come as several messages
MOST_BYTES = 65536

Changed = Callable[[frozenset[str]], None]


async def watch(changed: Changed) -> None:
    """Call `changed` with the addresses that there are, now and after each change; until cancelled."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, GROUPS))
        changed(host_addresses())
        while True:
            await _something(loop, kernel)
            await asyncio.sleep(SETTLE_S)
            _drain(kernel)
            changed(host_addresses())


async def _something(loop: asyncio.AbstractEventLoop, kernel: socket.socket) -> None:
    # What it says is not read: a full socket says ENOBUFS, and that something changed is all that is asked.
    with suppress(OSError):
        await loop.sock_recv(kernel, MOST_BYTES)


def _drain(kernel: socket.socket) -> None:
    while True:
        try:
            kernel.recv(MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            continue
