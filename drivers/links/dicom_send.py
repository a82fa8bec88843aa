"""The unit as storage and storage commitment SCU: it gives one object to an archive, and hears that it is safe there.

PS3.4, B and J. The report of a commitment may come on the same association, or later on one that the archive opens to
us. Blocking: for a thread. Loading this file costs a second.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association

from drivers.core.errors import LinkError
from drivers.links.calls import Network
from drivers.links.dicom_inside import CappedCalls, Server, cap_messages, end

log = logging.getLogger(__name__)

COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
ACSE_S, DIMSE_S = 15.0, 60.0
MOST = (
    1000  # commitments that are waited for, or known and not yet asked for: the oldest are forgotten, and asked again
)
SUCCESS, DUPLICATE, PROCESSING_FAILURE, NO_SUCH_INSTANCE = 0x0000, 0x0111, 0x0110, 0x0112


@dataclass(frozen=True, slots=True)
class Peer:
    """An archive: its title and address, under which title we call, and where its reports may come from and to."""

    title: str
    address: tuple[str, int]
    ours: str
    networks: tuple[Network, ...] = ()
    listen: tuple[str, int] | None = None  # for reports on an association of its own; None: nowhere


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one object: the status of its C-STORE, and what the archive committed itself to.

    `status` None: not sent, `trouble` says why. `failure`: why it will not keep it (PS3.4, table J.3-3).
    """

    status: int | None
    comment: str = ""
    committed: bool = False
    failure: int | None = None
    trouble: str = ""


class Scu:
    """Call `close` in the end. `LinkError` where the port for reports cannot be had."""

    def __init__(self, peer: Peer, wait_s: float = 10.0) -> None:
        self._peer, self._wait_s = peer, wait_s
        self._lock = threading.Condition()
        self._asked: OrderedDict[str, tuple[str, str]] = OrderedDict()  # transaction -> (SOP class, instance)
        self._reports: OrderedDict[str, int] = OrderedDict()  # instance -> SUCCESS or why not
        self._server = None if peer.listen is None else self._serve(peer.listen)

    def close(self) -> None:
        """Let go of the port."""
        if self._server is not None:
            for assoc in self._server.active_associations:
                end(assoc)
            self._server.shutdown()

    @property
    def port(self) -> int | None:
        """Where reports are heard."""
        return None if self._server is None else int(self._server.server_address[1])

    def give(self, found: Dataset, syntax: str) -> Reply:
        """Send an object, ask for its commitment; what is known after `wait_s`. A report that came is told at once."""
        sop_class, instance = str(found.SOPClassUID), str(found.SOPInstanceUID)
        known = self._taken(instance)
        if known is not None:
            return _reply(SUCCESS, "", known)
        ae = self._entity()
        ae.add_requested_context(sop_class, syntax)
        ae.add_requested_context(COMMITMENT)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._report)]
        assoc = ae.associate(*self._peer.address, ae_title=self._peer.title, evt_handlers=handlers)
        if not assoc.is_established:
            return Reply(None, trouble="the archive rejects the association" if assoc.is_rejected else "no connection")
        try:
            return self._sent(assoc, found, (sop_class, instance))
        except (ValueError, RuntimeError) as error:
            return Reply(None, trouble=f"not sent: {type(error).__name__}")
        finally:
            if assoc.is_established:
                assoc.release()

    def _sent(self, assoc: Association, found: Dataset, which: tuple[str, str]) -> Reply:
        accepted = {str(context.abstract_syntax) for context in assoc.accepted_contexts}
        if which[0] not in accepted:
            return Reply(None, trouble="the archive does not take this kind of object in this transfer syntax")
        status = assoc.send_c_store(found)
        if "Status" not in status:
            return Reply(None, trouble="the archive did not answer the object")
        code, comment = int(status.Status), str(status.get("ErrorComment", ""))
        if code not in {SUCCESS, DUPLICATE} and not 0xB000 <= code < 0xC000:
            return Reply(code, comment)
        if COMMITMENT not in accepted:
            return Reply(code, comment, trouble="the archive offers no storage commitment")
        return self._committed(assoc, which, code, comment)

    def _committed(self, assoc: Association, which: tuple[str, str], code: int, comment: str) -> Reply:
        asked, item = Dataset(), Dataset()
        asked.TransactionUID = f"2.25.{uuid4().int}"
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = which
        asked.ReferencedSOPSequence = [item]
        with self._lock:
            _bounded(self._asked, asked.TransactionUID, which)
        status, _ = assoc.send_n_action(asked, 1, COMMITMENT, COMMITMENT_INSTANCE)
        if "Status" not in status or status.Status != SUCCESS:
            return Reply(code, comment, trouble="the archive does not take the request for a commitment")
        with self._lock:
            self._lock.wait_for(lambda: which[1] in self._reports, self._wait_s)
        known = self._taken(which[1])
        return Reply(code, comment, trouble="no commitment yet") if known is None else _reply(code, comment, known)

    def _taken(self, instance: str) -> int | None:
        with self._lock:
            return self._reports.pop(instance, None)

    def _report(self, event: Any) -> tuple[int, None]:
        """Of a request of ours and the very object, or not at all."""
        try:
            told = event.event_information
            transaction = str(told.get("TransactionUID", ""))
            good, bad = told.get("ReferencedSOPSequence") or [], told.get("FailedSOPSequence") or []
            said = {(str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)): SUCCESS for one in good}
            for one in bad:
                which = (str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID))
                said[which] = int(one.get("FailureReason") or PROCESSING_FAILURE)
        except Exception:  # noqa: BLE001 - whatever an archive calls a report
            return PROCESSING_FAILURE, None
        with self._lock:
            asked = self._asked.get(transaction)
            if asked is None or asked not in said:
                return NO_SUCH_INSTANCE, None
            del self._asked[transaction]
            _bounded(self._reports, asked[1], said[asked])
            self._lock.notify_all()
        return SUCCESS, None

    def _entity(self) -> AE:
        ae = AE(self._peer.ours)
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = ACSE_S, DIMSE_S, DIMSE_S
        ae.connection_timeout = ACSE_S
        return ae

    def _serve(self, at: tuple[str, int]) -> Server:
        ae = self._entity()
        ae.require_called_aet, ae.require_calling_aet = True, [self._peer.title]
        ae.maximum_associations = 2
        ae.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._report), (evt.EVT_PDU_RECV, cap_messages)]
        try:
            made = ae.make_server(at, evt_handlers=handlers, server_class=Server, request_handler=CappedCalls)
        except OSError as error:
            raise LinkError(f"dicom: cannot listen for reports on {at[0]}:{at[1]}: {error.strerror}") from None
        server = cast(Server, made)
        server.networks = self._peer.networks
        threading.Thread(target=server.serve_forever, args=(0.2,), name="dicom reports", daemon=True).start()
        return server


def _reply(code: int, comment: str, known: int) -> Reply:
    return Reply(code, comment, committed=known == SUCCESS, failure=None if known == SUCCESS else known)


def _bounded(kept: OrderedDict[str, Any], key: str, value: object) -> None:
    kept[key] = value
    while len(kept) > MOST:
        kept.popitem(last=False)
