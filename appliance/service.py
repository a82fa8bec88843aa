"""The composition root of the unit: everything is built here, once, and runs in one task group."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Protocol

from appliance import diagnostics
from appliance.api import app, routes
from appliance.api.ports import Ports, Simulator
from appliance.api.server import listen, serve
from appliance.calls import Calls
from appliance.care.charting import Here
from appliance.care.login import Login, Rules
from appliance.care.precheck import Precheck
from appliance.care.retention import Retention
from appliance.care.room import Room
from appliance.care.worklist import Worklist
from appliance.config import ConfigError, Device, Settings
from appliance.config import Source as Configured
from appliance.feed import Feed
from appliance.instruments import dicom, kept
from appliance.instruments.hotplug import Hotplug
from appliance.instruments.opening import Opener, check, driver_of
from appliance.instruments.repairs import Hardware
from appliance.instruments.roster import Roster, check_owners
from appliance.instruments.supervisor import Supervisor
from appliance.media import netwatch
from appliance.media.buttons import Buttons, wanted
from appliance.media.engine import Engine, EngineSettings
from appliance.media.look import look
from appliance.media.opening import picture_source, sound_source
from appliance.media.peer import Offered
from appliance.media.sharing import Sharing
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.status import Ways, peer_messages, source_messages
from appliance.platform.client import Platform
from appliance.platform.fhir.parts import Sender
from appliance.platform.forwarder import Forwarder
from appliance.platform.identity import IdentityProvider
from appliance.platform.link import Link
from appliance.platform.link_messages import ConsultationChanged, Hello, OpenConsultation, UnitInfo
from appliance.publishing import Publishing
from appliance.reception import Reception
from appliance.records.model import ConsultationRecord
from appliance.records.store import Store
from appliance.screens import built_ui
from drivers.core.driver import Driver
from drivers.links.base import Link as OneLink
from drivers.links.ports import Watch
from drivers.registry import DRIVERS

log = logging.getLogger(__name__)

Sources = tuple[tuple[PictureSource, ...], SoundSource | None]
Parts = dict[str, Coroutine[Any, Any, None]]


class Bench(Simulator, Protocol):
    """What a demo puts in place of hardware: `replay:` links, a heart to choose, and plugs to pull."""

    def open_link(self, device: Device, driver: Driver) -> OneLink: ...

    def sound_source(self, configured: Configured) -> SoundSource: ...

    def plug(self, key: str, what: Plug) -> None: ...

    def close(self) -> None: ...


class Plug(Protocol):
    """What can be pulled and plugged."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


async def run(settings: Settings, make_bench: Callable[[], Bench | None]) -> int:
    """Run the unit until SIGTERM or SIGINT; 0. `ChevetError` where it cannot start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as ending:
        tasks = await _build(settings, make_bench(), ending)
        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(task, name=name) for name, task in tasks.items()]
                log.info("ready: http://%s:%d/", settings.server.host, settings.server.port)
                await stop.wait()
                for task in running:
                    task.cancel()
        finally:
            log.info("ending")
    return 0


async def _build(settings: Settings, bench: Bench | None, ending: AsyncExitStack) -> Parts:
    """Build every part; returns what runs for ever, by name. What must be closed is put on `ending`."""
    sock = listen(settings.server)
    ending.callback(sock.close)
    store = Store.open(settings.state)
    ending.push_async_callback(store.close)
    feed, ui = Feed(), built_ui()
    room = Room(store, feed, settings.care, settings.records, Here(settings.unit.id, diagnostics.software()))
    roster = _roster(settings)
    opener = Opener(DRIVERS.values(), roster.path, dicom.Ports(room, DRIVERS, settings.dicom, settings.devices))
    ending.push_async_callback(opener.close)
    if bench is not None:
        ending.callback(bench.close)
    else:
        for device in settings.devices:
            check(device, driver_of(device, DRIVERS))
    open_link = bench.open_link if bench else opener
    repairs = None if bench else Hardware(roster.path, opener.reset_radio)
    supervisor = Supervisor(roster.devices(), DRIVERS, open_link, room, feed, settings.care, repairs)
    hardware = (None, None) if bench else (Watch().changes, opener.overhear)
    hotplug = Hotplug(roster, supervisor, feed, settings.state, store.note, *hardware)
    engine_settings = EngineSettings(settings.ice_addresses or None, settings.ice_authorities)
    engine = Engine(engine_settings)  # before the sources: it bounds their memory
    pictures, sound = _sources(settings, bench, ending)

    reception = Reception(room, store, feed)
    platform = Platform(settings.platform.url, _token(settings))
    ending.push_async_callback(platform.close)
    forwarder = Forwarder(store, platform, _sender(settings), reception)
    link = Link(settings.platform.url, _token(settings), lambda: _hello(settings, room), reception)
    calls = Calls(
        room,
        feed,
        lambda: routes.hello(settings),  # the same words for a remote party as for the kiosk
        engine,
        Offered(pictures, sound),
        link.send,
    )
    ending.push_async_callback(calls.close)
    platform.pace = lambda: calls.leftover
    buttons = Buttons(wanted(settings))
    ending.push_async_callback(buttons.aclose)
    publishing = Publishing(room, engine, (*pictures, *((sound,) if sound else ())), link.send)
    ending.push_async_callback(publishing.close)
    reception.connect(calls, forwarder, publishing)
    room.when_queued(forwarder.wake)
    room.watch(lambda record: _tell_link(link, record))
    await room.start()

    login = _login(settings, store, ending)
    web = app.build(
        Ports(
            settings,
            store,
            feed,
            room,
            supervisor,
            calls,
            diagnostics.Health(settings, store, ui),
            bench,
            ui,
            hotplug,
            {picture.key: partial(look, picture) for picture in pictures},
            login,
            Worklist(room, platform.worklist),
            Precheck(feed, supervisor.again, platform.answers_in_ms),
        )
    )
    return {
        "web": serve(web, sock),
        "room": room.run(),
        "retention": Retention(store, feed, settings.records).run(),
        "beat": feed.beat(),
        "devices": supervisor.run(),
        "hotplug": hotplug.run(),
        "sources": _tell_sources(feed, (pictures, sound)),
        "encoder": engine.measure(),
        "peers": _tell_peers(feed, calls.remote),
        "publications": _tell_peers(feed, publishing),
        "buttons": _take_stills(buttons, calls),
        "forwarder": forwarder.run(),
        "link": reception.hold_link(link.run),
        "network": netwatch.watch(reception.network_changed),
        "watchdog": diagnostics.feed_watchdog(store.outbox),
    }


def _login(settings: Settings, store: Store, ending: AsyncExitStack) -> Login | None:
    """The login, where the platform has an identity provider."""
    wanted = settings.login
    if wanted.issuer is None:
        return None
    provider = IdentityProvider(wanted.issuer, wanted.client_id, wanted.scope)
    ending.push_async_callback(provider.aclose)
    login = Login(provider, Rules(60.0 * wanted.reopen_minutes, 60.0 * wanted.lock_minutes), store.note)
    ending.push_async_callback(login.aclose)
    return login


def _roster(settings: Settings) -> Roster:
    """Who there is: by the file, and by what a technician added."""
    for device in settings.devices:
        driver_of(device, DRIVERS)
    check_owners(settings.devices, DRIVERS)
    return Roster(DRIVERS, settings.devices, kept.load(settings.state, settings.devices, DRIVERS))


def _sources(settings: Settings, bench: Bench | None, ending: AsyncExitStack) -> Sources:
    """The cameras and the stethoscope, started."""
    make_sound = sound_source if bench is None else bench.sound_source
    sharing = Sharing()
    pictures = tuple(picture_source(one, sharing) for one in settings.sources if one.kind == "video")
    sounds = tuple(make_sound(one) for one in settings.sources if one.kind == "audio")
    if len(sounds) > 1:
        raise ConfigError(f"sources: {len(sounds)} stethoscopes; one is served for now")
    sources: tuple[PictureSource | SoundSource, ...] = (*pictures, *sounds)
    for source in sources:
        ending.push_async_callback(source.aclose)
        source.start()
        if bench is not None:
            bench.plug(source.key, source)
    return pictures, sounds[0] if sounds else None


async def _tell_sources(feed: Feed, sources: Sources) -> None:
    pictures, sound = sources
    async for message in source_messages((*pictures, *((sound,) if sound else ()))):
        feed.publish(message)


async def _tell_peers(feed: Feed, peers: Ways) -> None:
    async for message in peer_messages(peers):
        feed.publish(message)


async def _take_stills(buttons: Buttons, calls: Calls) -> None:
    async for source in buttons.presses():
        await calls.pressed(source)


def _token(settings: Settings) -> str | None:
    path = settings.platform.token_file
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"platform.token_file: {path} cannot be read: {error}") from error


def _sender(settings: Settings) -> Sender:
    return Sender(settings.unit.id, settings.unit.name, diagnostics.software(), settings.platform.test_data)


def _hello(settings: Settings, room: Room) -> Hello:
    record = room.record
    open_now = (
        () if record is None else (OpenConsultation(record.id, record.state, record.opened.isoformat(), record.reason),)
    )
    return Hello(UnitInfo(settings.unit.id, settings.unit.name, diagnostics.software()), open_now)


def _tell_link(link: Link, record: ConsultationRecord | None) -> None:
    if record is not None:
        link.send(ConsultationChanged(record.id, record.state, record.opened.isoformat(), record.reason))
