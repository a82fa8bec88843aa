"""Unit and stand-in platform over real sockets: FHIR, the link, the viewer, the page and who may reach them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from playwright.async_api import async_playwright
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from appliance.care.dossier import manifest
from appliance.platform.answer import Later, Persisted, Refused
from appliance.platform.client import Platform
from appliance.platform.fhir import bundles, requests
from appliance.platform.fhir.text import Resource, dumps, loads
from appliance.platform.link import Link
from appliance.platform.link_messages import (
    ConsultationChanged,
    Description,
    DossierNews,
    OpenConsultation,
    Opened,
    PeerJoined,
    Signal,
)
from tests import schemas
from tests.hosting import TOKEN, Hosted
from tests.unit.platform.fakes import until
from tests.unit.platform.making import (
    CONFIRMED,
    CONSULTATION,
    NOON,
    PRESSURE,
    RESULT,
    SENDER,
    SHA1,
    SHA256,
    STILL,
    measurement,
    only,
    value,
)
from tests.unit.platform.test_fhir_dossiers import ASKED
from tests.unit.platform.test_link import Heard, Unit

AT = "2026-06-01T12:00:00+00:00"
OPEN = OpenConsultation(CONSULTATION, "active", AT, "cough")


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    one = Hosted(tmp_path_factory.mktemp("platform"))
    (one.folder / "ui").mkdir()
    (one.folder / "ui" / "viewer.html").write_text("<!doctype html><title>viewer</title>")
    asyncio.run(one.start())
    yield one
    one.stop()


@pytest.fixture
async def client(hosted: Hosted) -> AsyncIterator[Platform]:
    async with Platform(hosted.url, TOKEN) as one:
        yield one


async def search(hosted: Hosted, kind: str, identifier: str) -> list[Resource]:
    found = await hosted.get(f"/fhir/{kind}?identifier={identifier}")
    assert found["type"] == "searchset"
    return [entry["resource"] for entry in found["entry"]]


# --- FHIR


async def test_a_result_is_stored_once_however_often_it_is_sent(hosted: Hosted, client: Platform) -> None:
    bundle = bundles.result(PRESSURE, CONFIRMED, SENDER)
    first = await client.transact(bundle)
    before = await hosted.stored()
    again = await client.transact(bundle)
    assert isinstance(first, Persisted)
    assert again == first
    assert await hosted.stored() == before
    (panel,) = await search(hosted, "Observation", "urn:ietf:rfc:3986|urn:uuid:e0fb9a49-94c1-588d-b003-3640fe3ba950")
    assert panel["meta"]["versionId"] == "1"
    assert len(await search(hosted, "Observation", f"urn:chevet:fhir:result|{RESULT}")) == 2


async def test_references_lead_to_what_was_stored(hosted: Hosted, client: Platform) -> None:
    await client.transact(bundles.result(PRESSURE, CONFIRMED, SENDER))
    (panel,) = await search(hosted, "Observation", "urn:ietf:rfc:3986|urn:uuid:e0fb9a49-94c1-588d-b003-3640fe3ba950")
    patient = await hosted.get(f"/fhir/{panel['subject']['reference']}")
    device = await hosted.get(f"/fhir/{panel['device']['reference']}")
    assert (patient["name"][0]["family"], device["serialNumber"]) == ("DURAND", "5170")
    assert "urn:uuid:" not in dumps(panel["subject"]) + dumps(panel["encounter"])


async def test_digits_survive_storage(hosted: Hosted, client: Platform) -> None:
    warm = replace(measurement(value("body-temperature", "36.60")), id="0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a36")
    got = await client.transact(bundles.result(warm, CONFIRMED, SENDER))
    assert isinstance(got, Persisted)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        text = (await http.get(f"{hosted.url}/fhir/{(got.location or '').split('/_history')[0]}")).text
    assert '"value":36.60,' in text


async def test_a_strike_is_a_new_version_of_the_same(hosted: Hosted, client: Platform) -> None:
    other = replace(PRESSURE, id="0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a37")
    await client.transact(bundles.result(other, CONFIRMED, SENDER))
    strike = bundles.strike(other, CONFIRMED, SENDER, "wrong arm", NOON)
    assert isinstance(await client.transact(strike), Persisted)
    assert isinstance(await client.transact(strike), Persisted)
    found = await search(hosted, "Observation", f"urn:chevet:fhir:result|{other.id}")
    assert [(one["status"], one["meta"]["versionId"]) for one in found] == [("entered-in-error", "2")] * 2


async def test_a_consultation_follows_its_changes(hosted: Hosted, client: Platform) -> None:
    for state in ("ready", "active", "closed"):
        record = replace(CONFIRMED, state=state, closed=NOON if state == "closed" else None)
        assert isinstance(await client.transact(bundles.consultation(record, SENDER)), Persisted)
    (encounter,) = await search(hosted, "Encounter", f"urn:ietf:rfc:3986|urn:uuid:{CONSULTATION}")
    assert encounter["status"] == "finished"


async def test_bytes_are_stored_by_their_hash_and_named_after(hosted: Hosted, client: Platform) -> None:
    before = await client.transact(bundles.result(STILL, CONFIRMED, SENDER, SHA1))
    assert before == Refused(f"Binary/{SHA256} was not sent")
    wrong = await client.put_object(SHA256, "image/jpeg", b"abd")
    assert isinstance(wrong, Refused)
    assert hashlib.sha256(b"abd").hexdigest() in wrong.words
    assert await client.put_object(SHA256, "image/jpeg", b"abc") == Persisted(None)
    assert await client.put_object(SHA256, "image/jpeg", b"abc") == Persisted(None)
    assert isinstance(await client.transact(bundles.result(STILL, CONFIRMED, SENDER, SHA1)), Persisted)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        got = await http.get(f"{hosted.url}/fhir/Binary/{SHA256}")
    assert (got.content, got.headers["content-type"]) == (b"abc", "image/jpeg")


async def test_a_transaction_that_is_refused_leaves_nothing(hosted: Hosted, client: Platform) -> None:
    fresh = replace(PRESSURE, id="0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a38")
    bundle = loads(dumps(bundles.result(fresh, CONFIRMED, SENDER)))
    bundle["entry"][-2]["resource"]["device"] = {"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}
    before = await hosted.stored()
    got = await client.transact(bundle)
    assert isinstance(got, Refused)
    assert "is to nothing in this transaction" in got.words
    assert await hosted.stored() == before
    assert await search(hosted, "Observation", f"urn:chevet:fhir:result|{fresh.id}") == []


async def raw(hosted: Hosted, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.request(method, f"{hosted.url}{path}", content=body, headers=headers)


BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/fhir", b"{", 400),
        ("POST", "/fhir", b"[" * 100_000, 400),
        ("POST", "/fhir", b'{"resourceType":"Bundle","type":"batch","entry":[]}', 400),
        ("POST", "/fhir", b'{"resourceType":"Bundle","type":"transaction","entry":[]}', 400),
        ("POST", "/fhir", b'{"resourceType":"Bundle","type":"transaction","entry":[null]}', 400),
        ("POST", "/fhir", b"[" + b" " * (1 << 20) + b"]", 413),
        ("PUT", "/fhir/Binary/00", b"abc", 422),
        ("GET", "/fhir/Observation/none", b"", 404),
        ("GET", "/fhir/Binary/none", b"", 404),
        ("GET", "/fhir/Observation?code=1", b"", 400),
    ],
)
async def test_what_it_does_not_take_it_refuses_in_fhir(
    hosted: Hosted, method: str, path: str, body: bytes, status: int
) -> None:
    got = await raw(hosted, method, path, body, **BEARER)
    assert (got.status_code, got.json()["resourceType"]) == (status, "OperationOutcome")


def _entry(resource: Resource, **request: str) -> Resource:
    return {"fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": resource, "request": request}


PATIENT = {"resourceType": "Patient", "identifier": [{"system": "urn:s", "value": "1"}]}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (_entry(PATIENT, method="POST", url="Patient"), "conditional"),
        (_entry(PATIENT, method="PUT", url="Patient/1"), "conditional"),
        (_entry(PATIENT, method="DELETE", url="Patient?identifier=urn:s|1"), "conditional"),
        (_entry(PATIENT, method="POST", url="Patient", ifNoneExist="name=x"), "a search must be"),
        (_entry({**PATIENT, "resourceType": "Basic"}, method="POST", url="Basic"), "'Basic' is not taken"),
        (_entry({"resourceType": "Observation", "code": {}}, method="POST", url="Observation"), "without status, code"),
        (_entry(OBSERVATION, method="POST", url="Observation"), "says a value or why"),
        (_entry({**PATIENT, "meta": []}, method="POST", url="Patient"), "meta is an object"),
        (_entry({**PATIENT, "identifier": ["x"]}, method="POST", url="Patient"), "identifier a list"),
    ],
)
async def test_entries_it_does_not_take(hosted: Hosted, client: Platform, entry: Resource, words: str) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    got = await raw(hosted, "POST", "/fhir", dumps(bundle).encode(), **BEARER)
    assert got.status_code in {400, 422}
    assert words in got.json()["issue"][0]["details"]["text"]


async def test_it_says_what_it_can(hosted: Hosted, client: Platform) -> None:
    assert await client.is_up()
    CapabilityStatement.model_validate(await hosted.get("/fhir/metadata"))


async def test_without_its_token_a_unit_is_nobody(hosted: Hosted) -> None:
    async with Platform(hosted.url, "another-token-altogether") as stranger:
        got = await stranger.transact(bundles.result(PRESSURE, CONFIRMED, SENDER))
    assert got == Later("the platform answered 401")
    assert (await raw(hosted, "PUT", f"/fhir/Binary/{SHA256}", b"abc")).status_code == 401


async def test_whoever_is_on_this_machine_may_look(hosted: Hosted, client: Platform) -> None:
    await client.transact(bundles.result(PRESSURE, CONFIRMED, SENDER))
    found = (await raw(hosted, "GET", "/fhir/Patient")).json()
    assert (found["type"], found["total"]) == ("searchset", len(found["entry"]))
    assert "DURAND" in {entry["resource"]["name"][0]["family"] for entry in found["entry"]}


# --- who may reach it from a browser


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/state"), ("POST", "/switches"), ("GET", "/fhir/metadata")]
)
async def test_foreign_pages_and_rebound_names_are_turned_away(
    hosted: Hosted, method: str, path: str, headers: dict[str, str]
) -> None:
    assert (await raw(hosted, method, path, b'{"mode":"down"}', **headers)).status_code == 403
    assert (await hosted.get("/switches"))["mode"] == "normal"


@pytest.mark.parametrize("path", ["/viewer", "/link"])
async def test_foreign_pages_get_no_socket(hosted: Hosted, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"ws://127.0.0.1:{hosted.port}{path}", origin="http://evil.example"):  # type: ignore[arg-type]
            pass
    assert caught.value.response.status_code == 403


async def test_the_page_opens_the_viewer_with_this_runs_token(hosted: Hosted) -> None:
    page = (await raw(hosted, "GET", "/")).text
    assert re.search(r'TOKEN = "([^"]{20,})"', page)
    assert "<title>viewer</title>" in (await raw(hosted, "GET", "/viewer.html?consultation=x")).text


async def test_without_a_built_viewer_the_page_names_the_command(tmp_path: Path) -> None:
    bare = Hosted(tmp_path)
    await bare.start()
    try:
        got = await raw(bare, "GET", "/viewer.html")
    finally:
        bare.stop()
    assert (got.status_code, "make ui" in got.text) == (503, True)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"mode":"sideways"}', b'{"mode":"slow","delay_s":-1}', b'{"mode":"slow","delay_s":"x"}', b"x" * 5000],
)
async def test_a_switch_that_is_none_is_refused(hosted: Hosted, body: bytes) -> None:
    got = await raw(hosted, "POST", "/switches", body)
    assert (got.status_code, got.json()["error"]) == (422, "bad-switch")


# --- the link and the viewer


@asynccontextmanager
async def unit_link(hosted: Hosted, unit: Unit) -> AsyncIterator[tuple[Link, Heard]]:
    heard = Heard()
    link = Link(hosted.url, TOKEN, unit.hello, heard, draw=lambda *_: 0.01)
    task = asyncio.create_task(link.run())
    try:
        await until(lambda: link.up)
        yield link, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Viewer:
    """A doctor's browser, as far as the platform sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        schemas.check("viewer", message)
        await self.socket.send(json.dumps(message))

    async def hear(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                message = json.loads(await self.socket.recv())
                schemas.check("viewer", message)
                if message["type"] == kind:
                    assert isinstance(message, dict)
                    return message


async def viewer_token(hosted: Hosted) -> str:
    found = re.search(r'TOKEN = "([^"]+)"', (await raw(hosted, "GET", "/")).text)
    assert found is not None
    return found[1]


@asynccontextmanager
async def viewer(hosted: Hosted, consultation: str = CONSULTATION, token: str | None = None) -> AsyncIterator[Viewer]:
    async with connect(f"ws://127.0.0.1:{hosted.port}/viewer", origin=hosted.url) as socket:  # type: ignore[arg-type]
        one = Viewer(socket)
        secret = token or await viewer_token(hosted)
        await one.say(type="join", protocol=1, consultation=consultation, token=secret, name="Dr A", role="doctor")
        yield one


def joined(heard: Heard) -> list[PeerJoined]:
    return [message for message in heard.messages if isinstance(message, PeerJoined)]


async def test_a_doctor_joins_and_signals_are_relayed_unchanged(hosted: Hosted) -> None:
    async with unit_link(hosted, Unit([OPEN])) as (link, heard), viewer(hosted) as doctor:
        me = await doctor.hear("joined")
        await until(lambda: len(joined(heard)) == 1)
        assert joined(heard)[0] == PeerJoined(CONSULTATION, me["peer"], "Dr A", "doctor", ())
        link.send(Signal(CONSULTATION, me["peer"], description=Description("offer", "v=0 é")))
        assert await doctor.hear("signal") == {"type": "signal", "description": {"type": "offer", "sdp": "v=0 é"}}
        await doctor.say(type="signal", description={"type": "answer", "sdp": "v=0 back"})
        await doctor.say(type="signal", candidate=None)
        await until(lambda: len(heard.messages) == 3)
        assert heard.messages[1:] == [
            Signal(CONSULTATION, me["peer"], description=Description("answer", "v=0 back")),
            Signal(CONSULTATION, me["peer"], candidate=None),
        ]


async def test_the_doctor_hears_of_results_and_the_unit_of_their_opening(hosted: Hosted, client: Platform) -> None:
    fresh = replace(PRESSURE, id="0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a39")
    async with unit_link(hosted, Unit([OPEN])) as (_, heard), viewer(hosted) as doctor:
        await doctor.hear("joined")
        await client.transact(bundles.result(fresh, CONFIRMED, SENDER))
        told = [await doctor.hear("result"), await doctor.hear("result")]
        assert {one["identifier"] for one in told} == {f"urn:uuid:{fresh.id}"}
        stored = await hosted.get(f"/fhir/{told[0]['location']}")
        assert stored["resourceType"] == told[0]["resource"] == "Observation"
        await doctor.say(type="opened", identifier=f"urn:uuid:{fresh.id}")
        await until(lambda: any(isinstance(message, Opened) for message in heard.messages))
        receipt = next(message for message in heard.messages if isinstance(message, Opened))
        assert (receipt.identifier, receipt.by) == (f"urn:uuid:{fresh.id}", "Dr A")
    async with unit_link(hosted, Unit([])) as (_, later):
        await until(lambda: any(isinstance(m, Opened) and m.identifier == receipt.identifier for m in later.messages))


async def test_both_sides_hear_when_the_other_goes_and_comes(hosted: Hosted) -> None:
    async with unit_link(hosted, Unit([OPEN])) as (_, heard):
        async with viewer(hosted) as doctor:
            me = await doctor.hear("joined")
            assert (await doctor.hear("unit"))["connected"] is True
            await hosted.switch("down")
            assert (await doctor.hear("unit"))["connected"] is False
            await hosted.switch("normal")
            assert (await doctor.hear("unit"))["connected"] is True
            await until(lambda: len(joined(heard)) == 2)
            assert {message.peer for message in joined(heard)} == {me["peer"]}
        await until(lambda: type(heard.messages[-1]).__name__ == "PeerLeft")
    assert heard.changes[:3] == [True, False, True]


async def test_the_end_of_the_consultation_ends_the_call(hosted: Hosted) -> None:
    async with unit_link(hosted, Unit([OPEN])) as (link, _), viewer(hosted) as doctor:
        await doctor.hear("joined")
        link.send(ConsultationChanged(CONSULTATION, "closed", AT))
        await until_state(doctor, "closed")
        await doctor.hear("peer.closed")
        with pytest.raises(ConnectionClosed):
            await doctor.hear("never")
    assert (await hosted.get("/state"))["consultations"] == []


async def until_state(doctor: Viewer, state: str) -> None:
    while (await doctor.hear("consultation"))["state"] != state:
        pass


async def test_a_consultation_that_ended_while_the_link_was_down_is_forgotten(hosted: Hosted) -> None:
    unit = Unit([OPEN])
    async with unit_link(hosted, unit) as (link, heard):
        assert [one["id"] for one in (await hosted.get("/state"))["consultations"]] == [CONSULTATION]
        unit.open = []
        await hosted.switch("down")
        await until(lambda: not link.up)
        await hosted.switch("normal")
        await until(lambda: link.up)
        assert (await hosted.get("/state"))["consultations"] == []
        assert heard.changes == [True, False, True]


@pytest.mark.parametrize(
    ("consultation", "token", "code"), [("none", None, "no-such-consultation"), (CONSULTATION, "wrong", "wrong-token")]
)
async def test_a_viewer_that_may_not_join_is_told_why(
    hosted: Hosted, consultation: str, token: str | None, code: str
) -> None:
    async with unit_link(hosted, Unit([OPEN])), viewer(hosted, consultation, token) as stranger:
        assert (await stranger.hear("error"))["code"] == code
        with pytest.raises(ConnectionClosed):
            await stranger.hear("never")


async def test_there_is_room_for_so_many_doctors(hosted: Hosted) -> None:
    async with unit_link(hosted, Unit([OPEN])), AsyncExitStack() as doctors:
        for _ in range(8):
            await (await doctors.enter_async_context(viewer(hosted))).hear("joined")
        async with viewer(hosted) as ninth:
            assert (await ninth.hear("error"))["code"] == "too-many-peers"


@pytest.mark.parametrize("first", ['{"type":"opened"}', "junk", '{"type":"join","protocol":2}'])
async def test_whoever_does_not_begin_with_join_is_turned_away(hosted: Hosted, first: str) -> None:
    async with connect(f"ws://127.0.0.1:{hosted.port}/viewer", origin=hosted.url) as socket:  # type: ignore[arg-type]
        await socket.send(first)
        assert (await Viewer(socket).hear("error"))["code"] == "protocol"


async def test_a_message_beyond_the_cap_ends_the_viewers_line_only(hosted: Hosted) -> None:
    async with unit_link(hosted, Unit([OPEN])) as (_, heard), viewer(hosted) as doctor:
        await doctor.hear("joined")
        await doctor.socket.send("x" * 70_000)
        with pytest.raises(ConnectionClosed):
            await doctor.hear("never")
        await until(lambda: type(heard.messages[-1]).__name__ == "PeerLeft")
        assert heard.changes == [True]


async def test_a_link_without_the_token_is_refused(hosted: Hosted) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{hosted.port}/link", subprotocols=["chevet.link.v1"]):  # type: ignore[list-item]
            pass


async def test_a_dossier_is_asked_and_its_answer_comes_also_later(hosted: Hosted, client: Platform) -> None:
    asked = requests.dossier(ASKED, CONFIRMED, manifest(ASKED), SENDER)
    assert isinstance(await client.transact(asked), Persisted)
    answer = {"state": "answered", "by": "Dr Roy", "text": "Benign."}
    async with httpx.AsyncClient(base_url=hosted.url) as http:
        assert (await http.post(f"/dossiers/{ASKED.id}", json=answer)).status_code == 204
        assert (await http.post(f"/dossiers/{RESULT}", json=answer)).status_code == 404
        assert (await http.post(f"/dossiers/{ASKED.id}", json={"state": "perhaps"})).status_code == 422
        assert ASKED.id in [one["id"] for one in (await http.get("/dossiers")).json()["dossiers"]]
    assert isinstance(await client.transact(asked), Persisted)  # a repeat takes nothing back
    identifier = only(asked, "Task")[0]["identifier"][0]["value"]
    (task,) = await search(hosted, "Task", f"urn:ietf:rfc:3986|{identifier}")
    assert task["status"] == "completed"
    async with unit_link(hosted, Unit([OPEN])) as (_, heard):
        await until(lambda: any(isinstance(one, DossierNews) for one in heard.messages))
    (news,) = [one for one in heard.messages if isinstance(one, DossierNews)]
    assert (news.identifier, news.state, news.text) == (f"urn:uuid:{ASKED.id}", "answered", "Benign.")


# --- the page, in a real browser

CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}")
async def test_the_page_shows_joins_and_switches(hosted: Hosted, client: Platform) -> None:
    await client.transact(bundles.result(PRESSURE, CONFIRMED, SENDER))
    hostile = OpenConsultation(CONSULTATION, "active", AT, "<img src=x onerror=alert(1)>")
    said: list[str] = []
    async with unit_link(hosted, Unit([hostile])), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(hosted.url)
        row = page.locator("#consultations tr", has_text="<img src=x onerror=alert(1)>")
        await row.wait_for()
        join = await row.locator("a").get_attribute("href")
        await page.locator("#results tr", has_text="124 mmHg / 86 mmHg / 98 mmHg").first.wait_for()
        await page.get_by_role("button", name="busy").click()
        await page.locator('button[aria-pressed="true"]', has_text="busy").wait_for()
        mode = (await hosted.get("/switches"))["mode"]
        await page.get_by_role("button", name="normal").click()
        await page.locator('button[aria-pressed="true"]', has_text="normal").wait_for()
        await browser.close()
    assert join is not None
    assert re.fullmatch(rf"/viewer\.html\?consultation={CONSULTATION}#token=[\w-]{{20,}}", join)
    assert (mode, said) == ("busy", [])
