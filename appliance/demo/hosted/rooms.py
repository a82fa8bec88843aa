"""Who talks to whom: the link of each unit, the consultations open on it, the viewers in each of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from appliance.demo.hosted.resources import Receipt, now

Message = dict[str, Any]

MAX_CONSULTATIONS = 64  # of one unit
MAX_DOSSIERS = 100
MAX_VIEWERS = 8  # of one consultation
ENDED = frozenset({"closed", "abandoned"})


class Line(Protocol):
    """One WebSocket, seen from here: messages go out in order, or the line breaks."""

    def send(self, message: Message) -> None:
        """Queue a message; a line whose queue is full closes itself."""

    def close(self, reason: str) -> None:
        """End it after what is queued."""


@dataclass(slots=True)
class Consultation:
    """What the link told of one consultation. No patient data."""

    id: str
    unit: str
    state: str
    opened: str
    reason: str | None


@dataclass(slots=True)
class Viewer:
    """One doctor in one consultation."""

    peer: str
    consultation: str
    name: str
    line: Line


@dataclass(slots=True)
class Unit:
    """One unit's link."""

    id: str
    name: str
    software: str
    line: Line
    since: str = field(default_factory=now)


class Rooms:
    """All of it. `opened` keeps the receipt of an opened result; `receipts` gives those to say again to a unit."""

    def __init__(
        self, opened: Callable[[str, Receipt], None], receipts: Callable[[], list[Receipt]], ice_servers: list[Message]
    ) -> None:
        self._keep, self._receipts, self._ice = opened, receipts, ice_servers
        self.units: dict[str, Unit] = {}
        self.consultations: dict[str, Consultation] = {}
        self.viewers: dict[str, Viewer] = {}
        self.dossiers: deque[Message] = deque(maxlen=MAX_DOSSIERS)  # said again to every unit that comes back

    # --- the unit's side

    def unit_up(self, unit: Unit, told: list[Message]) -> None:
        """A unit said hello: what it tells is all that is open on it, and it learns who waits for it."""
        before = self.units.get(unit.id)
        if before is not None:
            before.line.close("the unit has opened another link")
        self.units[unit.id] = unit
        for known in [c for c in self.consultations.values() if c.unit == unit.id]:
            if known.id not in {one.get("id") for one in told}:
                self._end(known)
        for one in told[:MAX_CONSULTATIONS]:
            self.consultation(unit, one)
        unit.line.send({"type": "welcome", "protocol": 1, "platform": {"name": "Stand-in platform"}, "time": now()})
        for receipt in self._receipts():
            unit.line.send(_receipt(receipt))
        for said in self.dossiers:
            unit.line.send(said)
        for viewer in self._viewers_of(unit.id):
            unit.line.send(self._joined(viewer))
            viewer.line.send({"type": "unit", "connected": True})

    def unit_down(self, unit: Unit) -> None:
        """A link ended."""
        if self.units.get(unit.id) is unit:
            del self.units[unit.id]
            for viewer in self._viewers_of(unit.id):
                viewer.line.send({"type": "unit", "connected": False})

    def tell_dossier(self, message: Message) -> None:
        """What became of a dossier, to every unit: only the one that asked knows it."""
        self.dossiers.append(message)
        for unit in self.units.values():
            unit.line.send(message)

    def drop_links(self) -> None:
        """Cut every unit off."""
        for unit in list(self.units.values()):
            unit.line.close("the platform goes down")

    def from_unit(self, unit: Unit, message: Message) -> None:
        """One message of the link, after hello."""
        kind = message.get("type")
        if kind == "consultation":
            self.consultation(unit, message)
            return
        viewer = self.viewers.get(str(message.get("peer")))
        if viewer is None or viewer.consultation != message.get("consultation"):
            return
        if kind == "signal":
            said = {key: value for key, value in message.items() if key not in {"consultation", "peer"}}
            viewer.line.send(said)
        elif kind == "peer.refused":
            code = str(message.get("code"))
            viewer.line.send({"type": "error", "code": code, "message": f"the unit refuses: {code}"})
            self._send_away(viewer)
        elif kind == "peer.closed":
            viewer.line.send({"type": "peer.closed"})

    def consultation(self, unit: Unit, told: Message) -> None:
        """A consultation was opened, or its state changed."""
        name, state = told.get("id"), told.get("state")
        if not isinstance(name, str) or not isinstance(state, str) or len(name) > 64 or len(state) > 32:
            return
        reason, opened = told.get("reason"), told.get("opened")
        one = Consultation(
            name, unit.id, state, str(opened)[:64], reason[:200] if isinstance(reason, str) and reason else None
        )
        if len(self.consultations) >= MAX_CONSULTATIONS and name not in self.consultations:
            unit.line.send({"type": "error", "code": "too-many", "message": "too many consultations are open"})
            return
        self.consultations[name] = one
        for viewer in self.viewers_in(name):
            viewer.line.send({"type": "consultation", "id": name, "state": state})
        if state in ENDED:
            self._end(one)

    # --- the doctor's side

    def no_room(self, consultation: str) -> tuple[str, str] | None:
        """Why a doctor cannot come in: (code, words); None when there is room."""
        if consultation not in self.consultations:
            return "no-such-consultation", "this consultation is not open"
        if len(self.viewers_in(consultation)) >= MAX_VIEWERS:
            return "too-many-peers", f"{MAX_VIEWERS} doctors are here already"
        return None

    def join(self, consultation: str, name: str, line: Line) -> Viewer:
        """A doctor comes in, where `no_room` has nothing against it."""
        viewer = Viewer(str(uuid4()), consultation, name, line)
        self.viewers[viewer.peer] = viewer
        unit = self._unit_of(viewer)
        line.send({"type": "joined", "peer": viewer.peer, "ice_servers": self._ice})
        line.send({"type": "unit", "connected": unit is not None})
        line.send({"type": "consultation", "id": consultation, "state": self.consultations[consultation].state})
        if unit is not None:
            unit.line.send(self._joined(viewer))
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """A doctor has gone."""
        if self.viewers.pop(viewer.peer, None) is not None:
            unit = self._unit_of(viewer)
            if unit is not None:
                unit.line.send({"type": "peer.left", "consultation": viewer.consultation, "peer": viewer.peer})

    def from_viewer(self, viewer: Viewer, message: Message) -> None:
        """One message of a viewer, after join."""
        unit = self._unit_of(viewer)
        if message.get("type") == "signal" and unit is not None:
            unit.line.send({**message, "consultation": viewer.consultation, "peer": viewer.peer})
        elif message.get("type") == "opened" and isinstance(message.get("identifier"), str):
            receipt = Receipt(message["identifier"][:64], now(), viewer.name)
            self._keep(viewer.consultation, receipt)
            if unit is not None:
                unit.line.send(_receipt(receipt))

    def persisted(self, consultation: str, identifier: str, resource: str, location: str) -> None:
        """A result of a consultation is stored: its viewers may look at it."""
        for viewer in self.viewers_in(consultation):
            viewer.line.send({"type": "result", "identifier": identifier, "resource": resource, "location": location})

    def viewers_in(self, consultation: str) -> list[Viewer]:
        """The doctors in one consultation."""
        return [viewer for viewer in self.viewers.values() if viewer.consultation == consultation]

    def _viewers_of(self, unit: str) -> list[Viewer]:
        ours = {c.id for c in self.consultations.values() if c.unit == unit}
        return [viewer for viewer in self.viewers.values() if viewer.consultation in ours]

    def _unit_of(self, viewer: Viewer) -> Unit | None:
        one = self.consultations.get(viewer.consultation)
        return None if one is None else self.units.get(one.unit)

    def _joined(self, viewer: Viewer) -> Message:
        return {
            "type": "peer.joined",
            "consultation": viewer.consultation,
            "peer": viewer.peer,
            "role": "doctor",
            "name": viewer.name,
            "ice_servers": self._ice,
        }

    def _end(self, one: Consultation) -> None:
        self.consultations.pop(one.id, None)
        for viewer in self.viewers_in(one.id):
            viewer.line.send({"type": "peer.closed"})
            self._send_away(viewer)

    def _send_away(self, viewer: Viewer) -> None:
        self.viewers.pop(viewer.peer, None)
        viewer.line.close("the consultation is over")


def _receipt(receipt: Receipt) -> Message:
    return {
        "type": "receipt",
        "identifier": receipt.identifier,
        "state": "opened",
        "at": receipt.at,
        "by": receipt.by,
    }
