"""One packet, several measurements: what belongs together is one reading. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from drivers.core.driver import Driver, Listener
from drivers.core.model import Numeric
from drivers.core.vocab import DIASTOLIC, MEAN_PRESSURE, PULSE_RATE_NIBP, SYSTOLIC

CUFF = frozenset({SYSTOLIC, DIASTOLIC, MEAN_PRESSURE, PULSE_RATE_NIBP})


@dataclass(frozen=True, slots=True)
class Part:
    """Numerics of one measurement. `streams`: an instant of a stream. `shown`: a single one that is shown on and on."""

    numerics: tuple[Numeric, ...]
    streams: bool = False
    shown: bool = False


def parts(numerics: tuple[Numeric, ...], driver: Driver, channel: str) -> list[Part]:
    """A cuff's values are one measurement, whatever came with them; other single ones are told apart by their time."""
    streams = driver.streams(channel)
    cuff = tuple(numeric for numeric in numerics if numeric.metric in CUFF)
    other = tuple(numeric for numeric in numerics if numeric.metric not in CUFF)
    shown = streams or bool(other) or isinstance(driver.claim, Listener)
    found = [Part(other, streams=True)] if streams and other else [Part(one) for one in _by_time(other)]
    return found + [Part(one, shown=shown) for one in _by_time(cuff)]


def _by_time(numerics: tuple[Numeric, ...]) -> list[tuple[Numeric, ...]]:
    times: dict[datetime | None, list[Numeric]] = {}
    for numeric in numerics:
        times.setdefault(numeric.taken, []).append(numeric)
    return [tuple(found) for found in times.values()]


class Shown:
    """What a monitor shows on and on is news once."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()

    def forget(self) -> None:
        """The link was opened anew."""
        self._last = ()

    def news(self, numerics: tuple[Numeric, ...]) -> bool:
        """Whether this is another measurement than the last one, by its values or by its time."""
        now = tuple((one.metric.name, one.value, one.validity, one.taken) for one in numerics)
        news, self._last = now != self._last, now
        return news
