"""What the routes need of the rest of the service, so that they can be tried without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from appliance.care.login import Login
from appliance.care.precheck import Precheck
from appliance.care.room import Room
from appliance.care.worklist import Worklist
from appliance.config import Settings
from appliance.feed import Feed
from appliance.media.look import Look
from appliance.records.model import KeptResult
from appliance.records.store import Store


class Instruments(Protocol):
    """What is plugged in."""

    def present(self) -> list[str]: ...

    def known(self, key: str) -> bool: ...

    def again(self, key: str) -> None: ...


class Plugged(Protocol):
    """What is there without being a device, and what a technician makes of it."""

    def unknown(self) -> dict[str, Any]: ...

    async def assign(self, ref: str, driver: str, name: str | None) -> dict[str, Any]: ...

    async def forget(self, key: str) -> None: ...


class Calls(Protocol):
    """Stills, clips, listenings, and the kiosk's own view of what the doctor sees."""

    async def still(self, consultation: str, source: str) -> KeptResult: ...

    async def clip(self, consultation: str, source: str) -> KeptResult: ...

    async def view(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def listen(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def preview(self) -> tuple[str, dict[str, str]]: ...

    async def preview_answer(self, peer: str, description: dict[str, str]) -> None: ...

    async def preview_close(self, peer: str) -> None: ...

    async def talk(self) -> tuple[str, dict[str, str]]: ...

    async def talk_answer(self, peer: str, description: dict[str, str]) -> None: ...

    async def talk_close(self, peer: str) -> None: ...


class Simulator(Protocol):
    """The demo's replayed devices; a real unit has none."""

    def describe(self) -> dict[str, Any]: ...

    async def act(self, device: str, action: str, recording: str | None) -> dict[str, Any]: ...


class Health(Protocol):
    """How the unit is."""

    async def report(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the routes reach."""

    settings: Settings
    store: Store
    feed: Feed
    room: Room
    instruments: Instruments
    calls: Calls
    health: Health
    simulator: Simulator | None
    ui: Path | None
    plugged: Plugged | None = None
    cameras: Mapping[str, Callable[[], Look]] = field(default_factory=dict)
    login: Login | None = None
    worklist: Worklist | None = None
    precheck: Precheck | None = None
