"""Ways that lose and narrow: what the doctor still sees and hears, of the unit and of a browser in its place.

    python -m tests.bench.bench_ways NAME [ours|chromium] [TIMES]    one of `CASES`, told as it goes

`CHEVET_BENCH_REPEATS` sets how often each case runs (default 1: the whole would take an hour at 5).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from tests.bench.media_call import HEIGHT, RATE_HZ, WIDTH, film
from tests.bench.way import Way, Weather, way, why_not
from tests.peers.test_media_browser import CHROMIUM

AREA = "ways"
LIMIT_S = 3600.0
REPEATS = int(os.environ.get("CHEVET_BENCH_REPEATS", "1"))
SETTLE_S = 6.0  # on a free way of 25 ms, before the weather
FREE = Weather()
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Case:
    """Pictures over a way whose weather changes: (seconds, weather) one after another, all of it watched."""

    pictures: int
    weather: tuple[tuple[float, Weather], ...]
    freezes: int  # at most, of all pictures together
    fps: float | None = None  # at least, of each picture
    sudden: bool = True  # the weather comes over a way that was free; else it was there before the call
    chromium: bool = True  # is measured beside


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run. `fps`: of the slowest picture; `used_s`: until the last weather's rate was used, None: never."""

    freezes: int
    frozen_s: float
    fps: float
    lost_blocks: int
    sent_bps: int
    width: int
    used_s: float | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


def narrow(rate_bps: float, loss: float = 0.0, seconds: float = 20.0) -> tuple[tuple[float, Weather], ...]:
    return ((seconds, Weather(loss=loss, rate_bps=rate_bps)),)


STEPS = (*narrow(4e6, seconds=5), *narrow(0.5e6, seconds=12), *narrow(4e6, seconds=12))
CASES: Mapping[str, Case] = MappingProxyType(
    {
        "5 % loss": Case(1, ((20.0, Weather(loss=0.05)),), 0),
        "10 % loss": Case(1, ((20.0, Weather(loss=0.10)),), 3),
        "500 kbit/s": Case(1, narrow(500e3), 0, 25.0, sudden=False),
        "300 kbit/s": Case(1, narrow(300e3), 0, 25.0, sudden=False),
        "3 pictures, 2 Mbit/s": Case(3, narrow(2e6), 0, sudden=False),
        "3 pictures, 1 Mbit/s": Case(3, narrow(1e6), 0, sudden=False),
        "2 pictures, 1 Mbit/s, 5 % loss": Case(2, narrow(1e6, 0.05), 1, sudden=False),
        "4 - 0.5 - 4 Mbit/s": Case(1, STEPS, 0),
    }
)
USED = 0.8  # of what one picture wants, 2.5 Mbit/s: the step up is used
WANTED_BPS = 2.3e6


def figures() -> list[dict[str, Any]]:
    reason = why_not() or (None if CHROMIUM.exists() else "Chromium is not installed here")
    if reason is not None:
        return [{**row("lossy and narrow ways", None, "", None, 0, "not measured"), "error": reason}]
    return [each for name, case in CASES.items() for each in rows(name, case)]


def rows(name: str, case: Case) -> list[dict[str, Any]]:
    ours = [run(case, "send") for _ in range(REPEATS)]
    theirs = [run(case, "chromium") for _ in range(REPEATS)] if case.chromium else []
    seconds = sum(part for part, _ in case.weather)
    begin = f"the weather comes {SETTLE_S:g} s into the call" if case.sudden else "so from the beginning"
    once = "a single run" if REPEATS == 1 else f"median of {REPEATS}"
    method = f"{case.pictures} hard 720p30, 25 ms each way, {begin}, watched {seconds:g} s; {once}"
    made = [row(f"{name}: freezes", middle(ours, "freezes"), "", case.freezes, len(ours), method, "lower")]
    made.append(row(f"{name}: slowest picture", middle(ours, "fps"), "1/s", case.fps, len(ours), method, "higher"))
    for each, what in zip(made, ("freezes", "fps"), strict=True):
        if theirs:
            each |= {"peer": "Chromium as sender", "peer_value": middle(theirs, what)}
    made.append(row(f"{name}: blocks of sound lost", middle(ours, "lost_blocks"), "", 0, len(ours), method, "lower"))
    if len(case.weather) > 1:
        used = [case.weather[-1][0] if each.used_s is None else each.used_s for each in ours]
        made.append(row(f"{name}: step up used", median(used), "s", 5.0, len(ours), method, "lower"))
    return made


def middle(outcomes: Sequence[Outcome], what: str) -> float:
    return float(median(getattr(outcome, what) for outcome in outcomes))


def row(
    name: str, value: float | None, unit: str, target: float | None, n: int, method: str, better: str = "lower"
) -> dict[str, Any]:
    said = {"area": AREA, "name": name, "value": value if value is None else round(value, 2), "unit": unit}
    return {**said, "better": better, "target": target, "n": n, "method": method}


def run(case: Case, sender: str) -> Outcome:
    """One call from beginning to end."""
    more = [camera_file()] if sender == "chromium" else []
    with (
        way(FREE if case.sudden else case.weather[0][1]) as made,
        end(made, 0, sender, str(case.pictures), *more) as unit,
        end(made, 1, "view") as doctor,
    ):
        ask(doctor, told(unit))
        ask(unit, told(doctor))
        time.sleep(SETTLE_S)
        before, begin_s, used_s = asked(doctor), time.monotonic(), None
        for seconds, weather in case.weather:
            made.set(weather)
            begun_s, used_s = time.monotonic(), None
            while time.monotonic() - begun_s < seconds:
                time.sleep(1.0)
                said = asked(unit)
                if used_s is None and said["sent_bps"] > USED * WANTED_BPS:
                    used_s = time.monotonic() - begun_s
                if VERBOSE:
                    print(f"{time.monotonic() - begin_s:5.1f} s  {said}", flush=True)
        return outcome(before, asked(doctor), time.monotonic() - begin_s, used_s, said)


def outcome(
    before: Mapping[str, Any], after: Mapping[str, Any], passed_s: float, used_s: float | None, said: Mapping[str, Any]
) -> Outcome:
    def grown(key: str) -> list[float]:
        return [row[key] - before["video"].get(mid, {}).get(key, 0) for mid, row in after["video"].items()]

    widths = [row["frameWidth"] for row in after["video"].values()]
    told = {**said, "nack": sum(grown("nackCount")), "pli": sum(grown("pliCount"))}
    fps = min(grown("framesDecoded"), default=0.0) / passed_s
    return Outcome(
        int(sum(grown("freezeCount"))),
        round(sum(grown("totalFreezesDuration")), 2),
        round(fps, 1),
        lost(after["blocks"]),
        said["sent_bps"],
        min(widths, default=0),
        used_s,
        told,
    )


def lost(numbers: Sequence[int]) -> int:
    """Blocks that are missing among those that came; the newest second may still be on its way."""
    numbers = [number for number in numbers if number <= numbers[-1] - 50]
    return numbers[-1] - numbers[0] + 1 - len(set(numbers)) if numbers else 0


@cache
def camera_file() -> str:
    """The hard pictures as a file that Chromium takes for a camera; kept as long as this process."""
    path = Path(FOLDER.name) / "film.y4m"
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE_HZ}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in film():
            file.write(b"FRAME\n" + picture)
    return str(path)


FOLDER = tempfile.TemporaryDirectory()
VERBOSE = bool(os.environ.get("CHEVET_BENCH_VERBOSE"))


@contextmanager
def end(made: Way, which: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One end of the call, in its namespace."""
    command = [*made.within(which), sys.executable, "-m", "tests.bench.media_ways", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield child
    finally:
        ask(child, {"end": True})
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()


def told(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    said: dict[str, Any] = json.loads(child.stdout.readline())
    return said


def ask(child: subprocess.Popen[str], what: Mapping[str, Any]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(what) + "\n")
    child.stdin.flush()


def asked(child: subprocess.Popen[str]) -> dict[str, Any]:
    ask(child, {})
    return told(child)


if __name__ == "__main__":
    chosen, sender, times = [*sys.argv[1:], *("ours", "1")[len(sys.argv) - 2 :]]
    for _ in range(int(times)):
        print(run(CASES[chosen], "send" if sender == "ours" else sender))
