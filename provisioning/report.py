"""The acceptance report: JSON signed by the unit's key, and the same as a page (PDF/A-2b) with a code to find it by."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from typing import Any

import segno
import typst
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from provisioning.acceptance import QUESTIONS, Finding, passed
from provisioning.identity import Identity
from provisioning.private import ProvisionError

KIND = "chevet-acceptance"
LANGUAGES = ("en", "fr")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the unit stands, and who tested it."""

    unit: str
    site: str
    room: str
    technician: str


def texts(language: str) -> Json:
    """The words of a language."""
    found: Json = json.loads((resources.files("provisioning") / "texts" / f"{language}.json").read_text("utf-8"))
    return found


def content(
    serial: str,
    software: str,
    place: Place,
    found: list[Finding],
    answers: Mapping[str, bool],
    at: datetime,
) -> Json:
    """What is signed."""
    return {
        "report": 1,
        "serial": serial,
        "software": software,
        "place": asdict(place),
        "at": at.isoformat(timespec="seconds"),
        "accepted": passed(found, dict(answers)),
        "checks": [asdict(one) for one in found],
        "answers": {name: bool(answers.get(name)) for name in QUESTIONS},
    }


def signed(report: Json, identity: Identity) -> str:
    """The JWS (ES256) of a report; with the thumbprint of the unit's certificate, if it has one (RFC 7515, 4.1.8)."""
    header: Json = {"alg": "ES256", "typ": KIND}
    mine = identity.certificate()
    if mine is not None:
        header["x5t#S256"] = base64.urlsafe_b64encode(mine.fingerprint(SHA256())).rstrip(b"=").decode("ascii")
    key = ECKey.import_key(identity.key())
    return jws.serialize_compact(header, json.dumps(report, ensure_ascii=False, sort_keys=True).encode(), key)


def verified(token: str, public: Any) -> Json:
    """The report in a JWS, signed by this public key; else `ProvisionError`."""
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        found = jws.deserialize_compact(token.strip(), ECKey.import_key(pem), algorithms=["ES256"])
    except (JoseError, ValueError) as error:
        raise ProvisionError(f"the report was not signed by this unit's key, or was changed: {error}") from error
    if found.headers().get("typ") != KIND:
        raise ProvisionError(f"what was signed is a {found.headers().get('typ')!r}, not a {KIND!r}")
    report: Json = json.loads(found.payload)
    return report


def page(report: Json, token: str, fingerprint: str, language: str) -> bytes:
    """The report as PDF/A-2b."""
    said = texts(language)
    words, place = said["words"], report["place"]
    digest = hashlib.sha256(token.encode()).hexdigest()
    facts = [
        (words["unit"], place["unit"]),
        (words["serial"], report["serial"]),
        (words["site"], place["site"]),
        (words["room"], place["room"]),
        (words["by"], place["technician"]),
        (words["at"], report["at"]),
        (words["software"], report["software"]),
        (words["key"], fingerprint),
        (words["report"], digest),
    ]
    shown = {
        "language": language,
        "words": words,
        "serial": report["serial"],
        "accepted": report["accepted"],
        "sha256": digest,
        "day": datetime.fromisoformat(report["at"]).timetuple()[:3],
        "facts": facts,
        "checks": [_row(check, said["checks"][check["check"]]) for check in report["checks"]],
        "answers": [{"question": said["questions"][name], "yes": yes} for name, yes in report["answers"].items()],
    }
    code = segno.make(f"chevet-report:{report['serial']}:{digest}", error="m").svg_inline(scale=4, border=2)
    made = typst.compile(
        (resources.files("provisioning") / "report.typ").read_bytes(),
        format="pdf",
        sys_inputs={"report": json.dumps(shown, ensure_ascii=False), "code": code},
        pdf_standards=["a-2b"],
    )
    assert isinstance(made, bytes)
    return made


def _row(check: Json, text: Json) -> Json:
    figures = ", ".join(f"{name} {value}" for name, value in check["figures"].items() if value not in (None, "", []))
    return {
        "state": check["state"],
        "about": check["about"],
        "title": text["title"],
        "todo": text["todo"],
        "figures": figures[:120],
    }
