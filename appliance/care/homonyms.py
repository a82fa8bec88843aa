"""Patients who could be taken for one another: said before the identity is confirmed, and acknowledged with it."""

from __future__ import annotations

from appliance.care.errors import Refused
from appliance.records.model import ConsultationRecord

IDENTIFIERS = frozenset({"birth_name", "given_names", "birth_date", "sex", "ins"})


def two_identifiers(checked: frozenset[str]) -> tuple[str, ...]:
    """What was read aloud and fits; `Refused` where it is not two different identifiers of a patient."""
    if checked - IDENTIFIERS or len(checked) < 2:
        got = sorted(checked) or "none"
        raise Refused(
            "two-identifiers",
            f"two different identifiers of {', '.join(sorted(IDENTIFIERS))} must be checked; got {got}",
        )
    return tuple(sorted(checked))


def acknowledged(record: ConsultationRecord, *, seen: bool) -> bool:
    """Whether there was a warning and it was seen; `Refused` where there is one and it was not."""
    if record.homonym and not seen:
        raise Refused(
            "homonym",
            "another patient kept on this unit has this name, and differs in "
            f"{', '.join(record.homonym)}: check those, and say so",
        )
    return bool(record.homonym)
