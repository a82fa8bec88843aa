"""What pynetdicom 3.0 has no setting for: where the bytes of an object go while they arrive, and how much may come.

It writes to a temporary file in the clear, which stays behind after an abort; here it writes to a spool of the unit.
"""

from __future__ import annotations

import errno
import logging
import threading
import warnings
from collections.abc import Callable
from functools import partial
from socketserver import BaseServer
from tempfile import NamedTemporaryFile
from typing import Any

from pynetdicom import _config, dimse_messages
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from drivers.links.calls import Network, is_among
from drivers.links.dicom import Spool

log = logging.getLogger(__name__)

MESSAGE_CAP = 1024 * 1024  # bytes of a message that is no object: a query, a step
PDU_CAP = 1024 * 1024  # bytes that a PDU may announce; the largest that is asked for is an eighth of it
ABORT = bytes.fromhex("0700 00000004 0000 0206")  # A-ABORT by the provider, invalid PDU parameter (PS3.8, 9.3.8)


class Arriving:
    """What pynetdicom takes for its temporary file."""

    name = "/dev/null/spooled"  # it removes this file after use, and minds no failure

    def __init__(self, spool: Spool) -> None:
        self.spool, self.taken = spool, False
        self.write, self.file = spool.write, self

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """The unit closes its spool."""


class Server(ThreadedAssociationServer):
    """Listens; who calls from elsewhere than the known networks is hung up on before a byte is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.networks: tuple[Network, ...] = ()
        self.make_spool: Callable[[], Spool] | None = None
        super().__init__(*args, **kwargs)

    def shutdown(self) -> None:
        """See `socketserver.BaseServer`. pynetdicom strikes it off a list where only its own `start_server` puts it."""
        BaseServer.shutdown(self)
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """See `socketserver.BaseServer`."""
        if is_among(client_address[0], self.networks):
            return True
        log.warning("dicom: a call from %s was refused: no device is expected there", client_address[0])
        return False

    def get_request(self) -> tuple[Any, Any]:
        """A TLS handshake is made by the association's own thread: nobody waits for a slow one."""
        assert self.socket is not None
        sock, address = self.socket.accept()
        sock.settimeout(self.ae.network_timeout)
        if self.ssl_context is not None:
            sock = self.ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address


class CappedCalls(RequestHandler):
    """A call of which no PDU is read that announces too much: pynetdicom would take in up to 4 GB of one."""

    def _create_association(self) -> Any:
        assoc = super()._create_association()
        sock: Any = assoc.dul.socket
        sock.recv = partial(_read_capped, sock, sock.recv)
        return assoc


def _read_capped(sock: Any, read: Callable[[int], bytearray], size: int) -> bytearray:
    if size > PDU_CAP:
        log.warning("dicom: a call is ended: it announced a PDU of %d bytes, at most %d are taken", size, PDU_CAP)
        sock.send(ABORT)
        raise OSError(errno.EMSGSIZE, "PDU too long")  # as for a connection that is gone: it is closed
    return read(size)


def spool_objects() -> None:
    """Make every association of a `Server` write its objects to the server's spools. Doing it twice changes nothing."""
    for name in ("pydicom", "pynetdicom"):  # they quote what they complain of, and objects are of patients
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="pydicom")
    _config.STORE_RECV_CHUNKED_DATASET = True
    messages: Any = dimse_messages
    messages.NamedTemporaryFile = _file_of_this_association


def end(assoc: Any) -> None:
    """Abort an association; one that is not yet or no longer established cannot be aborted and is hung up on."""
    if assoc.is_established:
        assoc.abort()
        return
    assoc.dul.kill_dul()
    assoc.kill()
    assoc.dul.socket.close()


def drop_unfinished(event: Any) -> None:
    """The connection is gone: half an object is no object."""
    message = event.assoc.dimse.message
    file = None if message is None else message._data_set_file
    if isinstance(file, Arriving) and not file.taken:
        file.spool.discard()


def cap_messages(event: Any) -> None:
    """A message that is no object and does not end: the association is."""
    message = event.assoc.dimse.message
    if message is None or message._data_set_file is not None:
        return
    if message.encoded_command_set.tell() + message.data_set.tell() > MESSAGE_CAP:
        event.assoc.dul.event_queue.put("Evt19")  # as for an invalid PDU: abort


def _file_of_this_association(**settings: Any) -> Any:
    thread = threading.current_thread()
    server = getattr(thread.assoc, "_server", None) if isinstance(thread, DULServiceProvider) else None
    if isinstance(server, Server) and server.make_spool is not None:
        return Arriving(server.make_spool())
    return NamedTemporaryFile(**settings)
