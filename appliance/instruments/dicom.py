"""Devices that speak DICOM: one application entity a port, and what it asks of the unit, answered by the room."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol, cast

from appliance import clock
from appliance.care.errors import Refused
from appliance.care.imaging import Document, Order
from appliance.care.imaging import Header as Kept
from appliance.care.room import Room
from appliance.config import ConfigError, Device, Dicom
from appliance.records.errors import StorageFull, StoreError
from appliance.records.model import DeviceRef, Instance
from appliance.records.spool import Spool
from drivers.core import dicom
from drivers.core.driver import Driver, Listener
from drivers.core.errors import LinkError, PacketError
from drivers.core.model import Numeric, Packet
from drivers.links import dicom_tls
from drivers.links.base import Chunk, Link
from drivers.links.calls import networks, where
from drivers.links.dicom import Caller, NoRoom, Scheduled, Sent, StepRefused, Unusable

if TYPE_CHECKING:
    from drivers.links.dicom_entity import Entity

log = logging.getLogger(__name__)

READ_CAP = 16 * 1024 * 1024  # what is larger is kept and not read
MODALITIES = {"electrocardiograph": "ECG", "imaging": "US"}
SEXES = {"F": "F", "M": "M", "U": "O"}


class Stations(Protocol):
    """What gives a device's link."""

    def link(self, device: Device) -> Link: ...


def check(device: Device) -> None:
    """`ConfigError` where a device cannot be known when it calls."""
    try:
        where(device.link.partition(":")[2])
        peers = networks(device.peers)
        if device.reports_to:
            where(device.reports_to)
    except LinkError as error:
        raise ConfigError(f"devices.{device.key}: {error}") from None
    if not peers or not device.ae.strip():
        raise ConfigError(f"devices.{device.key}: ae and peers say under which title and from where it calls")


class Ports:
    """The application entities of the unit, each opened with its first device and closed with its last."""

    def __init__(self, room: Room, drivers: Mapping[str, Driver], settings: Dicom, devices: Sequence[Device]) -> None:
        """`ConfigError` where the settings are no entity: two devices of one title, a certificate without its key."""
        _check_titles(devices)
        self._desk, self._title, self._tls = Desk(room, drivers), settings.title, _tls(settings)
        self._open: dict[str, tuple[Entity, AsyncExitStack, set[str]]] = {}
        self._lock = asyncio.Lock()

    def link(self, device: Device) -> Link:
        """A link to be entered."""
        return _Waiting(self, device)

    async def enter(self, device: Device) -> None:
        """Take this device's calls. `LinkError` where the port cannot be had."""
        async with self._lock:
            if device.link not in self._open:
                stack = AsyncExitStack()
                entity = await stack.enter_async_context(self._entity(device))
                self._open[device.link] = (entity, stack, set())
            entity, _, keys = self._open[device.link]
            keys.add(device.key)
            self._desk.devices[device.key] = device
            entity.admit(_caller(device))

    async def leave(self, device: Device) -> None:
        """Take no more calls of it."""
        async with self._lock:
            entity, stack, keys = self._open[device.link]
            entity.dismiss(device.key)
            keys.discard(device.key)
            if not keys:
                del self._open[device.link]
                await stack.aclose()

    def port(self, device: Device) -> int:
        """Where a device's calls are taken."""
        return self._open[device.link][0].port

    def _entity(self, device: Device) -> Entity:
        from drivers.links.dicom_entity import Entity  # noqa: PLC0415 - a second and 40 MB, for who has such a device

        at = where(device.link.partition(":")[2])
        return Entity(at, self._title, self._desk, self._desk.classes, self._tls)


def _check_titles(devices: Sequence[Device]) -> None:
    titles = [(device.link, device.ae.strip()) for device in devices if device.link.startswith("dicom:")]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise ConfigError(f"devices: two call {twice[0]} as {twice[1]!r}; each needs an AE title of its own")


def _tls(settings: Dicom) -> ssl.SSLContext | None:
    if settings.certificate is None or settings.key is None:
        return None  # the settings have none of the three
    try:
        return dicom_tls.context(settings.certificate, settings.key, settings.client_ca)
    except LinkError as error:
        raise ConfigError(f"dicom: {error}") from None


def _caller(device: Device) -> Caller:
    reports_to = where(device.reports_to) if device.reports_to else None
    return Caller(device.key, device.ae.strip(), networks(device.peers), reports_to)


class _Waiting:
    """A device's link: open as long as its calls are taken. Its objects go to the desk, not through here."""

    def __init__(self, ports: Ports, device: Device) -> None:
        self._ports, self._device = ports, device

    async def __aenter__(self) -> Link:
        await self._ports.enter(self._device)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._ports.leave(self._device)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """See `Link`."""
        await asyncio.Event().wait()
        yield Chunk(b"", 0)

    async def write(self, data: bytes, channel: str = "") -> None:
        """`LinkError`, always: a device that calls us is answered and nothing else."""
        raise LinkError("nothing is ever written to a device that calls us")


class Desk:
    """See `drivers.links.dicom.Desk`."""

    def __init__(self, room: Room, drivers: Mapping[str, Driver]) -> None:
        self._room, self.devices = room, dict[str, Device]()
        self._drivers = {
            uid: driver
            for driver in drivers.values()
            if isinstance(driver.claim, Listener) and driver.claim.protocol == "dicom"
            for uid in driver.claim.objects
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """The SOP classes that are taken."""
        return tuple(self._drivers)

    def spool(self) -> Spool:
        """Where one object can arrive."""
        return self._room.spool()

    async def arrived(self, key: str, sent: Sent) -> None:
        """Judge and keep an object."""
        spool, arrival = cast(Spool, sent.spool), clock.now()
        try:
            await asyncio.to_thread(spool.close)
            header, numerics = await asyncio.to_thread(self._look, sent, spool)
            reason = await self._room.receive(self._document(key, sent, spool, header, numerics, arrival), spool)
        except (StorageFull, StoreError) as error:
            raise NoRoom(str(error)) from error
        except PacketError as error:
            raise Unusable(str(error)) from error
        log.info(
            "%s: an object of %d bytes was kept%s", key, spool.bytes, f" in quarantine: {reason}" if reason else ""
        )

    async def held(self, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
        """What is durable here."""
        return await self._room.held([Instance(sop_class, instance) for sop_class, instance in asked])

    async def scheduled(self, key: str) -> Scheduled | None:
        """The patient of the open consultation, once confirmed."""
        order = self._room.order
        return None if order is None else _scheduled(order, MODALITIES.get(self.devices[key].kind, "OT"))

    async def step(self, key: str, uid: str, state: str, *, new: bool, accession: str) -> None:
        """A device tells how far it is."""
        try:
            await self._room.step(key, uid, state, new=new, accession=accession)
        except Refused as error:
            raise StepRefused(error.code) from error
        except (StorageFull, StoreError) as error:
            raise NoRoom(str(error)) from error

    def _look(self, sent: Sent, spool: Spool) -> tuple[dicom.Header, tuple[Numeric, ...]]:
        header = dicom.header(spool.head)
        if (header.sop_class, header.instance) != (sent.sop_class, sent.instance):
            raise PacketError("the object is not the one that was announced")
        if spool.bytes > READ_CAP or sent.transfer_syntax == dicom.DEFLATED:
            return header, ()
        data = spool.read()
        dicom.read(data)  # whole; what a driver then does not understand is kept all the same
        try:
            events = list(self._drivers[sent.sop_class].decoder()(Packet(data)))
        except PacketError as error:
            log.info("an object is kept unread: %s", error)
            return header, ()
        return header, tuple(event for event in events if isinstance(event, Numeric))

    def _document(
        self,
        key: str,
        sent: Sent,
        spool: Spool,
        header: dicom.Header,
        numerics: tuple[Numeric, ...],
        arrival: clock.Stamp,
    ) -> Document:
        device, said = self.devices[key], header.identity
        ref = DeviceRef(
            key,
            device.name,
            device.kind,
            self._drivers[sent.sop_class].name,
            device.link,
            said.manufacturer,
            said.model,
            said.serial,
            said.firmware,
        )
        instance = Instance(sent.sop_class, sent.instance, header.study, sent.transfer_syntax, header.modality)
        kept = Kept(instance, header.patient_id, header.family_name, header.birth_date, header.accession, header.taken)
        return Document(ref, arrival, kept, spool.bytes, spool.sha256, numerics)


def _scheduled(order: Order, modality: str) -> Scheduled:
    patient = order.patient
    return Scheduled(
        patient_id=order.patient_id,
        family=patient.birth_name,
        given=patient.given_names,
        birth_date=patient.birth_date,
        sex=SEXES[patient.sex],
        accession=order.accession,
        study=order.study,
        step=order.step,
        modality=modality,
        start=order.start.astimezone().replace(tzinfo=None),
        description="Teleconsultation",
    )
