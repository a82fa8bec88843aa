"""What goes wrong with devices and cables, as a pure function over a capture: the same seed gives the same faults."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from drivers.core.attached import Attached
from drivers.core.capture import Capture, Recorded
from drivers.core.codec import date_time
from drivers.core.driver import Driver
from drivers.core.errors import LinkError, PacketError
from drivers.core.model import DeviceClock, Event, Notice, Numeric, Validity

GAP_S = 0.02  # between packets whose arrival was not recorded
OLDER = timedelta(days=-1)
PATIENT = re.compile(rb"PID\|[^\r]*")
SOMEBODY_ELSE = b"PID|1||CHEVET-0000^^^^MR||Other^Patient||19000101|O"


class End(StrEnum):
    """How a play ends: by itself, with the cable pulled, or silent with the cable in."""

    OVER = "over"
    UNPLUGGED = "unplugged"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a capture, and the seconds to wait before it."""

    said: Recorded
    wait_s: float


@dataclass(frozen=True, slots=True)
class Play:
    """What is played, and how it ends."""

    steps: tuple[Step, ...]
    end: End = End.OVER


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong; all of it may at once. Probabilities are for each packet of the device.

    `noise`: one byte of the packet is flipped, or one is inserted. `unplug_after`: so many packets, and half of one.
    `stall_after`: so many packets, then silence. `slow`: how many times longer every wait is. `clock_jump_s`: by how
    much the device's own clock is wrong. `wrong_patient`: HL7 names another patient; other devices give each
    measurement a copy that is a day older, as out of their memory. `error`: what the device sends in place of the
    second half of its packets (see `failed_words`).
    """

    loss: float = 0.0
    duplicate: float = 0.0
    noise: float = 0.0
    unplug_after: int | None = None
    stall_after: int | None = None
    slow: float = 1.0
    clock_jump_s: int = 0
    wrong_patient: bool = False
    error: Recorded | None = None
    seed: int = 0


NO_FAULTS = Faults()


def spoiled(capture: Capture, driver: Driver, faults: Faults = NO_FAULTS) -> Play:
    """The capture as a device with these faults plays it. What the host says is left alone.

    `LinkError` where a fault needs what the capture does not have: a time that can be set, a patient.
    """
    chance = random.Random(faults.seed)  # noqa: S311 - faults that can be had again, no secret
    steps = timed(capture.talk)
    if faults.error is not None:
        steps = _failing(steps, faults.error)
    if faults.wrong_patient:
        steps = _of_somebody_else(steps, driver)
    if faults.clock_jump_s:
        steps = _jumped(steps, driver, timedelta(seconds=faults.clock_jump_s))
    steps = [replace(step, wait_s=step.wait_s * faults.slow) for step in _on_a_bad_cable(steps, faults, chance)]
    return _cut(steps, faults)


def timed(talk: Sequence[Recorded]) -> list[Step]:
    """Each line with the seconds to wait before it. A loop waits before its first one as between any two."""
    known = [float(said.at_s) for said in talk if said.at_s is not None]
    usual_s = ((known[-1] - known[0]) / (len(known) - 1) if len(known) > 1 else 0.0) or GAP_S
    steps = []
    before: float | None = None
    for said in talk:
        at_s = None if said.at_s is None else float(said.at_s)
        steps.append(Step(said, usual_s if at_s is None or before is None else max(at_s - before, 0.0)))
        before = at_s
    return steps


def restamped(driver: Driver, said: Recorded, change: Callable[[datetime], datetime]) -> bytes:
    """The packet with its own times changed, where they stand as a Date Time (0x2A08) or in digits, as in HL7.

    Unchanged where it has none, or where changing them makes it something else (a checksum).
    """
    times = _times(driver, said.data, said.channel)
    data = said.data
    for when in times:
        data = data.replace(date_time(when), date_time(change(when)))
        data = data.replace(f"{when:%Y%m%d%H%M%S}".encode(), f"{change(when):%Y%m%d%H%M%S}".encode())
    return data if _times(driver, data, said.channel) == {change(when) for when in times} else said.data


def failed_words(driver: Driver, captures: Iterable[Capture]) -> Recorded | None:
    """The first packet of these captures that says why there is no value: a notice, and no number to use."""
    for capture in captures:
        for said in capture.packets if capture.driver == driver.name else ():
            events = _events(driver, said.data, said.channel)
            usable = any(isinstance(event, Numeric) and event.validity is not Validity.INVALID for event in events)
            if not usable and any(isinstance(event, Notice) for event in events):
                return said
    return None


def _events(driver: Driver, data: bytes, channel: str) -> list[Event]:
    attached = Attached(driver)
    try:
        return [event for packet in attached.packets(data, channel) for event in attached.events(packet)]
    except PacketError:
        return []


def _times(driver: Driver, data: bytes, channel: str) -> set[datetime]:
    events = _events(driver, data, channel)
    taken = {event.taken for event in events if isinstance(event, Numeric) and event.taken is not None}
    return taken | {event.now for event in events if isinstance(event, DeviceClock)}


def _failing(steps: list[Step], error: Recorded) -> list[Step]:
    ours = [at for at, step in enumerate(steps) if not step.said.from_host]
    for at in ours[len(ours) // 2 :]:
        steps[at] = Step(replace(steps[at].said, data=error.data, channel=error.channel), steps[at].wait_s)
    return steps


def _of_somebody_else(steps: list[Step], driver: Driver) -> list[Step]:
    other: list[Step] = []
    for step in steps:
        data = step.said.data
        if b"MSH|" in data:
            named = PATIENT.sub(SOMEBODY_ELSE, data) if PATIENT.search(data) else _named(data)
            other.append(replace(step, said=replace(step.said, data=named)))
        else:
            older = restamped(driver, step.said, lambda when: when + OLDER)
            if older != data and not step.said.from_host:
                other.append(replace(step, said=replace(step.said, data=older)))
            other.append(step)
    if other == steps:
        raise LinkError("wrong patient: nothing in this capture names a patient or a time that can be changed")
    return other


def _named(message: bytes) -> bytes:
    head, end, rest = message.partition(b"\r")
    return head + end + SOMEBODY_ELSE + b"\r" + rest


def _jumped(steps: list[Step], driver: Driver, by: timedelta) -> list[Step]:
    jumped = [
        step
        if step.said.from_host
        else replace(step, said=_with(step.said, restamped(driver, step.said, lambda when: when + by)))
        for step in steps
    ]
    if jumped == steps:
        raise LinkError("clock jump: nothing in this capture has a time that can be changed")
    return jumped


def _with(said: Recorded, data: bytes) -> Recorded:
    return replace(said, data=data)


def _on_a_bad_cable(steps: list[Step], faults: Faults, chance: random.Random) -> Iterator[Step]:
    for step in steps:
        if step.said.from_host:
            yield step
            continue
        lost, twice, noisy = (chance.random() < odds for odds in (faults.loss, faults.duplicate, faults.noise))
        if lost:
            continue
        yield replace(step, said=_with(step.said, _noisy(step.said.data, chance))) if noisy else step
        if twice:
            yield replace(step, wait_s=0.0)


def _noisy(data: bytes, chance: random.Random) -> bytes:
    at, byte = chance.randrange(len(data) + 1), chance.randrange(1, 256)
    if at < len(data) and chance.random() < 0.5:
        return data[:at] + bytes((data[at] ^ byte,)) + data[at + 1 :]
    return data[:at] + bytes((byte,)) + data[at:]


def _cut(steps: list[Step], faults: Faults) -> Play:
    ours = [at for at, step in enumerate(steps) if not step.said.from_host]
    stall, unplug = faults.stall_after, faults.unplug_after
    if unplug is not None and unplug < len(ours) and (stall is None or unplug <= stall):
        last = steps[ours[unplug]]
        half = replace(last, said=_with(last.said, last.said.data[: len(last.said.data) // 2]))
        return Play((*steps[: ours[unplug]], half), End.UNPLUGGED)
    if stall is not None and stall < len(ours):
        return Play(tuple(steps[: ours[stall]]), End.STALLED)
    return Play(tuple(steps))
