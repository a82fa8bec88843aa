"""The unit's DICOM application entity: one listening port, shared by all devices that call it.

Verification, storage (every transfer syntax as it comes, nothing decompressed), storage commitment, modality worklist
and modality performed procedure step, all as SCP (PS3.4). Loading this file costs a second and 40 MB: only where a
device is configured for it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, TypeVar, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom._globals import ALL_TRANSFER_SYNTAXES
from pynetdicom.association import Association

from drivers.core.errors import LinkError
from drivers.links import dicom_worklist
from drivers.links.calls import is_among
from drivers.links.dicom import Caller, Desk, NoRoom, Sent, StepRefused, Unusable
from drivers.links.dicom_inside import CappedCalls, Server, cap_messages, drop_unfinished, end, spool_objects

log = logging.getLogger(__name__)

T = TypeVar("T")

VERIFICATION = "1.2.840.10008.1.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
STEPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"

ASSOCIATIONS = 8
IDLE_S, ACSE_S = 60.0, 15.0
PDU_BYTES = 131_072
DESK_S = 120.0  # the longest that the unit may take over one request
ITEMS = 1000  # of one commitment request
REPORT_AFTER_S = (0.0, 2.0, 10.0, 60.0)  # tries on a new association

SUCCESS, PENDING = 0x0000, 0xFF00
OUT_OF_RESOURCES, NOT_ITS_CLASS, CANNOT_UNDERSTAND, NOT_AUTHORIZED = 0xA700, 0xA900, 0xC000, 0x0124
PROCESSING_FAILURE, NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0110, 0x0112, 0x0119
STEP_IS_OVER = 0xA710  # Error ID (PS3.4, F.7.2.2.2)
STEP_ANSWERS = {"exists": 0x0111, "unknown": NO_SUCH_INSTANCE, "over": PROCESSING_FAILURE, "state": 0x0106}


class Entity:
    """Use with `async with`. `LinkError` where the port cannot be had. Nobody may call before `admit`."""

    def __init__(
        self,
        at: tuple[str, int],
        title: str,
        desk: Desk,
        storage: Iterable[str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._at, self._desk, self._tls = at, desk, tls
        self._callers: tuple[Caller, ...] = ()
        self._ae = AE(title)
        self._ae.require_called_aet = True
        self._ae.maximum_associations = ASSOCIATIONS
        self._ae.maximum_pdu_size = PDU_BYTES
        self._ae.acse_timeout, self._ae.dimse_timeout, self._ae.network_timeout = ACSE_S, IDLE_S, IDLE_S
        for uid in (VERIFICATION, WORKLIST, STEPS, COMMITMENT):
            self._ae.add_supported_context(uid)
        for uid in storage:
            self._ae.add_supported_context(uid, ALL_TRANSFER_SYNTAXES)

    async def __aenter__(self) -> Entity:
        self._loop = asyncio.get_running_loop()
        spool_objects()
        try:
            self._server = cast(
                Server,
                self._ae.make_server(
                    self._at,
                    ssl_context=self._tls,
                    evt_handlers=self._handlers(),
                    server_class=Server,
                    request_handler=CappedCalls,
                ),
            )
        except OSError as error:
            raise LinkError(f"dicom: cannot listen on {self._at[0]}:{self._at[1]}: {error.strerror}") from None
        self._server.make_spool = self._desk.spool
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="dicom", daemon=True).start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self._stop)

    def admit(self, caller: Caller) -> None:
        """This device may call; in place of what was known of it before."""
        self._allow((*(one for one in self._callers if one.key != caller.key), caller))

    def dismiss(self, key: str) -> None:
        """This device may not call any more."""
        self._allow(tuple(one for one in self._callers if one.key != key))

    def _allow(self, callers: tuple[Caller, ...]) -> None:
        self._callers = callers
        self._server.networks = tuple(network for caller in callers for network in caller.networks)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def _stop(self) -> None:
        for assoc in self._server.active_associations:
            end(assoc)
        self._server.shutdown()

    def _handlers(self) -> list[Any]:
        return [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_PDU_RECV, cap_messages),
            (evt.EVT_CONN_CLOSE, drop_unfinished),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_CREATE, self._create_step),
            (evt.EVT_N_SET, self._set_step),
            (evt.EVT_N_ACTION, self._commit),
        ]

    # --- who calls

    def _requested(self, event: Any) -> None:
        """The title and the address must be the same device's. Without a caller it is rejected like any stranger."""
        if self._caller(event.assoc) is None:
            assoc = event.assoc
            log.warning("dicom: a call from %s under a title that is not expected there", assoc.requestor.address)
            assoc.acse.send_reject(0x01, 0x01, 0x03)
            assoc.kill()

    def _caller(self, assoc: Association) -> Caller | None:
        primitive = assoc.requestor.primitive
        title = "" if primitive is None else str(primitive.calling_ae_title).strip()
        address = str(assoc.requestor.address)
        return next((one for one in self._callers if one.title == title and is_among(address, one.networks)), None)

    def _known(self, event: Any) -> Caller:
        caller = self._caller(event.assoc)
        if caller is None:
            raise LinkError("dicom: a request of a stranger")
        return caller

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the unit's work from a thread of the entity."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DESK_S)

    # --- verification and storage

    def _echo(self, event: Any) -> int:
        self._known(event)
        return SUCCESS

    def _store(self, event: Any) -> int | Dataset:
        request = event.request
        file = request._dataset_file  # the seam, see dicom_inside
        if file is None:
            return _status(NOT_ITS_CLASS, "there is no object in this request")
        file.taken = True
        try:
            caller = self._known(event)
            sent = Sent(
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
                str(event.context.transfer_syntax),
                file.spool,
            )
            self._ask(self._desk.arrived(caller.key, sent))
        except NoRoom as error:
            return _status(OUT_OF_RESOURCES, str(error))
        except Unusable as error:
            return _status(NOT_ITS_CLASS, str(error))
        except Exception:
            log.exception("dicom: an object could not be kept")
            return _status(CANNOT_UNDERSTAND, "the unit failed; send it again")
        finally:
            file.spool.discard()
        return SUCCESS

    # --- worklist

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        caller = self._known(event)
        try:
            query = event.identifier
            list(query.iterall())  # values are read when they are looked at
        except Exception:  # noqa: BLE001 - whatever a device calls a query
            yield NOT_ITS_CLASS, None
            return
        item = self._ask(self._desk.scheduled(caller.key))
        if item is not None:
            found = dicom_worklist.entry(item, caller.title)
            if dicom_worklist.asks_for(query, found):
                yield PENDING, dicom_worklist.answer(query, found)

    # --- procedure steps

    def _create_step(self, event: Any) -> tuple[int | Dataset, Dataset | None]:
        uid = str(event.request.AffectedSOPInstanceUID or "")
        told = event.attribute_list
        state = str(told.get("PerformedProcedureStepStatus", ""))
        steps = told.get("ScheduledStepAttributesSequence") or [Dataset()]
        return self._step(event, uid, state, new=True, accession=str(steps[0].get("AccessionNumber", ""))), None

    def _set_step(self, event: Any) -> tuple[int | Dataset, Dataset | None]:
        uid = str(event.request.RequestedSOPInstanceUID or "")
        state = str(event.modification_list.get("PerformedProcedureStepStatus", ""))
        return self._step(event, uid, state, new=False, accession=""), None

    def _step(self, event: Any, uid: str, state: str, *, new: bool, accession: str) -> int | Dataset:
        caller = self._known(event)
        try:
            self._ask(self._desk.step(caller.key, uid, state, new=new, accession=accession))
        except StepRefused as error:
            answer = _status(STEP_ANSWERS[error.why], str(error))
            if error.why == "over":
                answer.ErrorID = STEP_IS_OVER
            return answer
        except NoRoom as error:
            return _status(PROCESSING_FAILURE, str(error))
        return SUCCESS

    # --- storage commitment

    def _commit(self, event: Any) -> tuple[int, None]:
        caller = self._known(event)
        asked = event.action_information
        items = asked.get("ReferencedSOPSequence") or []
        if event.action_type != 1 or not 0 < len(items) <= ITEMS or "TransactionUID" not in asked:
            return PROCESSING_FAILURE, None
        pairs = [(str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)) for item in items]
        held = self._ask(self._desk.held(pairs))
        report = _report(str(asked.TransactionUID), pairs, held)
        threading.Thread(
            target=self._tell, args=(event.assoc, caller, report), name="dicom report", daemon=True
        ).start()
        return SUCCESS, None

    def _tell(self, assoc: Association, caller: Caller, report: Dataset) -> None:
        """On a new association where we know whom to call, else on this one.

        PS3.4, J.3.3 allows both. Orthanc takes the first thing that comes on its own for the answer to its request.
        """
        for pause_s in REPORT_AFTER_S if caller.reports_to is not None else ():
            time.sleep(pause_s)
            if self._call(caller, report):
                return
        if _send(assoc, report):
            return
        log.warning("%s: a commitment report did not reach it", caller.key)

    def _call(self, caller: Caller, report: Dataset) -> bool:
        assert caller.reports_to is not None
        ae = AE(self._ae.ae_title)
        ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = ACSE_S, IDLE_S, IDLE_S
        ae.connection_timeout = ACSE_S
        ae.add_requested_context(COMMITMENT)
        role = build_role(COMMITMENT, scp_role=True)
        assoc = ae.associate(*caller.reports_to, ae_title=caller.title, ext_neg=[role])
        told = _send(assoc, report)
        if assoc.is_established:
            assoc.release()
        return told


def _send(assoc: Association, report: Dataset) -> bool:
    if not assoc.is_established:
        return False
    kind = 2 if "FailedSOPSequence" in report else 1
    try:
        status, _ = assoc.send_n_event_report(report, kind, COMMITMENT, COMMITMENT_INSTANCE)
    except (RuntimeError, ValueError) as error:
        log.info("dicom: a report could not be sent on this association: %s", error)
        return False
    return bool(status) and status.Status == SUCCESS


def _report(transaction: str, asked: list[tuple[str, str]], held: dict[str, str]) -> Dataset:
    """What is durable here, and why the rest is not (PS3.4, table J.3-3)."""
    good, bad = [], []
    for sop_class, instance in asked:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        if held.get(instance) == sop_class:
            good.append(item)
        else:
            item.FailureReason = CLASS_CONFLICT if instance in held else NO_SUCH_INSTANCE
            bad.append(item)
    report = Dataset()
    report.TransactionUID = transaction
    if good:
        report.ReferencedSOPSequence = good
    if bad:
        report.FailedSOPSequence = bad
    return report


def _status(code: int, comment: str) -> Dataset:
    made = Dataset()
    made.Status = code
    made.ErrorComment = comment[:64]
    return made
