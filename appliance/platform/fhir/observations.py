"""A result's numbers as Observations: blood pressure as one panel, everything else one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from appliance.platform.fhir import terms
from appliance.platform.fhir.parts import (
    Sender,
    coding,
    concept,
    derived,
    extension,
    identifier,
    instant,
    measured,
    meta,
    quantity,
    reference,
)
from appliance.platform.fhir.text import Resource
from appliance.platform.fhir.things import instrument_uuid
from appliance.records.model import ConsultationRecord, Result, Value
from drivers.core.vocab import METRICS

WORST = ("invalid", "questionable", "valid")


def observations(result: Result, record: ConsultationRecord, sender: Sender) -> Iterator[tuple[str, Resource]]:
    """(UUID, Observation) of each; at least one, also where nothing was measured."""
    panel = {value.metric: value for value in result.numerics if value.metric in terms.PANEL}
    if panel:
        yield _finish(result, record, sender, "blood-pressure", _panel(panel, result.notices))
    for value in result.numerics:
        if value.metric not in terms.PANEL:
            yield _finish(result, record, sender, value.metric, _single(value, result.notices))
    if not result.numerics:
        yield _finish(result, record, sender, "nothing", _nothing(result.notices))


def origin_uuid(result: Result, sender: Sender) -> str:
    """The device an Observation refers to: the instrument, or the unit where a person typed."""
    return sender.uuid if result.typed_by is not None else instrument_uuid(result.device)


def effective(result: Result, zone: tzinfo | None) -> datetime:
    """When it was measured: by the device's clock, corrected to the unit's, where both are known; else on arrival.

    Devices keep local time without a zone: it is the unit's (None: the system's).
    """
    if result.taken is None or result.clock_offset_s is None:
        return result.at
    local = result.taken + timedelta(seconds=result.clock_offset_s)
    return local.astimezone() if zone is None else local.replace(tzinfo=zone)


def _finish(
    result: Result, record: ConsultationRecord, sender: Sender, what: str, said: Resource
) -> tuple[str, Resource]:
    """Everything that does not depend on the number."""
    uuid = derived(result.id, what)
    code = next((c["code"] for c in said["code"].get("coding", []) if c["system"] == terms.LOINC), "")
    body: Resource = {
        "resourceType": "Observation",
        **meta(sender, sender.profiles.get(code, sender.profiles[""])),
        "extension": _extensions(result, sender) + said.pop("extension"),
        "identifier": [identifier(uuid), {"system": terms.RESULT, "value": result.id}],
        "status": "final",
        "category": [concept(coding(f"{terms.TERMINOLOGY}/observation-category", "vital-signs", "Vital Signs"))],
        "code": said.pop("code"),
        "encounter": reference(record.id),
        "effectiveDateTime": instant(effective(result, sender.zone)),
        "issued": instant(result.at),
        **said,
        "device": reference(origin_uuid(result, sender)),
    }
    if record.patient is not None and record.confirmed:
        body["subject"] = reference(record.patient_id)
    performer = _performer(result)
    if performer is not None:
        body["performer"] = [performer]
    if result.typed_by is not None:
        body["method"] = {"text": "typed by hand"}
    notes = said_of(result)
    if notes:
        body["note"] = notes
    return uuid, body


def said_of(result: Result) -> list[Resource]:
    """What people said of a result, as Annotations: why it was typed, why it was taken out of quarantine."""
    notes: list[Resource] = [{"text": result.reason}] if result.reason else []
    if result.assigned is not None:
        by = result.assigned
        text = f"Held in quarantine ({by.held}), then assigned to this patient by a person: {by.reason}"
        notes.append({"authorString": by.by, "time": instant(by.at), "text": text})
    return notes


def _extensions(result: Result, sender: Sender) -> list[Resource]:
    origin = "device" if result.typed_by is None else "typed"
    return [
        extension(f"{terms.STRUCTURE}/observation-gatewayDevice", "Reference", reference(sender.uuid)),
        {"url": terms.CLOCK, "extension": _clock(result)},
        {"url": terms.SOURCE, "extension": _source(result)},
        extension(terms.ORIGIN, "Code", origin),
        *([] if result.assigned is None else [extension(terms.QUARANTINE, "Code", result.assigned.held)]),
        *(extension(terms.NOTICE, "Code", code) for code in result.notices),
    ]


def _performer(result: Result) -> Resource | None:
    """Who was responsible: the nurse at the unit; of a typed value in any case somebody."""
    if result.nurse is None:
        return None if result.typed_by is None else {"display": result.typed_by}
    known = {} if result.nurse.rpps is None else {"identifier": {"system": terms.RPPS, "value": result.nurse.rpps}}
    return {"display": result.nurse.name} | known


def _source(result: Result) -> list[Resource]:
    """Through what it came: the driver and its version (the unit's software), the link, the unit itself."""
    said = (("driver", result.device.driver), ("link", result.device.link), ("software", result.software))
    return [extension(name, "String", value) for name, value in (*said, ("unit", result.unit)) if value]


def _clock(result: Result) -> list[Resource]:
    """Which clock the effective time is of, how far it may be trusted, and what the clocks themselves said."""
    by_device = result.taken is not None and result.clock_offset_s is not None
    said = [
        extension("source", "Code", "device-corrected" if by_device else "unit"),
        extension("trusted", "Boolean", result.clock == "trusted"),
        extension("boot", "String", result.boot_id),
        extension("boot-time", "Quantity", quantity(Decimal(result.at_ns).scaleb(-9), "s")),
    ]
    if result.clock_error_s is not None:
        said.append(extension("error", "Quantity", quantity(Decimal(repr(float(result.clock_error_s))), "s")))
    if result.taken is not None:
        said.append(extension("device-time", "String", result.taken.isoformat()))
    if by_device and result.clock_known is not None:
        said.append(extension("known", "Code", result.clock_known))
    for name, seconds in (("offset", result.clock_offset_s), ("uncertainty", result.clock_uncertainty_s)):
        if seconds is not None:
            said.append(extension(name, "Quantity", quantity(Decimal(repr(float(seconds))), "s")))
    return said


def _panel(parts: dict[str, Value], notices: tuple[str, ...]) -> Resource:
    wanted = [name for name in terms.PANEL if name in parts or name in terms.PANEL_REQUIRED]
    values = [parts[name] for name in wanted if name in parts]
    validity = min((value.validity for value in values), key=WORST.index)
    return {
        "code": measured((terms.PANEL_LOINC,), terms.PANEL_MDC, terms.DISPLAY["blood-pressure"]),
        "extension": [extension(terms.VALIDITY, "Code", validity)],
        **_interpretation(validity, notices),
        **_site(next((value.site for value in values if value.site), None)),
        "component": [_component(name, parts.get(name), notices) for name in wanted],
    }


def _component(name: str, value: Value | None, notices: tuple[str, ...]) -> Resource:
    if value is None:
        row = METRICS[name]
        return {
            "code": measured((row.loinc or "",), row.mdc, terms.DISPLAY[name]),
            "dataAbsentReason": _absent("unknown"),
        }
    said = _number(value)
    return {
        "code": measured(_loinc(value), value.mdc, terms.DISPLAY[name]),
        **said,
        "extension": [extension(terms.VALIDITY, "Code", value.validity), *said.get("extension", [])],
        **_interpretation(value.validity, notices),
    }


def _single(value: Value, notices: tuple[str, ...]) -> Resource:
    said = _number(value)
    return {
        "code": measured(_loinc(value), value.mdc, terms.DISPLAY.get(value.metric, value.metric)),
        **said,
        "extension": [extension(terms.VALIDITY, "Code", value.validity), *said.get("extension", [])],
        **_interpretation(value.validity, notices),
        **_site(value.site),
    }


def _nothing(notices: tuple[str, ...]) -> Resource:
    return {
        "code": measured((terms.NOTHING_LOINC,), None, "A measurement that failed"),
        "extension": [extension(terms.VALIDITY, "Code", "invalid")],
        "dataAbsentReason": _absent("error"),
        **_interpretation("invalid", notices),
    }


def _number(value: Value) -> Resource:
    """`valueQuantity`, or the reason why there is none. What cannot be trusted is no number."""
    if value.value is None or value.validity == "invalid":
        return {"dataAbsentReason": _absent("error")}
    row = METRICS.get(value.metric)
    rule = None if row is None else terms.CONVERSIONS.get((value.unit, row.unit))
    if row is None or rule is None:
        return {"valueQuantity": quantity(value.value, value.unit)}
    factor, step = rule
    converted = (value.value * factor).quantize(step, ROUND_HALF_EVEN)
    as_said = extension(terms.AS_SAID, "Quantity", quantity(value.value, value.unit))
    return {"valueQuantity": quantity(converted, row.unit), "extension": [as_said]}


def _loinc(value: Value) -> tuple[str, ...]:
    if value.loinc is None:
        return ()
    row = METRICS.get(value.metric)
    also = () if row is None else row.also_loinc
    return (terms.LOINC_BY_UNIT.get((value.loinc, value.unit), value.loinc), *also)


def _absent(code: str) -> Resource:
    return concept(coding(f"{terms.TERMINOLOGY}/data-absent-reason", code))


def _interpretation(validity: str, notices: tuple[str, ...]) -> Resource:
    """Words for a reader who does not know our extension; nothing is said of a valid value."""
    if validity == "valid":
        return {}
    why = f" ({', '.join(notices)})" if notices else ""
    return {"interpretation": [{"text": f"{validity} by the device's own word{why}"}]}


def _site(site: str | None) -> Resource:
    if site is None:
        return {}
    if site not in terms.SITES:
        return {"bodySite": {"text": site}}
    code, display = terms.SITES[site]
    return {"bodySite": concept(coding(terms.FMA, code, display))}
