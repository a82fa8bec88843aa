"""Bedside monitors that report by HL7 v2: ORU^R01 with the codes of IHE PCD-01, as Mindray, Edan and Comen write them.

No value is: an empty field, a negative number (-100, -999), 8388607, a status that says so, and what no patient can be
(384.5 for 38.45 Cel). The patient whom the monitor names is not read, nor weight and height, which are typed in. Every
report is a reading, so a monitor should report at its longest interval. Sources: samples inside public programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core import hl7, pcd01, vocab
from drivers.core.driver import Driver, Listener
from drivers.core.errors import PacketError
from drivers.core.model import DeviceClock, Event, Identity, Notice, Numeric, Packet, Validity
from drivers.core.monitor import InUse, LastCuff
from drivers.core.units import plausible

RATES = (vocab.HEART_RATE, vocab.PULSE_RATE, vocab.RESPIRATORY_RATE)
CUFF = (vocab.SYSTOLIC, vocab.DIASTOLIC, vocab.MEAN_PRESSURE, vocab.PULSE_RATE_NIBP)
NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,6})?")  # seven digits are no number but NaN
FLAGS = {"INV": "", "NAV": "", "CALIB": "calibrating", "TEST": "demonstration-data", "DEMO": "demonstration-data"}
NOT_THERE = {"X", "D", "W", "N"}
DOUBTS = {"QUES": "", "EARLY": "early-estimate"}
LATEST = datetime(9999, 12, 31)  # noqa: DTZ001 - the clocks of monitors have no zone


class Report:
    """What one message says: one numeric a metric, the first that has a value."""

    def __init__(self, message: hl7.Message) -> None:
        self.now: datetime | None
        self.now, self._offset = hl7.time(hl7.field(message.head, 7)) or (None, "")
        self.seen: dict[vocab.Metric, Numeric] = {}
        self.notices: dict[vocab.Metric, str] = {}
        self.own_time = False  # of the cuff
        if sum(segment[0] == "PID" for segment in message.segments) > 1:
            raise PacketError("a report of several patients: whose the values are cannot be told")
        common = ""
        for segment in message.segments:
            if segment[0] == "OBR":
                common = hl7.field(segment, 7)
            elif segment[0] == "OBX":
                self._observed(message, segment, common)

    def _observed(self, message: hl7.Message, segment: hl7.Segment, common: str) -> None:
        metric, site = pcd01.metric(*message.parts(segment, 3)[:3])
        unit = pcd01.unit(*message.parts(segment, 6)[:2], metric) if metric is not None else None
        if metric is None or unit is None or (metric in self.seen and self.seen[metric].value is not None):
            return
        flags = set(hl7.field(segment, 8).replace(message.component, message.repetition).split(message.repetition))
        number = NUMBER.fullmatch(hl7.field(segment, 5).strip())
        there = number is not None and not flags & FLAGS.keys() and hl7.field(segment, 11) not in NOT_THERE
        value = Decimal(number[0]) if number is not None and there else None
        notice = next((said[flag] for said in (FLAGS, DOUBTS) for flag in sorted(flags & said.keys())), "")
        if value is not None and metric not in CUFF and not plausible(metric, value, unit):
            value, notice = None, "implausible"
        self.notices[metric] = notice
        doubt = Validity.QUESTIONABLE if flags & DOUBTS.keys() else Validity.VALID
        own = self._taken(hl7.field(segment, 14))
        if metric is vocab.SYSTOLIC:
            self.own_time = own is not None
        taken = own or self._taken(common)
        self.seen[metric] = Numeric(metric, value, unit, Validity.INVALID if value is None else doubt, taken, site=site)

    def _taken(self, text: str) -> datetime | None:
        """A time by the clock of the message; none where its offset is another one."""
        when, offset = hl7.time(text) or (None, "")
        return when if "" in (offset, self._offset) or offset == self._offset else None


class Reports:
    """The decoder of one monitor."""

    def __init__(self) -> None:
        self._in_use, self._cuff, self._model = InUse(), LastCuff(), ""

    def __call__(self, packet: Packet) -> Iterator[Event]:
        """One message, or more."""
        for message in hl7.messages(packet.data):
            if message.kind in {("ORU", "R01"), ("ORU", "")}:
                yield from self._events(message.parts(message.head, 3)[0], Report(message))

    def _events(self, model: str, report: Report) -> Iterator[Event]:
        if model and model != self._model:
            self._model = model
            yield Identity(model=model)
        if report.now is not None:
            yield DeviceClock(report.now)
        said = [(one.taken, self._vital(one)) for metric, one in report.seen.items() if metric not in CUFF]
        said += [(report.seen[metric].taken, self._pressure(report)) for metric in CUFF[:1] if metric in report.seen]
        for _, events in sorted(said, key=lambda one: one[0] or LATEST):  # a reading is as old as its first value
            yield from events
        yield from (Notice(code) for code in sorted(set(report.notices.values()) - {""}))

    def _vital(self, one: Numeric) -> Iterator[Event]:
        return self._in_use.numeric(
            one.metric, one.value, one.unit, validity=one.validity, taken=one.taken, site=one.site
        )

    def _pressure(self, report: Report) -> Iterator[Event]:
        first = report.seen[vocab.SYSTOLIC]
        systolic, diastolic, mean, pulse = (report.seen[m].value if m in report.seen else None for m in CUFF)
        own, doubtful = report.own_time, first.validity is Validity.QUESTIONABLE
        return self._cuff.repeated(
            systolic, diastolic, mean, pulse, unit=first.unit, taken=first.taken, own_time=own, doubtful=doubtful
        )


DRIVER = Driver(
    name="hl7-oru",
    kind="monitor",
    claim=Listener("hl7"),
    decoder=Reports,
    quiet_s=None,
    gives=(*RATES, vocab.SPO2, vocab.PERFUSION_INDEX, vocab.TEMPERATURE, *CUFF),
    evidence="made after samples inside public programs",
)
