"""The TLS of a listening DICOM entity (PS3.15, B.12): 1.2 or newer, and who calls known by its certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from drivers.core.errors import LinkError


def context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Out of PEM files; with `client_ca` only for who shows a certificate of that authority.

    `LinkError` says which file cannot be used, and why. A key with a pass phrase is one: nobody is there to type it.
    """
    for name, path in (("certificate", certificate), ("key", key), ("client_ca", client_ca)):
        _readable(name, path)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise LinkError(f"certificate {certificate} with key {key}: {_why(error)}") from None
    if client_ca is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        try:
            made.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise LinkError(f"client_ca {client_ca}: {_why(error)}") from None
    return made


def _readable(name: str, path: Path | None) -> None:
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        raise LinkError(f"{name} {path} cannot be read: {error.strerror}") from None


def _why(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is another certificate's"
    return "not what was wanted, PEM without a pass phrase" + (f" ({error.reason})" if error.reason else "")
