"""Tele-expertise: what is asked, how it goes on, and what leaves on a USB key."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from appliance.care import conduct, dossier
from appliance.care.charting import Picture
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.config import Care, Export
from appliance.feed import Feed
from appliance.platform import parcel
from appliance.platform.fhir.parts import Sender
from appliance.records.model import Answer, ConsultationRecord, Dossier, KeptDossier, KeptResult, Person
from appliance.records.store import Store
from tests import making

NURSE = Person("Nadia Petit", "10001234567")
LATER = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)
SENDER = Sender("unit-1", "Cart 1", "0.1.0")


def made(record: ConsultationRecord, results: list[KeptResult]) -> Dossier:
    return dossier.build(record, results, question="Melanoma?", urgency="urgent", specialty="dermatology", by=NURSE)


def still() -> Picture:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc", FIPS 180-2 B.1
    return Picture(b"abc", digest, "image/jpeg", 1280, 720, "dermatoscope", "Dermatoscope", making.stamp())


async def asked(folder: Path) -> tuple[Room, Store, str, KeptDossier]:
    room, store, _, ref = await making.active_room(folder)
    await room.lease(ref, ["cuff"])
    await room.accept(making.reading())
    await room.picture(ref, still())
    struck = await room.typed(ref, metric="body-temperature", value="37.2", unit="Cel", reason="no probe")
    await room.strike(ref, struck.result.id, "of another patient")
    return room, store, ref, await store.dossier((await room.ask(ref, made)).id)


async def test_what_is_charted_belongs_to_it_and_what_was_struck_does_not(tmp_path: Path) -> None:
    _, store, ref, kept = await asked(tmp_path)
    assert [item.kind for item in kept.dossier.items] == ["measurement", "still"]
    said = json.loads(dossier.manifest(kept.dossier))
    assert said["items"][1]["object"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    rows = await store.waiting(10)
    assert rows[0].consultation == ref
    await store.close()


async def test_it_goes_last_and_survives_a_restart_and_the_end(tmp_path: Path) -> None:
    room, store, ref, kept = await asked(tmp_path)
    await room.review(ref)
    await room.close(ref)
    await store.close()
    again = Store.open(tmp_path)
    assert [one.dossier for one in await again.dossiers()] == [kept.dossier]
    kinds = []
    while rows := await again.waiting(1):
        kinds.append(rows[0].kind)
        await again.refused(rows[0].seq, "no")
    assert kinds.index("dossier") > max(number for number, kind in enumerate(kinds) if kind == "result")
    assert (await again.dossier(kept.dossier.id)).delivery == "refused"
    await again.close()


async def test_nothing_is_asked_without_patient_and_consent(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    room = Room(store, Feed(), Care())
    await room.start()
    ref = (await room.open("ehpad", None)).id
    with pytest.raises(Refused, match="active consultation"):
        await room.ask(ref, made)
    await making.make_active(room, ref)
    for wrong in ({"urgency": "now"}, {"question": "  "}):
        words = {"question": "Melanoma?", "urgency": "routine", "specialty": None, **wrong}
        with pytest.raises(Refused):
            dossier.build(room.record, [], by=NURSE, **words)  # type: ignore[arg-type]
    await store.close()


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ([], "requested"),
        (["accepted"], "accepted"),
        (["accepted", "answered"], "answered"),
        (["answered", "answered", "accepted"], "answered"),
        (["refused", "answered"], "refused"),
        (["accepted", "accepted", "refused"], "refused"),
    ],
)
async def test_the_platforms_word_goes_forward_only(tmp_path: Path, words: list[str], stage: str) -> None:
    _, store, _, kept = await asked(tmp_path)
    for word in words:
        answer = Answer(word, LATER, "Dr Roy", "Benign.")
        kept = await store.dossier(kept.dossier.id)
        if dossier.news(kept, answer):
            await store.answer(kept.dossier.id, answer)
    kept = await store.dossier(kept.dossier.id)
    assert dossier.message(kept)["state"] == stage
    assert await store.audit_break() is None
    await store.close()


def certificate(folder: Path, *, elliptic: bool = False) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "specialist")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(LATER).not_valid_after(LATER + timedelta(days=9)).sign(key, hashes.SHA256())
    private, public = folder / "key.pem", folder / "recipient.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return private, public


async def test_openssl_opens_what_is_on_the_key_and_every_hash_fits(tmp_path: Path) -> None:
    _, store, _, kept = await asked(tmp_path / "state")
    key, recipient = certificate(tmp_path)
    plain = await parcel.pack(kept, store, SENDER)
    sealed = parcel.enveloped(plain, Export(recipient=recipient))
    assert b"DURAND" in plain and b"DURAND" not in sealed
    digest = parcel.put(sealed, "dossier.p7m", tmp_path)
    assert hashlib.sha256((tmp_path / "dossier.p7m").read_bytes()).hexdigest() == digest
    words = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "dossier.p7m"]
    told = subprocess.run(
        [*words, "-inkey", str(key), "-recip", str(recipient)],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=True,
    )
    with zipfile.ZipFile(io.BytesIO(told.stdout)) as archive:
        for item in json.loads(archive.read("manifest.json"))["items"]:
            assert hashlib.sha256(archive.read(f"results/{item['result']}.json")).hexdigest() == item["sha256"]
            if item["object"]:
                assert hashlib.sha256(archive.read(f"objects/{item['object']}")).hexdigest() == item["object"]
        assert json.loads(archive.read("dossier.json"))["type"] == "transaction"
    await store.close()


async def test_nothing_leaves_without_a_recipient_or_a_key(tmp_path: Path) -> None:
    _, elliptic = certificate(tmp_path, elliptic=True)
    for rules in (Export(), Export(recipient=tmp_path / "none.pem"), Export(recipient=elliptic)):
        with pytest.raises(Refused, match="recipient"):
            parcel.enveloped(b"x", rules)
    with pytest.raises(Refused, match="no USB key"):
        parcel.put(b"x", "x.p7m", tmp_path / "absent")


async def test_a_manifest_that_does_not_fit_is_not_packed(tmp_path: Path) -> None:
    _, store, _, kept = await asked(tmp_path)
    item = replace(kept.dossier.items[0], sha256="0" * 64)
    with pytest.raises(Refused, match="manifest"):
        await parcel.pack(replace(kept, dossier=replace(kept.dossier, items=(item,))), store, SENDER)
    await store.close()


async def test_people_duties_and_recording_are_kept(tmp_path: Path) -> None:
    room, store, _, ref = await making.active_room(tmp_path)
    assert room.record is not None and not conduct.may_record(room.record)
    agreed = room.record.consent
    assert agreed is not None
    await room.amend(ref, "people", lambda one: conduct.attended(one, NURSE, None))
    await room.amend(ref, "duty", lambda one: conduct.acknowledge(one, "hygiene", "Nadia", LATER))
    await room.amend(ref, "recording", lambda one: conduct.recording(one, agreed))
    kept = await store.consultation(ref)
    assert (kept.nurse, kept.doctor, conduct.may_record(kept)) == (NURSE, None, True)
    assert [(one.what, one.by, one.at) for one in kept.acknowledged] == [("hygiene", "Nadia", LATER)]
    with pytest.raises(Refused, match="hygiene"):
        conduct.acknowledge(kept, "anything", "Nadia", LATER)
    with pytest.raises(Refused, match="agreed"):
        conduct.recording(replace(kept, consent=None), agreed)
    await store.close()
