"""Philips IntelliVue monitors: answers to numeric polls of the Data Export interface over RS-232, 115200 8N1.

A frame is C0, 11 01, a length, the message, CRC-16 (X.25, low byte first), C1; 7D escapes. Once it is associated and
asked (core/intellivue.py), read are the results of poll actions (0C16; F13B, which come by themselves), whole or
linked: observed values (0950, 094B) with state and unit, and when they were taken (0990). Everything is big-endian,
numbers are FLOAT. Sources: mdpnp/mdpnp (BSD-2-Clause) and part-cw/LNhealth (BSD-style). Left alone are waves, and
perfusion, which has no unit. What demonstrates or tests is not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core import intellivue, vocab
from drivers.core.codec import Reader
from drivers.core.driver import Driver, Uart
from drivers.core.framing import Stuffed
from drivers.core.model import Ask, Event, Notice, Packet, Validity
from drivers.core.monitor import InUse, LastCuff

MESSAGE, RESULT, LINKED, ACTION = b"\xe1\0", b"\0\2", b"\0\5", b"\0\7"
POLL, POLL_BY_ITSELF = b"\x0c\x16", b"\xf1\x3b"
VALUE, VALUES, TAKEN = 0x0950, 0x094B, 0x0990
CUFF = SYSTOLIC, DIASTOLIC, MEAN, CUFF_PULSE = 0x4A05, 0x4A06, 0x4A07, 0xF0E5
SITES = {0x4B48: None, 0x4B60: None, 0x4B64: "esophagus", 0x4B6C: "nasopharynx", 0x4B78: "ear", 0xE004: "rectum"}
METRICS = {0x4182: vocab.HEART_RATE, 0x4822: vocab.PULSE_RATE, 0x4BB8: vocab.SPO2, 0x500A: vocab.RESPIRATORY_RATE}
METRICS |= {SYSTOLIC: vocab.SYSTOLIC, DIASTOLIC: vocab.DIASTOLIC, MEAN: vocab.MEAN_PRESSURE}
METRICS |= {CUFF_PULSE: vocab.PULSE_RATE_NIBP, **dict.fromkeys(SITES, vocab.TEMPERATURE)}
UNITS = {0x0220: "%", 0x0AA0: "/min", 0x0AE0: "/min", 0x0F20: "mm[Hg]", 0x0F03: "kPa", 0x17A0: "Cel", 0x1140: "[degF]"}
SAME = {"kPa": "mm[Hg]", "[degF]": "Cel"}  # what they can be converted to

NO_NUMBER, QUESTIONABLE = 0xBC20, 0x4040  # invalid, unavailable, calibrating, test, demonstration, at work; or early
NOTICES = {0x1000: "calibrating", 0x0C00: "demonstration-data", 0x0040: "early-estimate"}
Observed = tuple[Decimal | None, int, str, datetime | None]  # value, state, unit, taken
NOTHING: Observed = (None, 0, "mm[Hg]", None)


class Polls:
    """The decoder of one monitor."""

    def __init__(self) -> None:
        self._in_use, self._cuff = InUse(), LastCuff()

    def __call__(self, packet: Packet) -> Iterator[Event]:
        """One message."""
        message = intellivue.unframed(packet.data)
        answer = intellivue.known(message)
        if answer is not None:
            yield from (Ask(intellivue.framed(words)) for words in (answer, intellivue.NUMERICS))
        elif message[:2] == MESSAGE:
            yield from self._events(dict(_observed(Reader(message))))

    def _events(self, found: dict[int, Observed]) -> Iterator[Event]:
        told: set[vocab.Metric] = set()
        for physio in sorted(found.keys() - CUFF, key=lambda physio: (found[physio][0] is None, physio)):
            metric, (value, state, unit, _) = METRICS[physio], found[physio]
            if metric not in told:
                validity = Validity.QUESTIONABLE if state & QUESTIONABLE else Validity.VALID
                yield from self._in_use.numeric(metric, value, unit, validity=validity, site=SITES.get(physio))
                told.add(metric)
        systolic, state, unit, taken = found.get(SYSTOLIC, NOTHING)
        (diastolic, *_), (mean, *_), (pulse, *_) = (found.get(physio, NOTHING) for physio in CUFF[1:])
        doubtful = bool(state & QUESTIONABLE)
        yield from self._cuff.repeated(systolic, diastolic, mean, pulse, unit=unit, taken=taken, doubtful=doubtful)
        yield from (Notice(code) for bit, code in NOTICES.items() if any(seen[1] & bit for seen in found.values()))


def _observed(message: Reader) -> Iterator[tuple[int, Observed]]:
    """What a message says of the metrics that are known; nothing where it is no answer to a poll."""
    session, kind = message.take(4)[:2], message.take(4)[:2]
    message.take(2 if kind == LINKED else 0)
    command, action = message.take(6)[2:4], message.take(10)[6:8]
    if (session, command) != (MESSAGE, ACTION) or kind not in (RESULT, LINKED) or action not in (POLL, POLL_BY_ITSELF):
        return
    message.take(20 if action == POLL else 22)  # number, relative and absolute time, what was asked for
    for context in intellivue.items(message):
        context.take(2)
        for item in intellivue.items(context):
            item.take(2)
            yield from _values(
                {listed.u16_be(): Reader(listed.take(listed.u16_be())) for listed in intellivue.items(item)}
            )


def _values(attributes: dict[int, Reader]) -> Iterator[tuple[int, Observed]]:
    """The values of one object."""
    taken = intellivue.time(attributes[TAKEN].take(8)) if TAKEN in attributes else None
    one, several = attributes.get(VALUE), attributes.get(VALUES)
    for value in [one] if one else intellivue.items(several) if several else []:
        physio, state, unit = value.u16_be(), value.u16_be(), UNITS.get(value.u16_be(), "")
        number = value.float32_be()
        if physio in METRICS and SAME.get(unit, unit) == METRICS[physio].unit:
            yield physio, (None if state & NO_NUMBER else number, state, unit, taken)


SAYS = intellivue.framed(intellivue.ASSOCIATE), intellivue.framed(intellivue.NUMERICS)

DRIVER = Driver(
    name="philips-intellivue",
    kind="monitor",
    claim=Uart(115200),
    decoder=Polls,
    framer=lambda: Stuffed(0xC0, 0xC1, 0x7D),
    says=(*SAYS, intellivue.beginning(intellivue.KNOWN)),
    hello=SAYS[:1],
    keepalive=(SAYS[1], 300.0),  # asked for ten minutes at a time
    quiet_s=5.0,
    continuous=True,
    gives=tuple(dict.fromkeys(METRICS.values())),
    evidence="made after public decoders; no recording is public",
)
