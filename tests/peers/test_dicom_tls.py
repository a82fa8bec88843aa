"""DICOM over TLS with certificates that are made here, and calls that announce more than anybody needs."""

from __future__ import annotations

import asyncio
import datetime
import resource
import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from appliance.config import ConfigError, Dicom, load
from drivers.links.dicom_inside import PDU_CAP
from tests.peers.dicom_bench import Bench, associate, bench, dcmtk, made, run, saved

pytestmark = pytest.mark.peer

VERIFICATION = "1.2.840.10008.1.1"


@dataclass(frozen=True)
class Papers:
    """A certificate and its key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """A certification authority that exists for one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(self._name, self._key.public_key(), authority=True))

    def papers(self, name: str) -> Papers:
        """Of somebody on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        found = Papers(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        found.certificate.write_bytes(self._signed(subject, key.public_key(), authority=False))
        found.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return found

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )


@dataclass(frozen=True)
class World:
    """The unit's authority with the unit's and a device's papers, and a stranger's."""

    ours: Authority
    unit: Papers
    device: Papers
    stranger: Papers

    @property
    def settings(self) -> Dicom:
        return Dicom(certificate=self.unit.certificate, key=self.unit.key, client_ca=self.ours.file)


@pytest.fixture
def world(tmp_path: Path) -> World:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    return World(ours, ours.papers("unit"), ours.papers("device"), theirs.papers("stranger"))


async def store_with(unit: Bench, world: World, papers: Papers | None, path: Path) -> tuple[int, str]:
    """DCMTK's storescu with these papers, or anonymous; it trusts the unit's authority."""
    words = ["+tla"] if papers is None else ["+tls", papers.key, papers.certificate]
    options = ["-v", "-R", *words, "+cf", world.ours.file, "-aet", "ECG1", "-aec", "CHEVET"]
    return await run("storescu", *options, "127.0.0.1", unit.port, path)


@dcmtk
async def test_a_device_with_a_certificate_of_the_authority_is_served(tmp_path: Path, world: World) -> None:
    async with bench(tmp_path / "unit", world.settings) as unit:
        ref = await unit.active()
        path = saved(made(unit.room.order), tmp_path / "a.dcm")
        code, said = await store_with(unit, world, world.device, path)
        assert code == 0, said
        assert len(await unit.store.results(ref)) == 1


@dcmtk
async def test_without_a_certificate_or_with_anothers_nothing_is_taken(tmp_path: Path, world: World) -> None:
    async with bench(tmp_path / "unit", world.settings) as unit:
        ref = await unit.active()
        path = saved(made(unit.room.order), tmp_path / "a.dcm")
        for papers in (None, world.stranger):
            assert (await store_with(unit, world, papers, path))[0] != 0
        plain = await run("storescu", "-aet", "ECG1", "-aec", "CHEVET", "127.0.0.1", unit.port, path)
        assert plain[0] != 0
        assert await unit.store.results(ref) == []
        assert await unit.store.quarantined() == []
        assert (await store_with(unit, world, world.device, path))[0] == 0


async def test_pynetdicom_knows_the_unit_by_its_certificate(tmp_path: Path, world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.ours.file))
    context.load_cert_chain(world.device.certificate, world.device.key)
    async with bench(tmp_path / "unit", world.settings) as unit:
        assoc = await asyncio.to_thread(associate, unit, VERIFICATION, tls_args=(context, "localhost"))
        assert (await asyncio.to_thread(assoc.send_c_echo)).Status == 0x0000
        await asyncio.to_thread(assoc.release)


def hands_shaken(port: int, world: World, version: ssl.TLSVersion) -> str | None:
    """What a client that speaks this version only agrees on."""
    context = ssl.create_default_context(cafile=str(world.ours.file))
    context.load_cert_chain(world.device.certificate, world.device.key)
    context.set_ciphers("ALL:@SECLEVEL=0")  # else it is this side that will not
    context.minimum_version = context.maximum_version = version
    sock = socket.create_connection(("127.0.0.1", port), 10)
    with sock, context.wrap_socket(sock, server_hostname="localhost") as agreed:
        return agreed.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_that_is_too_old_is_refused(tmp_path: Path, world: World) -> None:
    async with bench(tmp_path / "unit", world.settings) as unit:
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            await asyncio.to_thread(hands_shaken, unit.port, world, ssl.TLSVersion.TLSv1_1)
        assert await asyncio.to_thread(hands_shaken, unit.port, world, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
        assert await asyncio.to_thread(hands_shaken, unit.port, world, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


# --- the settings


def settings_with(folder: Path, **files: str) -> Dicom:
    words = "\n".join(f'{name} = "{path}"' for name, path in files.items())
    (folder / "chevet.toml").write_text(f"[dicom]\n{words}\n")
    return load(folder / "chevet.toml").dicom


def test_paths_are_beside_the_settings(tmp_path: Path, world: World) -> None:
    found = settings_with(tmp_path, certificate="unit.crt", key="unit.key", client_ca=str(world.ours.file))
    assert (found.certificate, found.key) == (world.unit.certificate, world.unit.key)
    assert found.client_ca == world.ours.file


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"certificate": "unit.crt"}, "dicom: certificate and key go together for TLS; key is missing"),
        ({"key": "unit.key"}, "dicom: certificate and key go together for TLS; certificate is missing"),
        ({"client_ca": "ours.pem"}, "dicom: client_ca is for TLS, which needs certificate and key too"),
    ],
)
def test_half_of_tls_is_no_tls_and_an_error(tmp_path: Path, world: World, files: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings_with(tmp_path, **files)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("none.crt", "unit.key", "ours.pem"), r"dicom: certificate .*none\.crt cannot be read: No such file"),
        (("unit.crt", "none.key", "ours.pem"), r"dicom: key .*none\.key cannot be read: No such file"),
        (("unit.crt", "unit.key", "none.pem"), r"dicom: client_ca .*none\.pem cannot be read: No such file"),
        (("unit.crt", "folder", "ours.pem"), r"dicom: key .*folder cannot be read: Is a directory"),
        (("unit.crt", "device.key", "ours.pem"), r"unit\.crt with key .*device\.key: the key is another certificate's"),
        (("junk", "unit.key", "ours.pem"), r"dicom: certificate .*junk with key .*: not what was wanted, PEM"),
        (("unit.crt", "locked.key", "ours.pem"), r"locked\.key: not what was wanted, PEM without a pass phrase"),
        (("unit.crt", "unit.key", "junk"), r"dicom: client_ca .*junk: not what was wanted, PEM"),
    ],
)
async def test_files_that_are_none_stop_the_start_in_words(
    tmp_path: Path, world: World, files: tuple[str, str, str], words: str
) -> None:
    (tmp_path / "junk").write_text("no certificate")
    (tmp_path / "folder").mkdir()
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked.key").write_bytes(locked)
    certificate, key, client_ca = files
    with pytest.raises(ConfigError, match=words):
        async with bench(
            tmp_path / "unit", settings_with(tmp_path, certificate=certificate, key=key, client_ca=client_ca)
        ):
            pass


# --- how much a call may announce


def pour(port: int, begun: Any, header: bytes) -> tuple[int, bytes]:
    """Send a PDU's header and then as much as is taken, at most 64 MiB: how much that was, and the answer."""
    sent, answer = 0, b""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        begun(sock)
        try:
            sock.sendall(header)
            answer = sock.recv(100)
            while sent < 64 * 1024 * 1024:
                sock.sendall(bytes(65536))
                sent += 65536
        except OSError:
            pass
    return sent, answer


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def associated(sock: socket.socket) -> None:
    """An association for verification, by hand (PS3.8, 9.3.2)."""

    def item(kind: int, data: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(data)) + data

    context = item(0x20, b"\x01\x00\x00\x00" + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2"))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
    body = struct.pack(">HH16s16s32x", 1, 0, b"CHEVET".ljust(16), b"ECG1".ljust(16))
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    sock.sendall(struct.pack(">BBI", 1, 0, len(body)) + body)
    assert sock.recv(1000)[0] == 2  # accepted


@pytest.mark.parametrize("begun", [lambda sock: None, associated], ids=["stranger", "associated"])
@pytest.mark.parametrize("size", [PDU_CAP + 1, 0xFFFF_FFFF])
@pytest.mark.parametrize("kind", [1, 4])
async def test_a_huge_pdu_is_refused_by_its_header(tmp_path: Path, begun: Any, size: int, kind: int) -> None:
    async with bench(tmp_path / "unit") as unit:
        before = resident()
        sent, answer = await asyncio.to_thread(pour, unit.port, begun, struct.pack(">BBI", kind, 0, size))
        grown = resident() - before
        assert answer == bytes.fromhex("07000000000400000206")
        assert sent < 8 * 1024 * 1024  # what the kernel's buffers hold
        assert grown < 16 * 1024 * 1024
        assoc = await asyncio.to_thread(associate, unit, VERIFICATION)  # the next is served
        assert (await asyncio.to_thread(assoc.send_c_echo)).Status == 0x0000
        await asyncio.to_thread(assoc.release)
