"""One thread that reads one piece of hardware, hands on what it reads, and opens it again when it comes back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from appliance.clock import boottime_ns
from drivers.core.errors import LinkError, LinkLost

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
# A camera in a dark room gives 7.5 pictures a second; a lost one must be told within 0.6 s.
QUIET_NS = 450_000_000
JOIN_S = 2.0

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Reader(Protocol[T_co]):
    """Something open that gives items in the order of their capture. Used by one thread only."""

    def read(self) -> T_co:
        """The next item; blocks until there is one. `LinkLost` when the hardware is gone."""
        ...

    def close(self) -> None:
        """Give the hardware back."""
        ...


class State(StrEnum):
    """Of a source: never seen, giving, was there and is gone (docs/protocol.md section 5, `source`)."""

    ABSENT = "absent"
    LIVE = "live"
    LOST = "lost"


class Capture(Generic[T]):
    """Opens, reads, delivers; on loss closes and opens again with growing pauses. `deliver` runs in the thread."""

    def __init__(self, key: str, open_: Callable[[], Reader[T]], deliver: Callable[[T], None]) -> None:
        self._key, self._open, self._deliver = key, open_, deliver
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._plugged = 0  # how often it was: a reader that was opened before the last time is closed
        self._flowing = False
        self._last_ns: int | None = None
        self.reader: Reader[T] | None = None  # what is open now

    @property
    def state(self) -> State:
        """What can be said now. Silence longer than `QUIET_NS` is a loss even if the hardware has not said so."""
        if self._last_ns is None:
            return State.ABSENT
        fresh = boottime_ns() - self._last_ns <= QUIET_NS
        return State.LIVE if self._flowing and self._wanted.is_set() and fresh else State.LOST

    def start(self) -> None:
        """Begin, or begin again after `stop`."""
        self._plugged += not self._wanted.is_set()
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"capture-{self._key}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Behave as if the plug were pulled, at once, until `start`."""
        self._wanted.clear()
        self._flowing = False

    async def aclose(self) -> None:
        """End the thread. A reader that hangs in its driver is left behind: the thread is a daemon."""
        self._ended.set()
        self._wanted.set()
        self._flowing = False
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, JOIN_S)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._ended.is_set():
            self._wanted.wait()
            before = self._last_ns
            self._once()
            pause_s = FIRST_PAUSE_S if self._last_ns != before else min(2 * pause_s, LONGEST_PAUSE_S)
            if self._wanted.is_set():
                self._ended.wait(pause_s)

    def _once(self) -> None:
        plugged = self._plugged
        try:
            with closing(self._open()) as reader:
                self.reader = reader
                while plugged == self._plugged and self._wanted.is_set() and not self._ended.is_set():
                    self._hand_on(reader.read())
        except LinkError as error:
            log.debug("%s: %s", self._key, error)
        except LinkLost as error:
            log.info("%s lost: %s", self._key, error)
        except Exception:
            # A fault of a reader is one source lost, to be tried again; it must not end the thread unseen.
            log.exception("%s: reader failed", self._key)
        finally:
            self._flowing, self.reader = False, None

    def _hand_on(self, item: T) -> None:
        if self._ended.is_set() or not self._wanted.is_set():
            return
        self._deliver(item)
        if not self._flowing:
            log.info("%s live", self._key)
        self._flowing, self._last_ns = True, boottime_ns()
