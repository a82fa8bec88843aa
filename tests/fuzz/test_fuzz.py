"""Every driver under coverage-guided fuzzing for a bounded time, and every input that once broke one.

`CHEVET_FUZZ_S` sets the seconds for each driver; without it, each has a fixed number of runs, the same ones every time.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.core.driver import Decoder, Driver, Framer, Whole
from drivers.core.errors import PacketError
from drivers.core.model import Ask, Event, Notice, Packet
from drivers.registry import DRIVERS
from tests.devices.captures import CAPTURES, recorded
from tests.fuzz.target import TARGET, Broken, channels_of, pieces, play, report, seed

ROOT = Path(__file__).parent.parent.parent
REGRESSIONS = Path(__file__).parent / "regressions"
RUNS, AT_MOST_S = 4000, 6
SECONDS = os.environ.get("CHEVET_FUZZ_S")
LIMITS = [f"-max_total_time={SECONDS}"] if SECONDS else [f"-runs={RUNS}", f"-max_total_time={AT_MOST_S}"]
# One input may take a second and half a gigabyte, and no more.
BOUNDS = ["-seed=1", "-timeout=5", "-rss_limit_mb=512", "-print_final_stats=1"]

CUFF = DRIVERS["ble-blood-pressure"]


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris does not install on this Python")
@pytest.mark.parametrize("name", DRIVERS)
def test_whatever_the_bytes(name: str) -> None:
    command = [sys.executable, "-m", TARGET, name, *LIMITS, *BOUNDS]
    limit_s = float(SECONDS or AT_MOST_S) + 60
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False)
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr[-4000:]}"
    assert "Done" in found.stderr, found.stderr[-2000:]


@pytest.mark.parametrize(
    "path", sorted(REGRESSIONS.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_what_was_once_found(path: Path) -> None:
    play(DRIVERS[path.parent.name], path.read_bytes())


@pytest.mark.parametrize("name", CAPTURES)
def test_every_capture_is_a_seed_and_keeps_the_invariant(name: str) -> None:
    driver, capture = DRIVERS[CAPTURES[name].driver], CAPTURES[name]
    made = seed(driver, recorded(capture))
    assert b"".join(data for data, _ in pieces(driver, made)) == b"".join(data for data, _ in recorded(capture))
    play(driver, made)


class Leaky:
    """A framer that counts wrongly."""

    skipped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Counts more than there is."""
        self.skipped += len(data) + 1
        return []


def crash(packet: Packet) -> list[Event]:
    raise KeyError(packet.data)


def honest(packet: Packet) -> list[Event]:
    raise PacketError("no")


def flood(packet: Packet) -> list[Event]:
    return [Notice("battery-low")] * 1000


def unknown(packet: Packet) -> list[Event]:
    return [Notice("no such notice")]


def inflate(packet: Packet) -> list[Event]:
    return [Ask(b"\x0a")]


@pytest.mark.parametrize(
    ("decode", "words"),
    [
        (crash, "KeyError"),
        (flood, "Broken: 1000 events of 1 bytes"),
        (unknown, "Broken: notice 'no such notice' is not in the table"),
        (inflate, "ForbiddenWords: ble-blood-pressure: 0a"),
    ],
)
def test_a_driver_that_breaks_the_invariant_is_found(decode: Decoder, words: str) -> None:
    data = bytes((1, 0, 0xFF))
    with pytest.raises(Exception) as caught:
        play(made(decode), data)
    text = report(CUFF, data, caught.value)
    assert words in text
    assert "bytes: 0100ff" in text


def test_a_driver_that_keeps_it_is_not() -> None:
    play(made(honest), bytes((1, 0, 0xFF)))


def test_a_framer_that_counts_wrongly_is_found() -> None:
    with pytest.raises(Broken, match="2 of 1 bytes skipped, before it were 0"):
        play(made(honest, Leaky), bytes((1, 0, 0xFF)))


def made(decode: Decoder, framer: Callable[[], Framer] = Whole) -> Driver:
    """A driver that decodes so."""
    return replace(CUFF, decoder=lambda: decode, framer=framer)


def test_what_is_beside_a_stream_goes_round_its_framer_here_too() -> None:
    stream = replace(DRIVERS["bci-oximeter-ble"], framer=Swallowing)
    play(stream, bytes((1, channels_of(stream).index("2a19"), 0x50)))
    with pytest.raises(AssertionError, match="50"):
        play(stream, bytes((1, 0, 0x50)))


class Swallowing:
    """A framer that wants nothing."""

    skipped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Fails."""
        raise AssertionError(data.hex())
