"""Ends pure code that does not end by itself (docs/decisions/0007)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ClassVar, TypeVar

from drivers.core.errors import ChevetError

T = TypeVar("T")

CPU_S = 0.05  # of this thread's own time: the fastest devices need less than a hundredth of it for a chunk
WALL_S = 0.5  # code that waits uses none, and is ended all the same
AGAIN_S = 0.01  # for code that swallowed the first


class DriverSpun(ChevetError):  # noqa: N818 - it says what the driver did
    """A driver's code did not come to an end, and was ended."""


class _Enough(BaseException):
    """Raised in the midst of a driver's code; no `except Exception` there takes it."""


class Guard:
    """Call it with pure work: its result, or `DriverSpun` once it has taken too long.

    The alarm (SIGALRM) is set while the work runs and at no other time; one that comes late finds nobody inside and
    does nothing. Only the main thread can be interrupted so: work in another thread runs unguarded. Work that sits in
    one call of C that looks at no signal, or takes every `BaseException` for ever, is not ended.
    """

    _listening: ClassVar[Guard | None] = None  # whose the process's one alarm is

    def __init__(self, cpu_s: float = CPU_S, wall_s: float = WALL_S) -> None:
        self._cpu_s, self._wall_s = cpu_s, wall_s
        self._inside = False
        self._cpu_from = self._wall_from = 0.0

    def __call__(self, work: Callable[[], T]) -> T:
        """Do the work. Not to be nested."""
        if threading.current_thread() is not threading.main_thread():
            return work()
        if Guard._listening is not self:  # asking `signal` would cost more than all the rest
            signal.signal(signal.SIGALRM, self._alarm)
            signal.siginterrupt(signal.SIGALRM, False)
            Guard._listening = self
        self._cpu_from, self._wall_from = time.thread_time(), time.monotonic()
        try:
            return self._watched(work)
        except _Enough as enough:
            raise DriverSpun(f"no end after {self._cpu_s * 1000:g} ms, in {enough}") from None

    def _watched(self, work: Callable[[], T]) -> T:
        self._inside = True
        try:
            signal.setitimer(signal.ITIMER_REAL, self._cpu_s, AGAIN_S)
            return work()
        finally:
            # CPython looks for signals at calls and jumps back: none can come between leaving the work and this line.
            self._inside = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _alarm(self, _number: int, frame: FrameType | None) -> None:
        # A machine that did not let us run is not the driver's fault.
        used_s, passed_s = time.thread_time() - self._cpu_from, time.monotonic() - self._wall_from
        if self._inside and (used_s >= self._cpu_s or passed_s >= self._wall_s):
            raise _Enough("unknown code" if frame is None else f"{frame.f_code.co_qualname}, line {frame.f_lineno}")
