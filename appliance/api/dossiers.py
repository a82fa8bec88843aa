"""Routes of tele-expertise, and of what the law wants known of the act: people, duties, recording."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from appliance import clock, diagnostics
from appliance.api.models import Body, Sentence, Short
from appliance.api.ports import Ports
from appliance.care import conduct, dossier, messages
from appliance.platform import parcel
from appliance.platform.fhir.parts import Sender
from appliance.records.model import Consent, ConsultationRecord, Dossier, KeptResult, Person

Json = dict[str, Any]


class PersonBody(Body):
    """A professional."""

    name: Short
    rpps: Annotated[str, Field(pattern=r"^[0-9]{11}$")] | None = None

    def person(self) -> Person:
        """As kept."""
        return Person(self.name, self.rpps)


class DossierBody(Body):
    """A question to a specialist."""

    question: Annotated[str, Field(min_length=1, max_length=4000)]
    urgency: Literal["routine", "urgent", "asap", "stat"]
    specialty: Short | None = None
    by: PersonBody


class PeopleBody(Body):
    """Who is there; what is left out stays as it is."""

    nurse: PersonBody | None = None
    doctor: PersonBody | None = None


class DutyBody(Body):
    """A duty that was done."""

    what: Literal["hygiene", "responsible-person", "equipment"]
    by: Short


class RecordingBody(Body):
    """What the patient says to being recorded."""

    given: bool
    by: Literal["patient", "representative"]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
    version: Short


class ExportBody(Body):
    """Who takes a dossier out on a USB key, and why."""

    by: Short
    reason: Sentence


def add(routes: APIRouter, ports: Ports) -> None:
    """These routes, wired to the room and the records."""
    _act(routes, ports)
    _dossiers(routes, ports)


def _act(routes: APIRouter, ports: Ports) -> None:
    room = ports.room

    def said(record: ConsultationRecord) -> Json:
        return messages.consultation(record, resumed=False, doctor=None) | {"leases": room.leases}

    @routes.post("/consultations/{ref}/people")
    async def people(ref: str, body: PeopleBody) -> Json:
        nurse, doctor = (None if one is None else one.person() for one in (body.nurse, body.doctor))
        return said(await room.amend(ref, "people", lambda record: conduct.attended(record, nurse, doctor)))

    @routes.post("/consultations/{ref}/acknowledgements")
    async def acknowledge(ref: str, body: DutyBody) -> Json:
        now = clock.wall()
        change = f"acknowledge-{body.what}"
        return said(await room.amend(ref, change, lambda it: conduct.acknowledge(it, body.what, body.by, now)))

    @routes.post("/consultations/{ref}/recording")
    async def recording(ref: str, body: RecordingBody) -> Json:
        consent = Consent(body.given, body.by, clock.wall(), body.language, body.version)
        change = "recording-allowed" if body.given else "recording-refused"
        return said(await room.amend(ref, change, lambda record: conduct.recording(record, consent)))


def _dossiers(routes: APIRouter, ports: Ports) -> None:
    store, settings = ports.store, ports.settings

    @routes.post("/consultations/{ref}/dossiers", status_code=201)
    async def ask(ref: str, body: DossierBody) -> Json:
        def make(record: ConsultationRecord, results: list[KeptResult]) -> Dossier:
            return dossier.build(
                record,
                results,
                question=body.question,
                urgency=body.urgency,
                specialty=body.specialty,
                by=body.by.person(),
            )

        made = await ports.room.ask(ref, make)
        return dossier.message(await store.dossier(made.id))

    @routes.get("/dossiers")
    async def all_() -> Json:
        return {"dossiers": [dossier.message(kept) for kept in await store.dossiers()]}

    @routes.post("/dossiers/{ref}/export", status_code=201)
    async def export(ref: str, body: ExportBody) -> Json:
        kept = await store.dossier(ref)
        unit = settings.unit
        sender = Sender(unit.id, unit.name, diagnostics.software(), settings.platform.test_data)
        plain = await parcel.pack(kept, store, sender)
        sealed = await asyncio.to_thread(parcel.enveloped, plain, settings.export)
        name = f"dossier-{kept.dossier.id}.p7m"
        await store.note("dossier-export", kept.dossier.id, f"begun by {body.by}: {body.reason}")
        sha256 = await asyncio.to_thread(parcel.put, sealed, name, settings.export.folder)
        await store.note("dossier-exported", kept.dossier.id, sha256)
        return {"file": name, "sha256": sha256, "bytes": len(sealed)}
