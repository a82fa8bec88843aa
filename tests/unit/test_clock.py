"""How far the wall clock may be off, as the kernel says it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from appliance import clock

TIME_OK, TIME_ERROR = 0, 5


class Timex(ctypes.Structure):
    """The head of struct timex (adjtimex(2)), on a machine of 64 bits."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
    )


class Kernel:
    """Says what it is told to."""

    def __init__(self, state: int, maxerror_us: int) -> None:
        self._state, self._maxerror_us = state, maxerror_us
        self.modes: list[int] = []

    def adjtimex(self, buffer: Any) -> int:
        told = Timex.from_buffer(buffer)
        self.modes.append(told.modes)
        told.offset, told.freq, told.maxerror, told.esterror = 11, 22, self._maxerror_us, 44
        return self._state


@pytest.mark.parametrize(("state", "error_s"), [(TIME_OK, 0.016), (TIME_ERROR, None), (-1, None)])
def test_the_error_is_the_kernels_and_none_where_nothing_disciplines_the_clock(
    monkeypatch: pytest.MonkeyPatch, state: int, error_s: float | None
) -> None:
    kernel = Kernel(state, 16_000)
    monkeypatch.setattr(clock, "_libc", kernel)
    assert clock.wall_error_s() == error_s
    assert clock.now().error_s == error_s
    assert clock.at(clock.boottime_ns()).error_s == error_s
    assert set(kernel.modes) == {0}, "the clock is read, never set"


def test_this_machines_own_kernel_answers() -> None:
    error_s = clock.wall_error_s()
    assert error_s is None or 0 <= error_s < 3600
