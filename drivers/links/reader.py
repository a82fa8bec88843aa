"""One thread that reads all serial ports of a unit.

Twenty devices at 100 Hz wake it, and the event loop, two hundred times a second and not two thousand.
"""

from __future__ import annotations

import os
import select
import threading
import time

from drivers.links.base import Chunk
from drivers.links.handover import HandOver

POLL_S = 0.1  # how long it waits for anything
GATHER_S = 0.006  # what comes so soon after something else is read with it; its stamp is late by so much at most
READ_CAP = 4096  # bytes; the kernel's own buffer


class PortReader:
    """Share one between the links of a process. Its thread lives while there are ports."""

    def __init__(self) -> None:
        self._ports: dict[int, tuple[str, HandOver]] = {}
        self._changes = threading.Lock()  # also held while ports are read: one that was given back is not touched again
        self._epoll: select.epoll | None = None

    def add(self, port: int, name: str, heard: HandOver) -> None:
        """Read this file from now on, until `remove` or until it is lost."""
        with self._changes:
            self._ports[port] = name, heard
            if self._epoll is None:
                self._epoll = select.epoll()
                threading.Thread(target=self._run, args=(self._epoll,), name="serial ports", daemon=True).start()
            self._epoll.register(port, select.EPOLLIN)

    def remove(self, port: int) -> None:
        """Touch this file no more; when this returns it may be closed. Repeatable."""
        with self._changes:
            self._forget(port)

    def _forget(self, port: int) -> None:
        if self._ports.pop(port, None) is not None and self._epoll is not None:
            self._epoll.unregister(port)

    def _run(self, epoll: select.epoll) -> None:
        while True:
            ready = epoll.poll(POLL_S)
            with self._changes:
                if not self._ports:
                    self._epoll = None
                    epoll.close()
                    return
                woken = [heard for port, _ in ready if (heard := self._read(port)) is not None]
            HandOver.wake(woken)
            if ready:
                time.sleep(GATHER_S)

    def _read(self, port: int) -> HandOver | None:
        """Take what has come; who is to be told of it."""
        if port not in self._ports:
            return None
        name, heard = self._ports[port]
        arrival_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        try:
            data = os.read(port, READ_CAP)
        except OSError as error:
            data, why = b"", f"{name}: gone: {error}"
        else:
            why = f"{name}: gone"  # ready, and nothing there: the device has left
        if data:
            heard.put(Chunk(data, arrival_ns), wake=False)
        else:
            self._forget(port)
            heard.lose(why)
        return heard
