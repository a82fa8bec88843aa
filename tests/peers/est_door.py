"""A door (RFC 7030) before a CA that is not ours: OpenSSL issues the certificates and packs them (PKCS #7)."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "unit", "once-and-no-more"


def openssl(folder: Path, *words: str, said: bytes = b"") -> bytes:
    """Run OpenSSL in a folder; what it answers."""
    return subprocess.run(["openssl", *words], cwd=folder, input=said, capture_output=True, check=True).stdout


@dataclass
class Authority:
    """A root, an issuing CA below it, and the door's own certificate."""

    folder: Path
    days: int = 90
    busy: int = 0  # answers of "later" before the next certificate
    other: bool = False  # issue for another key: a faulty server
    foreign: bool = False  # name another authority
    asked: list[str] = field(default_factory=list)

    def make(self) -> None:
        """Make its keys and certificates."""
        for name, parent, extra in (
            ("root", None, "CA:TRUE"),
            ("issuer", "root", "CA:TRUE"),
            ("door", "root", "CA:FALSE"),
        ):
            openssl(self.folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
            text = f"basicConstraints=critical,{extra}\n"
            text += "subjectAltName=IP:127.0.0.1\n" if name == "door" else "keyUsage=critical,keyCertSign,cRLSign\n"
            (self.folder / f"{name}.ext").write_text(text)
            openssl(
                self.folder, "req", "-new", "-key", f"{name}.key", "-subj", f"/CN=Test {name}", "-out", f"{name}.csr"
            )
            signer = ("-signkey", "root.key") if parent is None else ("-CA", f"{parent}.pem", "-CAkey", f"{parent}.key")
            serial = () if parent is None else ("-CAcreateserial",)
            openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", *signer, *serial, "-days", "30", "-extfile",
                    f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip

    @property
    def root(self) -> str:
        """PEM."""
        return (self.folder / "root.pem").read_text()

    def certs_only(self, *names: str) -> bytes:
        """A PKCS #7 of certificates, in base64 lines."""
        words = [word for name in names for word in ("-certfile", name)]
        return base64.encodebytes(openssl(self.folder, "crl2pkcs7", "-nocrl", *words, "-outform", "DER"))

    def issue(self, request: bytes) -> bytes:
        """A certificate for a request in DER."""
        (self.folder / "unit.der").write_bytes(request)
        openssl(self.folder, "req", "-inform", "DER", "-in", "unit.der", "-verify", "-noout")
        if self.other:
            openssl(
                self.folder,
                "req",
                "-new",
                "-key",
                "door.key",
                "-subj",
                "/CN=other",
                "-outform",
                "DER",
                "-out",
                "unit.der",
            )
        openssl(self.folder, "x509", "-req", "-inform", "DER", "-in", "unit.der", "-CA", "issuer.pem", "-CAkey",
                "issuer.key", "-CAcreateserial", "-days", str(self.days), "-out", "unit.pem")  # fmt: skip
        return self.certs_only("unit.pem", "issuer.pem")


@contextmanager
def est_server(authority: Authority) -> Iterator[str]:
    """Serve on a free loopback port; the root address."""

    class Door(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            authority.asked.append(self.path)
            name = "door.pem" if authority.foreign else "root.pem"
            self._answer(200, authority.certs_only(name))

        def do_POST(self) -> None:
            operation = self.path.rsplit("/", 1)[-1]
            authority.asked.append(self.path)
            known = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            body = self.rfile.read(int(self.headers["Content-Length"]))
            basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if operation == "simpleenroll" and self.headers.get("Authorization") != f"Basic {basic}":
                self._answer(401, b"")
            elif operation == "simplereenroll" and not known:
                self._answer(403, b"")
            elif authority.busy:
                authority.busy -= 1
                self._answer(202, b"", ("Retry-After", "1"))
            else:
                self._answer(200, authority.issue(base64.b64decode(body)))

        def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (
                *headers,
                ("Content-Type", "application/pkcs7-mime"),
                ("Content-Length", str(len(body))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.folder / "door.pem", authority.folder / "door.key")
    (authority.folder / "clients.pem").write_text(authority.root + (authority.folder / "issuer.pem").read_text())
    tls.load_verify_locations(authority.folder / "clients.pem")
    tls.verify_mode = ssl.CERT_OPTIONAL
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
