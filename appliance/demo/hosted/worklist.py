"""The appointments of the stand-in platform: made-up patients, around now, for the unit that shows its token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from appliance.demo.hosted.access import Access
from appliance.demo.hosted.transaction import outcome
from appliance.platform.fhir.text import Resource, dumps

FHIR_JSON = "application/fhir+json"
# minutes from now, family, given, born, gender, reason
BOOKED = (
    (-10, "LEFEVRE", "Marcel", "1948-03-02", "male", "Essoufflement"),
    (20, "BENALI", "Samira", "1990-11-17", "female", "Otalgie"),
    (50, "NGUYEN", "Minh Anh", "2015-06-30", "unknown", "Fièvre"),
)


def routes(access: Access) -> APIRouter:
    """`GET /fhir/Appointment`: a searchset with the patients included."""
    router = APIRouter(prefix="/fhir")

    @router.get("/Appointment")
    async def booked(request: Request) -> Response:
        if not access.is_unit(request.headers):
            return Response(dumps(outcome("login", "the unit's bearer token is wanted")), 401, media_type=FHIR_JSON)
        return Response(dumps(_searchset(datetime.now(UTC))), media_type=FHIR_JSON)

    return router


def _searchset(now: datetime) -> Resource:
    hour = now.replace(second=0, microsecond=0)
    entries = [entry for number, row in enumerate(BOOKED, 1) for entry in _pair(number, hour, *row)]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(BOOKED), "entry": entries}


def _pair(
    number: int, now: datetime, minutes: int, family: str, given: str, born: str, gender: str, reason: str
) -> tuple[Resource, Resource]:
    patient = {
        "resourceType": "Patient",
        "id": f"expected-{number}",
        "name": [{"use": "official", "family": family, "given": given.split()}],
        "birthDate": born,
        "gender": gender,
    }
    appointment = {
        "resourceType": "Appointment",
        "id": f"appointment-{number}",
        "status": "booked",
        "start": (now + timedelta(minutes=minutes)).isoformat(),
        "reasonCode": [{"text": reason}],
        "participant": [{"actor": {"reference": f"Patient/expected-{number}"}, "status": "accepted"}],
    }
    return (
        {"fullUrl": f"Appointment/appointment-{number}", "resource": appointment, "search": {"mode": "match"}},
        {"fullUrl": f"Patient/expected-{number}", "resource": patient, "search": {"mode": "include"}},
    )
