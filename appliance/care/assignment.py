"""A reading taken out of quarantine by a person who says whose it is: never by itself, never without checking again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance import clock
from appliance.care import charting
from appliance.care.acceptance import Reason
from appliance.care.consultation import State
from appliance.care.errors import Refused
from appliance.care.homonyms import two_identifiers
from appliance.clock import Stamp
from appliance.records.model import Assigned, ConsultationRecord, Quarantined, Result, Value


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says that a reading is the open consultation's patient's, why, and what they checked again for it.

    `other`: they know that it was not measured in this consultation.
    """

    by: str
    reason: str
    checked: frozenset[str]
    other: bool = False


def assigned(held: Quarantined, record: ConsultationRecord, claim: Claim) -> Result:
    """The result that the reading becomes. `Refused` says what is missing."""
    if record.state not in {State.ACTIVE, State.REVIEW} or record.patient is None:
        raise Refused("not-active", f"readings are charted in an active consultation; this one is {record.state}")
    confirmed = two_identifiers(claim.checked)
    if "ins" in confirmed and record.patient.ins_matricule is None:
        raise Refused("two-identifiers", "this patient has no INS here to be checked")
    if held.consultation != record.id and not claim.other:
        raise Refused("other-consultation", "this reading was not made in this consultation: say that you know")
    named = Assigned(held.id, held.reason, claim.by, clock.wall(), claim.reason, confirmed)
    return Result(
        id=charting.new_id(),
        consultation=record.id,
        kind="measurement" if held.obj is None else "document",
        status=_status(held),
        device=held.device,
        at=held.at,
        at_ns=held.at_ns,
        boot_id=held.boot_id,
        clock="trusted" if Stamp(held.at_ns, held.at, held.boot_id).trusted else "untrusted",
        numerics=_doubted(held),
        notices=held.notices,
        taken=held.taken,
        clock_offset_s=held.clock_offset_s,
        clock_uncertainty_s=held.clock_uncertainty_s,
        clock_known=held.clock_known,
        clock_error_s=held.clock_error_s,
        obj=held.obj,
        raw=held.raw,
        assigned=named,
    )


def _status(held: Quarantined) -> str:
    values = _doubted(held)
    if not values:
        return "valid" if held.obj is not None else "failed"
    if all(value.value is None or value.validity == "invalid" for value in values):
        return "failed"
    return "valid" if all(value.validity == "valid" for value in values) else "questionable"


def _doubted(held: Quarantined) -> tuple[Value, ...]:
    """What no living patient can have stays doubtful, whoever says whose it is."""
    if held.reason != Reason.IMPLAUSIBLE:
        return held.numerics
    return tuple(
        replace(value, validity="questionable") if value.validity == "valid" else value for value in held.numerics
    )
