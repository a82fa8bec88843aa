"""A dossier that travels on a USB key: one ZIP of everything, encrypted to the recipient's certificate (CMS).

CMS EnvelopedData (RFC 5652, section 6), AES-256-CBC, DER; `openssl cms -decrypt -binary -inform DER` opens it.
CMS wants the whole in memory, hence the cap. Inside: `manifest.json`; `consultation.json` and `dossier.json` (FHIR);
`results/<id>.json` (the bytes the manifest hashes) with `results/<id>.fhir.json`; `objects/<sha-256>`.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from appliance.care.dossier import fact, manifest
from appliance.care.errors import Refused
from appliance.config import Export
from appliance.platform.errand import sha1_of
from appliance.platform.fhir import bundles, requests
from appliance.platform.fhir.parts import Sender
from appliance.platform.fhir.text import dumps
from appliance.records.model import ConsultationRecord, KeptDossier, KeptResult

MAX_BYTES = 256 << 20


class Facts(Protocol):
    """What is needed of `appliance.records.store.Store`."""

    async def consultation(self, consultation: str) -> ConsultationRecord: ...

    async def result(self, result: str) -> KeptResult: ...

    async def blob(self, consultation: str, sha256: str) -> bytes: ...


async def pack(kept: KeptDossier, facts: Facts, sender: Sender) -> bytes:
    """The ZIP of a dossier. `Refused("too-large")` beyond the cap, `Refused("not-whole")` where a hash does not fit."""
    it, files = kept.dossier, {"manifest.json": manifest(kept.dossier)}
    record = await facts.consultation(it.consultation)
    files["dossier.json"] = dumps(requests.dossier(it, record, files["manifest.json"], sender)).encode()
    files["consultation.json"] = dumps(bundles.consultation(record, sender)).encode()
    for item in it.items:
        result = await facts.result(item.result)
        plain, sha1 = fact(result), None
        if hashlib.sha256(plain).hexdigest() != item.sha256:
            raise Refused("not-whole", "a result is not what the manifest says")
        if item.object is not None:
            data = await facts.blob(it.consultation, item.object)
            files[f"objects/{item.object}"], sha1 = data, sha1_of(data)
        files[f"results/{item.result}.json"] = plain
        files[f"results/{item.result}.fhir.json"] = dumps(bundles.result(result.result, record, sender, sha1)).encode()
        if sum(map(len, files.values())) > MAX_BYTES:
            raise Refused("too-large", f"a dossier for a USB key has at most {MAX_BYTES >> 20} MB")
    return _zipped(files)


def enveloped(data: bytes, rules: Export) -> bytes:
    """The data encrypted for the configured recipient. `Refused` where there is none, or none that can be used."""
    if rules.recipient is None:
        raise Refused("no-recipient", "export.recipient: no certificate is configured, so nothing may leave by USB")
    try:
        recipient = x509.load_pem_x509_certificate(rules.recipient.read_bytes())
        builder = PKCS7EnvelopeBuilder().set_data(data).add_recipient(recipient)
    except (OSError, ValueError, TypeError) as error:
        raise Refused("no-recipient", f"export.recipient: {rules.recipient.name} is no RSA certificate") from error
    return builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.DER, [PKCS7Options.Binary])


def put(sealed: bytes, name: str, folder: Path) -> str:
    """Write it beside and move it into place, on the key when this returns; its SHA-256. `Refused` says what failed."""
    if not folder.is_dir():
        raise Refused("no-usb-key", "no USB key is plugged in")
    half, place = folder / f".{name}.part", folder / name
    try:
        with half.open("wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        half.replace(place)
        written = hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError as error:
        half.unlink(missing_ok=True)
        raise Refused("no-usb-key", f"the USB key could not be written: {error.strerror}") from error
    if written != hashlib.sha256(sealed).hexdigest():
        raise Refused("no-usb-key", "what is on the USB key is not what was written")
    return written


def _zipped(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return whole.getvalue()
