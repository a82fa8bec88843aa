"""What may be charted: a pure decision over one reading. Nothing is dropped: what fails has a reason, and is kept.

The order of the rules is the order of danger: first what may be another patient's, then what may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from appliance.care.consultation import State
from appliance.care.lease import Lease
from appliance.clock import Stamp
from appliance.records.model import DeviceRef
from drivers.core import units
from drivers.core.model import Numeric, Validity

# A cuff sends at most a minute or two after it has measured; what is older was in its memory.
FRESH = timedelta(seconds=150)
# A device writes whole seconds, and reads its clock when the measurement ends.
SLACK = timedelta(seconds=2)


class Reason(StrEnum):
    """Why a reading is in quarantine."""

    FROM_MEMORY = "from-memory"
    CLOCK_UNKNOWN = "device-clock-unknown"
    NO_CONSULTATION = "no-consultation"
    NOT_ACTIVE = "not-active"
    NO_LEASE = "no-lease"
    LEASE_OVER = "lease-over"
    BEFORE_LEASE = "before-lease"
    IMPLAUSIBLE = "implausible"
    OTHER_PATIENT = "other-patient"
    NO_IDENTITY = "no-identity"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one device said at one instant, with what is known of its clock (see `records.model.Result`).

    `shown`: a single measurement that a monitor goes on showing, new to us and perhaps long made.
    """

    device: DeviceRef
    arrival: Stamp
    numerics: tuple[Numeric, ...]
    notices: tuple[str, ...] = ()
    clock_offset_s: float | None = None
    clock_uncertainty_s: float | None = None
    clock_known: str | None = None
    continuous: bool = False
    shown: bool = False
    raw: bytes = b""

    @property
    def taken(self) -> datetime | None:
        """The device's own instant of the measurement, if it gave one."""
        return next((numeric.taken for numeric in self.numerics if numeric.taken is not None), None)

    @property
    def held(self) -> bool:
        """Whether it was on the monitor's screen before we looked, for nobody knows how long."""
        return self.shown and self.taken is None and "value-held" in self.notices

    def fingerprint(self) -> bytes | None:
        """What makes this the same reading when it comes again; None where the device gives no time: always news."""
        if self.taken is None:
            return None
        values = ",".join(f"{n.metric.name}={n.value}" for n in self.numerics)
        return f"{self.device.key}|{self.device.serial}|{self.taken.isoformat()}|{values}".encode()


@dataclass(frozen=True, slots=True)
class Chart:
    """It goes on the chart of the lease's consultation, as `valid`, `questionable` or `failed`."""

    status: str


@dataclass(frozen=True, slots=True)
class Hold:
    """It goes to quarantine."""

    reason: Reason


def judge(reading: Reading, state: State | None, lease: Lease | None) -> Chart | Hold:
    """Decide over a reading. `state` is that of the open consultation, `lease` the newest of this device in it."""
    reason = _whose(reading, state, lease) or _implausible(reading)
    return Chart(_status(reading)) if reason is None else Hold(reason)


def _whose(reading: Reading, state: State | None, lease: Lease | None) -> Reason | None:
    return _from_memory(reading) or _unbound(reading, state, lease) or _before(reading, lease)


def _from_memory(reading: Reading) -> Reason | None:
    if any(numeric.from_memory for numeric in reading.numerics):
        return Reason.FROM_MEMORY
    taken = reading.taken
    if taken is None:
        # A device that has a clock and says that it is not set cannot tell its memory from now.
        return Reason.CLOCK_UNKNOWN if "clock-not-set" in reading.notices else None
    if reading.clock_offset_s is None:
        return None if _close_to_wall(taken, reading.arrival) else Reason.CLOCK_UNKNOWN
    if reading.shown:
        return None  # however old: it counts whose it is, and that is for the lease to say
    age = _local(reading.arrival) - _on_our_clock(reading, taken)
    return Reason.FROM_MEMORY if age > FRESH + _uncertainty(reading) else None


def _unbound(reading: Reading, state: State | None, lease: Lease | None) -> Reason | None:
    if state is None:
        return Reason.NO_CONSULTATION
    if state is not State.ACTIVE:
        return Reason.NOT_ACTIVE
    if lease is None or reading.arrival.boot_ns < lease.from_ns:
        return Reason.NO_LEASE
    return None if lease.holds(reading.arrival.boot_ns) else Reason.LEASE_OVER


def _before(reading: Reading, lease: Lease | None) -> Reason | None:
    """The device measured before it was bound: it may have been on somebody else's arm."""
    if reading.held:
        return Reason.BEFORE_LEASE
    if lease is None or reading.taken is None:
        return None
    since = timedelta(microseconds=(reading.arrival.boot_ns - lease.from_ns) / 1000)
    taken = reading.taken if reading.clock_offset_s is None else _on_our_clock(reading, reading.taken)
    age = _local(reading.arrival) - taken
    return Reason.BEFORE_LEASE if age > since + SLACK + _uncertainty(reading) else None


def _implausible(reading: Reading) -> Reason | None:
    return Reason.IMPLAUSIBLE if any(not plausible(numeric) for numeric in reading.numerics) else None


def plausible(numeric: Numeric) -> bool:
    """Whether a living patient can have this value; not believed in a unit that cannot be compared."""
    if numeric.value is None:
        return True  # no number is not an implausible number
    try:
        return units.plausible(numeric.metric, numeric.value, numeric.unit)
    except ValueError:
        return False


def _status(reading: Reading) -> str:
    given = [numeric for numeric in reading.numerics if numeric.value is not None]
    if not any(numeric.validity is not Validity.INVALID for numeric in given):
        return "failed"
    doubtful = any(numeric.validity is not Validity.VALID for numeric in reading.numerics)
    return "questionable" if doubtful else "valid"


def _close_to_wall(taken: datetime, arrival: Stamp) -> bool:
    return arrival.trusted and abs(_local(arrival) - taken) <= FRESH


def _local(arrival: Stamp) -> datetime:
    """Devices keep local time and no zone."""
    return arrival.wall.astimezone().replace(tzinfo=None)


def _on_our_clock(reading: Reading, taken: datetime) -> datetime:
    return taken + timedelta(seconds=reading.clock_offset_s or 0.0)


def _uncertainty(reading: Reading) -> timedelta:
    return timedelta(seconds=reading.clock_uncertainty_s or 0.0)
