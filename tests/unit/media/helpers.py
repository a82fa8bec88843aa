"""Readers that a test drives by hand, and waits with a deadline."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from appliance.clock import boottime_ns
from drivers.core.errors import LinkLost
from drivers.links.audio import Period
from drivers.links.camera import Frame
from drivers.links.formats import Coding

T = TypeVar("T")
DEADLINE_S = 5.0


class Hand(Generic[T]):
    """What the test puts is read; an exception that it puts is raised."""

    def __init__(self) -> None:
        self.items: queue.Queue[T | Exception] = queue.Queue()
        self.opened = 0
        self.closed = 0

    def open(self) -> Hand[T]:
        self.opened += 1
        return self

    def read(self) -> T:
        try:
            item = self.items.get(timeout=0.05)
        except queue.Empty:
            raise LinkLost("nothing more") from None
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, "the condition did not come true in time"
        time.sleep(0.005)


async def become(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.005)


def grey(value: int, width: int = 64, height: int = 48, capture_ns: int | None = None) -> Frame:
    """One plain picture, packed yuv420p."""
    data = bytes([value]) * (width * height) + bytes([128]) * (width * height // 2)
    return Frame(data, Coding.YUV420P, width, height, boottime_ns() if capture_ns is None else capture_ns)


def tone(frequency_hz: float, rate_hz: int, seconds: float, peak: int = 16000) -> NDArray[np.int16]:
    instants = np.arange(round(rate_hz * seconds)) / rate_hz
    return np.asarray(np.rint(peak * np.sin(2 * np.pi * frequency_hz * instants)), np.int16)


def gain_db(heard: NDArray[np.float64], frequency_hz: float, rate_hz: int, peak: int = 16000) -> float:
    """Level of one tone in a sound against what it was, by least squares."""
    instants = np.arange(len(heard)) / rate_hz
    waves = np.stack([np.cos(2 * np.pi * frequency_hz * instants), np.sin(2 * np.pi * frequency_hz * instants)], axis=1)
    parts, *_ = np.linalg.lstsq(waves, heard, rcond=None)
    return float(20 * np.log10(np.hypot(*parts) / peak))


def period(samples: NDArray[np.int16], rate_hz: int = 8000, capture_ns: int = 0) -> Period:
    return Period(samples, rate_hz, capture_ns)
