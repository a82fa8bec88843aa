"""ALSA's own library, called directly: one PCM to capture from, with the period that was asked for.

FFmpeg's demuxer can neither set the period nor tell an overrun, and pyalsaaudio has no wheel: a unit would need a
compiler. libasound (LGPL, on every unit with sound) is stable since 2005; these are the calls that capture takes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_uint, c_ulong, c_void_p
from typing import Any

from drivers.core.errors import LinkError, LinkLost

LIBRARY = "libasound.so.2"
# include/pcm.h of alsa-lib
CAPTURE, NONBLOCK, INTERLEAVED, S16_LE = 1, 1, 3, 2
STAMPED, MONOTONIC = 1, 1
PERIODS = 8  # of the card's buffer: how late a reader may be is seven of them
WAIT_MS = 1000  # a card that gives nothing for so long is gone
STALE_NS = 1_000_000_000


# libasound writes its errors to stderr, each time a card is looked for that is not plugged in: we tell them ourselves.
_SILENT = ctypes.CFUNCTYPE(None, c_char_p, c_int, c_char_p, c_int, c_char_p)(lambda *_: None)


class Overrun(Exception):  # noqa: N818 - it says what happened
    """The card's buffer was full before it was read: samples are lost, the stream goes on after them."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", c_long), ("nanoseconds", c_long))


# What is called, and with what; each gives an int (or frames as a long), negative for -errno.
_CALLS: dict[str, tuple[Any, ...]] = {
    "snd_pcm_open": (POINTER(c_void_p), c_char_p, c_int, c_int),
    "snd_pcm_close": (c_void_p,),
    "snd_pcm_hw_params_malloc": (POINTER(c_void_p),),
    "snd_pcm_hw_params_any": (c_void_p, c_void_p),
    "snd_pcm_hw_params_set_rate_resample": (c_void_p, c_void_p, c_uint),
    "snd_pcm_hw_params_set_access": (c_void_p, c_void_p, c_int),
    "snd_pcm_hw_params_set_format": (c_void_p, c_void_p, c_int),
    "snd_pcm_hw_params_set_channels_near": (c_void_p, c_void_p, POINTER(c_uint)),
    "snd_pcm_hw_params_test_rate": (c_void_p, c_void_p, c_uint, c_int),
    "snd_pcm_hw_params_set_rate": (c_void_p, c_void_p, c_uint, c_int),
    "snd_pcm_hw_params_set_period_size_near": (c_void_p, c_void_p, POINTER(c_ulong), POINTER(c_int)),
    "snd_pcm_hw_params_set_buffer_size_near": (c_void_p, c_void_p, POINTER(c_ulong)),
    "snd_pcm_hw_params": (c_void_p, c_void_p),
    "snd_pcm_sw_params_malloc": (POINTER(c_void_p),),
    "snd_pcm_sw_params_current": (c_void_p, c_void_p),
    "snd_pcm_sw_params_set_tstamp_mode": (c_void_p, c_void_p, c_int),
    "snd_pcm_sw_params_set_tstamp_type": (c_void_p, c_void_p, c_int),
    "snd_pcm_sw_params_set_avail_min": (c_void_p, c_void_p, c_ulong),
    "snd_pcm_sw_params": (c_void_p, c_void_p),
    "snd_pcm_start": (c_void_p,),
    "snd_pcm_prepare": (c_void_p,),
    "snd_pcm_wait": (c_void_p, c_int),
    "snd_pcm_readi": (c_void_p, c_void_p, c_ulong),
    "snd_pcm_htimestamp": (c_void_p, POINTER(c_ulong), POINTER(_Timespec)),
}


def library() -> Any:
    """libasound, with the types of what is called here. `LinkError` where it is not installed."""
    try:
        lib = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise LinkError(f"sound: {LIBRARY} is not installed: {error}") from error
    for name, arguments in _CALLS.items():
        getattr(lib, name).argtypes = arguments
    lib.snd_pcm_readi.restype = c_long
    lib.snd_lib_error_set_handler(_SILENT)
    for name in ("snd_pcm_hw_params_free", "snd_pcm_sw_params_free"):
        getattr(lib, name).argtypes, getattr(lib, name).restype = (c_void_p,), None
    return lib


class Pcm:
    """One card, capturing 16 bits. Blocking: for a thread. `rate_hz`, `channels`, `period`: as the card took them.

    `rates_hz`: those that will do, best first; the first that the card has itself is taken. `period` in frames.
    """

    def __init__(self, device: str, rates_hz: tuple[int, ...], channels: int, period: int, lib: Any = None) -> None:
        self._lib = library() if lib is None else lib
        self._device = device
        self._pcm = c_void_p()
        # Not blocking: a card that somebody else holds would else keep us waiting inside the kernel, for ever.
        self._done(self._lib.snd_pcm_open(byref(self._pcm), device.encode(), CAPTURE, NONBLOCK), "open")
        try:
            self.rate_hz, self.channels, self.period = self._hardware(rates_hz, channels, period)
            self._software()
            self._done(self._lib.snd_pcm_start(self._pcm), "start")
        except LinkError:
            self.close()
            raise
        self._buffer = ctypes.create_string_buffer(self.period * self.channels * 2)

    def read(self) -> tuple[bytes, int]:
        """One period, interleaved, and CLOCK_BOOTTIME of its end. `Overrun`; `LinkLost` when the card is gone."""
        data = b""
        wanted = len(self._buffer)
        while len(data) < wanted:
            room = (wanted - len(data)) // (2 * self.channels)
            frames = self._lib.snd_pcm_readi(self._pcm, self._buffer, room)
            if frames == -errno.EAGAIN:
                frames = self._wait()
            if frames in {-errno.EPIPE, -errno.ESTRPIPE}:
                self._again()
            if frames < 0:
                raise LinkLost(f"sound card {self._device}: gone: {os.strerror(-frames)}")
            data += self._buffer.raw[: frames * 2 * self.channels]
        return data, self._end_ns()

    def close(self) -> None:
        """Give the card back. Harmless when it is already gone."""
        pcm, self._pcm = self._pcm, c_void_p()
        if pcm:
            self._lib.snd_pcm_close(pcm)

    def _wait(self) -> int:
        ready = int(self._lib.snd_pcm_wait(self._pcm, WAIT_MS))
        if ready == 0:
            raise LinkLost(f"sound card {self._device}: gone: no sample for {WAIT_MS} ms")
        return min(ready, 0)

    def _again(self) -> None:
        for again in (self._lib.snd_pcm_prepare, self._lib.snd_pcm_start):
            failed = again(self._pcm)
            if failed < 0:
                raise LinkLost(f"sound card {self._device}: gone after an overrun: {os.strerror(-failed)}")
        raise Overrun

    def _end_ns(self) -> int:
        """When the last sample that was read was captured: the card's stamp, less what waits behind it."""
        boot_ns, now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.monotonic_ns()
        waiting, stamp = c_ulong(), _Timespec()
        if self._lib.snd_pcm_htimestamp(self._pcm, byref(waiting), byref(stamp)) < 0:
            return boot_ns
        stamp_ns = stamp.seconds * 1_000_000_000 + stamp.nanoseconds
        age_ns = now_ns - stamp_ns + waiting.value * 1_000_000_000 // self.rate_hz
        return boot_ns - age_ns if 0 <= age_ns < STALE_NS else boot_ns

    def _hardware(self, rates_hz: tuple[int, ...], channels: int, period: int) -> tuple[int, int, int]:
        lib, params = self._lib, c_void_p()
        self._done(lib.snd_pcm_hw_params_malloc(byref(params)), "hw_params")
        try:
            self._done(lib.snd_pcm_hw_params_any(self._pcm, params), "hw_params")
            # A card behind a converter ("default") must not invent samples: its own rate, or none.
            self._done(lib.snd_pcm_hw_params_set_rate_resample(self._pcm, params, 0), "no resampling")
            self._done(lib.snd_pcm_hw_params_set_access(self._pcm, params, INTERLEAVED), "interleaved samples")
            self._done(lib.snd_pcm_hw_params_set_format(self._pcm, params, S16_LE), "samples of 16 bits")
            lanes, frames = c_uint(channels), c_ulong(period)
            self._done(lib.snd_pcm_hw_params_set_channels_near(self._pcm, params, byref(lanes)), "channels")
            has = [rate for rate in rates_hz if lib.snd_pcm_hw_params_test_rate(self._pcm, params, rate, 0) == 0]
            if not has:
                raise LinkError(f"sound card {self._device}: has none of the rates {rates_hz} Hz")
            self._done(lib.snd_pcm_hw_params_set_rate(self._pcm, params, has[0], 0), "rate")
            self._done(lib.snd_pcm_hw_params_set_period_size_near(self._pcm, params, byref(frames), None), "period")
            buffer = c_ulong(frames.value * PERIODS)
            self._done(lib.snd_pcm_hw_params_set_buffer_size_near(self._pcm, params, byref(buffer)), "buffer")
            self._done(lib.snd_pcm_hw_params(self._pcm, params), "these settings")
            return has[0], lanes.value, frames.value
        finally:
            lib.snd_pcm_hw_params_free(params)

    def _software(self) -> None:
        lib, params = self._lib, c_void_p()
        self._done(lib.snd_pcm_sw_params_malloc(byref(params)), "sw_params")
        try:
            self._done(lib.snd_pcm_sw_params_current(self._pcm, params), "sw_params")
            lib.snd_pcm_sw_params_set_tstamp_mode(self._pcm, params, STAMPED)
            lib.snd_pcm_sw_params_set_tstamp_type(self._pcm, params, MONOTONIC)
            self._done(lib.snd_pcm_sw_params_set_avail_min(self._pcm, params, self.period), "wake-up")
            self._done(lib.snd_pcm_sw_params(self._pcm, params), "sw_params")
        finally:
            lib.snd_pcm_sw_params_free(params)

    def _done(self, result: int, what: str) -> None:
        if result < 0:
            raise LinkError(f"sound card {self._device}: cannot open: {what}: {os.strerror(-result)}")
