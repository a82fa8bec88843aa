"""Who the unit is: a key of its own that never leaves it, and the certificate that says whose it is.

The key is P-256, made on the unit at its first need. There is no secret that two units share. It lies in a file that
only the service may read: `kept_in` says so, and the technician is told, because a file can be copied.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from provisioning import private
from provisioning.private import ProvisionError

FOLDER = "identity"  # below the state folder
KEY, CERTIFICATE, AUTHORITY = "unit.key", "unit.pem", "authority.pem"
MACHINE_ID = Path("/etc/machine-id")
OURS = b"chevet.unit.serial"  # machine-id(5): never the identifier itself, only what is derived from it


@dataclass(frozen=True, slots=True)
class Identity:
    """Lives in a folder. Methods raise `ProvisionError` where its files cannot be used."""

    folder: Path

    @property
    def key_file(self) -> Path:
        """PEM, PKCS #8."""
        return self.folder / KEY

    @property
    def certificate_file(self) -> Path:
        """PEM: the unit's certificate, then those between it and the authority."""
        return self.folder / CERTIFICATE

    @property
    def authority_file(self) -> Path:
        """PEM: the certificates that the unit's own is proven by."""
        return self.folder / AUTHORITY

    @property
    def kept_in(self) -> str:
        """`file`: it can be copied by who reads the disk."""
        return "file"

    def key(self) -> ec.EllipticCurvePrivateKey:
        """The unit's key, made when there is none."""
        there = private.read(self.key_file)
        if there is None:
            made = ec.generate_private_key(ec.SECP256R1())
            private.write(
                self.key_file,
                made.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
            )
            return made
        try:
            read = serialization.load_pem_private_key(there, None)
        except (ValueError, TypeError) as error:
            raise ProvisionError(f"{self.key_file} holds no private key: {error}") from error
        if not isinstance(read, ec.EllipticCurvePrivateKey):
            raise ProvisionError(f"{self.key_file} holds a key that is not on the curve P-256")
        return read

    def fingerprint(self) -> str:
        """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex: by it a technician tells units apart."""
        return fingerprint(self.key().public_key())

    def request(self, serial: str) -> x509.CertificateSigningRequest:
        """A PKCS #10 request for a certificate, signed by the key: it proves that the unit has it."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, serial)])
        name_of_serial = x509.NameAttribute(NameOID.SERIAL_NUMBER, serial)
        subject = x509.Name([*name, name_of_serial])
        return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key(), hashes.SHA256())

    def certificate(self) -> x509.Certificate | None:
        """The unit's certificate; None before its enrolment."""
        there = private.read(self.certificate_file)
        return None if there is None else certificates(there, self.certificate_file)[0]

    def keep(self, chain: list[x509.Certificate], authority: list[x509.Certificate]) -> None:
        """Keep a certificate that was issued for the key; `ProvisionError` if it was issued for another."""
        if fingerprint(chain[0].public_key()) != self.fingerprint():
            raise ProvisionError("the certificate that was issued is for another key than this unit's")
        private.write(self.authority_file, pem(authority))
        private.write(self.certificate_file, pem(chain))

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256, DER."""
        return self.key().sign(message, ec.ECDSA(hashes.SHA256()))

    def client_tls(self) -> ssl.SSLContext:
        """For a server that the system trusts and that asks who we are: the unit shows its certificate."""
        if self.certificate() is None:
            raise ProvisionError("this unit has no certificate: enrol it first")
        tls = ssl.create_default_context()
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(self.certificate_file, self.key_file)
        return tls

    def retire(self) -> None:
        """Destroy the key; nothing can be signed by this unit any more."""
        for file in (self.key_file, self.certificate_file, self.authority_file):
            private.remove(file)


def fingerprint(public: object) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo, hex."""
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return ""
    return hashlib.sha256(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def certificates(data: bytes, where: object) -> list[x509.Certificate]:
    """The certificates of a PEM file, at least one."""
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise ProvisionError(f"{where}: wanted certificates in PEM, got something else ({error})") from error
    return found


def pem(chain: list[x509.Certificate]) -> bytes:
    """One after the other."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def pem_request(request: x509.CertificateSigningRequest) -> str:
    """A request for a certificate, in PEM."""
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def due(certificate: x509.Certificate, now: datetime | None = None) -> bool:
    """Whether a certificate should be renewed: a third of its life is over, and two thirds are left to try."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (now or datetime.now(UTC)) >= begin + (end - begin) / 3


def left(certificate: x509.Certificate, now: datetime | None = None) -> timedelta:
    """How long it is still good for; negative when it has expired."""
    return certificate.not_valid_after_utc - (now or datetime.now(UTC))


def serial(machine_id: Path = MACHINE_ID) -> str:
    """A name for this machine that stays, from its machine-id(5): `CHV-` and twelve hex digits."""
    there = private.read(machine_id)
    if not there or not there.strip():
        raise ProvisionError(f"{machine_id} is missing or empty: the system was not set up; give --serial")
    return f"CHV-{hmac.new(there.strip(), OURS, 'sha256').hexdigest()[:12].upper()}"
