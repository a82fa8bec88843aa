"""A real TURN server (coturn) between the unit and its peer: over UDP, TCP, and TLS with a private authority."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.media.call import CallState
from appliance.media.control import StillTaken
from appliance.media.description import IceServer
from appliance.media.engine import Engine, EngineSettings
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import DrawnPictures
from appliance.media.source import PictureSource
from tests.unit.media.helpers import become, grey
from tests.unit.media.receiver import Receiver

SERVER = shutil.which("turnserver")
USER, SECRET = "unit", "a-secret"

pytestmark = pytest.mark.skipif(SERVER is None, reason="coturn's turnserver is not installed here")


@dataclass(frozen=True)
class Turn:
    port: int
    tls_port: int
    authority: Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself: authority and server in one; its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "turn.pem", folder / "turn.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return paths


@pytest.fixture
async def turn(tmp_path: Path) -> AsyncIterator[Turn]:
    assert SERVER is not None
    certificate, key = certified(tmp_path)
    port, tls_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        SERVER, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}",
        f"--tls-listening-port={tls_port}", f"--cert={certificate}", f"--pkey={key}", "--lt-cred-mech",
        f"--user={USER}:{SECRET}", "--realm=test", "--allow-loopback-peers", "--no-cli", "--log-file=stdout",
        f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'db'}", "--cli-password=x",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(15):
        for each in (port, tls_port):
            while not await listens(each):
                await asyncio.sleep(0.05)
    yield Turn(port, tls_port, certificate)
    process.terminate()
    await process.wait()


async def listens(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


class Unit:
    """A unit with one small camera, and what it says to the doctor."""

    def __init__(self, authority: Path | None = None, addresses: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.camera = PictureSource("camera", "Camera", lambda: DrawnPictures(lambda _: grey(100).data, (64, 48), 30))
        self.candidates: list[dict[str, Any] | None] = []
        self.states: list[CallState] = []
        engine = Engine(EngineSettings(addresses, authority))
        self.peers = Peers(engine, Offered((self.camera,)), self.feed, self.still, self.told, self.say)

    def told(self, name: str, state: CallState) -> None:
        self.states.append(state)

    def say(self, name: str, signal: Mapping[str, Any]) -> None:
        self.candidates.append(signal["candidate"])

    async def still(self, key: str) -> StillTaken:
        raise AssertionError("nobody asks for a still")

    async def feed(self) -> AsyncIterator[Mapping[str, Any]]:
        while True:
            yield {"type": "hello"}
            await asyncio.sleep(0.05)

    async def aclose(self) -> None:
        await self.peers.aclose()
        await self.camera.aclose()


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_pictures_and_messages_cross_a_relay(turn: Turn, way: str) -> None:
    url = f"turns:127.0.0.1:{turn.tls_port}?transport=tcp" if way == "tls" else (
        f"turn:127.0.0.1:{turn.port}?transport={way}"
    )  # fmt: skip
    unit, receiver = Unit(turn.authority, addresses=()), Receiver()
    unit.camera.start()
    try:
        offer = await unit.peers.join("doctor", [IceServer((url,), USER, SECRET)])
        await become(lambda: None in unit.candidates, 10)
        (relayed,) = [one for one in unit.candidates if one is not None]
        assert " typ relay " in relayed["candidate"]
        assert "a=candidate" not in offer["sdp"]  # it has no address of its own: there is no other way
        told = offer["sdp"].replace("a=mid:0", f"a=mid:0\r\na={relayed['candidate']}", 1)
        await unit.peers.answer("doctor", await receiver.answer({"type": "offer", "sdp": told}))
        await become(lambda: len(receiver.got["live"]) >= 3, 15)
        assert unit.states[-1] is CallState.CONNECTED
        party = unit.peers._of("doctor")
        assert party.peer is not None
        assert party.peer.local_address is None  # it begins at the relay
    finally:
        await unit.aclose()
        await receiver.aclose()


async def test_a_relay_whose_certificate_nobody_signed_is_not_used(turn: Turn) -> None:
    unit = Unit()
    try:
        server = IceServer((f"turns:127.0.0.1:{turn.tls_port}?transport=tcp",), USER, SECRET)
        await unit.peers.join("doctor", [server])
        await become(lambda: unit.candidates == [None], 10)
    finally:
        await unit.aclose()


async def test_a_wrong_secret_gives_no_relay_and_every_server_is_asked(turn: Turn) -> None:
    unit = Unit(turn.authority)
    try:
        udp, tcp = (f"turn:127.0.0.1:{turn.port}?transport={way}" for way in ("udp", "tcp"))
        await unit.peers.join("doctor", [IceServer((udp,), USER, "guessed"), IceServer((udp, tcp), USER, SECRET)])
        await become(lambda: None in unit.candidates, 10)
        assert len([one for one in unit.candidates if one is not None]) == 2
    finally:
        await unit.aclose()


async def test_a_silent_server_delays_neither_the_offer_nor_the_picture(turn: Turn) -> None:
    loop, unit, receiver = asyncio.get_running_loop(), Unit(), Receiver()
    unit.camera.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        try:
            began_s = loop.time()
            servers = [IceServer((f"stun:127.0.0.1:{port}",)), IceServer((f"turn:127.0.0.1:{port}",), USER, SECRET)]
            await unit.peers.answer("doctor", await receiver.answer(await unit.peers.join("doctor", servers)))
            await become(lambda: len(receiver.got["live"]) >= 3, 10)
            assert loop.time() - began_s < 2.0
        finally:
            await unit.aclose()
            await receiver.aclose()
