"""Which device owns which port and which peripheral: one owner each, and nothing is guessed.

A device is configured (the installer's file), added (a technician's touch, kept in `devices.json`) or found (hardware
with USB ids of its own). A port that nobody owns, and a peripheral that nobody admitted, is listed as unknown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance import clock
from appliance.care.errors import Refused
from appliance.config import ConfigError, Device
from drivers.core.claims import CONVERTERS, gatt_driver, overlap, usb_driver
from drivers.core.driver import Driver, Gatt, Uart
from drivers.core.errors import LinkError, NotThere
from drivers.links.ports import Port

HEARD_CAP = 64  # strangers' peripherals that are remembered; a waiting room has a dozen
HEARD_MS = 300_000  # one that is silent for so long has gone home
NAME_CAP = 80


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A peripheral that advertises what a driver reads, and that nobody has admitted."""

    address: str
    name: str
    services: tuple[str, ...]
    driver: str
    since_ms: int
    heard_ms: int


@dataclass(slots=True)
class Roster:
    """Pure but for the clock: `plug`, `unplug`, `hear` tell it what is there; `assign` and `forget` are a person's.

    Every method keeps the one rule: a port has at most one device, a device at most one port.
    """

    drivers: Mapping[str, Driver]
    configured: Sequence[Device] = ()
    added: list[Device] = field(default_factory=list)
    found: list[Device] = field(default_factory=list)
    ports: dict[str, Port] = field(default_factory=dict)  # serial ports by node
    owners: dict[str, str] = field(default_factory=dict)  # node: key
    heard: dict[str, Peripheral] = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)

    # --- who there is

    def devices(self) -> list[Device]:
        """All, those of the file first: where two name one port, that order decides."""
        return [*self.configured, *self.added, *self.found]

    def device(self, key: str) -> Device | None:
        """The device of that key."""
        return next((device for device in self.devices() if device.key == key), None)

    def path(self, device: Device) -> str:
        """Where a serial device is now. `NotThere` if it is not plugged in, `LinkError` if the port is another's."""
        where = device.link.partition(":")[2]
        for node, key in self.owners.items():
            if key == device.key:
                return node
        for node, port in self.ports.items():
            if port.is_named(where):
                if node not in self.owners:
                    raise NotThere(f"{device.key}: something else is plugged in at {where}")
                raise LinkError(f"{device.key}: {where} is {node}, and that is the port of {self.owners[node]!r}")
        if not where.startswith("/"):
            raise NotThere(f"{device.key}: nothing is plugged in at {where}")
        return where

    # --- what is there

    def plug(self, port: Port) -> tuple[Device | None, bool]:
        """A serial port is there: the device that owns it now, if one does, and whether that is a new one."""
        self.unplug(port.node)
        self.ports[port.node] = port
        self._since[port.node] = clock.boottime_ms()
        device = self._waiting_for(port)
        new = device is None and (device := self._found_by_ids(port)) is not None
        if device is not None:
            self.owners[port.node] = device.key
        return device, new

    def unplug(self, node: str) -> None:
        """A port is gone. Its device stays, and waits."""
        self.ports.pop(node, None)
        self.owners.pop(node, None)
        self._since.pop(node, None)

    def hear(self, address: str, name: str | None, services: tuple[str, ...]) -> Peripheral | None:
        """A peripheral advertises; it is remembered if a driver reads such ones and it is nobody's yet."""
        address, now_ms = address.upper(), clock.boottime_ms()
        driver = gatt_driver(self.drivers.values(), services, name)
        if driver is None or self._spoken_for(address, driver):
            return None
        before = self.heard.pop(address, None)
        if len(self.heard) >= HEARD_CAP:
            self.heard.pop(next(iter(self.heard)))
        since_ms = now_ms if before is None else before.since_ms
        said = shown(name) or (before.name if before else "")
        self.heard[address] = Peripheral(address, said, services[:16], driver.name, since_ms, now_ms)
        return self.heard[address]

    def grow_old(self) -> None:
        """Forget the peripherals that have not been heard for long."""
        oldest_ms = clock.boottime_ms() - HEARD_MS
        self.heard = {address: one for address, one in self.heard.items() if one.heard_ms >= oldest_ms}

    def unknown(self) -> list[dict[str, Any]]:
        """What is there and is no device: as in docs/protocol.md, `unknown`."""
        ports = (port for node, port in self.ports.items() if node not in self.owners and port.usb is not None)
        return [*map(self._port_message, ports), *map(_peripheral_message, self.heard.values())]

    # --- what a person decides

    def assign(self, ref: str, driver: Driver, name: str | None) -> Device:
        """Make what is unknown (`ref` is its id) a device. `Refused` where that cannot be."""
        if ref.startswith("ble:"):
            return self._admit(ref.removeprefix("ble:"), driver, name)
        port = next((one for one in self.ports.values() if identity(one) == ref), None)
        if port is None:
            raise Refused("no-such-unknown", f"nothing unknown is plugged in as {ref!r}; it may have been pulled out")
        if port.node in self.owners:
            raise Refused("taken", f"that port is already the one of {self.owners[port.node]!r}")
        if not isinstance(driver.claim, Uart):
            raise Refused("wrong-driver", f"{driver.name} does not speak over a serial port")
        if (own := self._by_ids(port)) is not None and own is not driver:
            raise Refused("wrong-driver", f"this is hardware of its own, which {own.name} reads, not {driver.name}")
        link = f"serial:port:{port.place}"
        if (before := next((one for one in self.devices() if one.link == link), None)) is not None:
            raise Refused("taken", f"that port is already the one of {before.key!r}")
        device = self._make(driver, link, name)
        self.added.append(device)
        self.owners[port.node] = device.key
        return device

    def forget(self, key: str) -> list[Port]:
        """A device that was added or found is one no more; its port, to be plugged anew."""
        device = self.device(key)
        if device is None:
            raise Refused("no-such-device", f"there is no device {key!r} on this unit")
        if device in self.configured:
            raise Refused("configured", f"{key!r} stands in the unit's configuration file; take it out there")
        if device in self.found and key in self.owners.values():
            raise Refused("still-there", f"{key!r} is known by its own hardware: unplug it first")
        self.added = [one for one in self.added if one.key != key]
        self.found = [one for one in self.found if one.key != key]
        return [self.ports[node] for node, owner in self.owners.items() if owner == key]

    # --- how it is decided

    def _waiting_for(self, port: Port) -> Device | None:
        """The first device that names this port and has none."""
        have = set(self.owners.values())
        for device in self.devices():
            kind, _, where = device.link.partition(":")
            if kind == "serial" and device.key not in have and port.is_named(where) and self._may_be(device, port):
                return device
        return None

    def _may_be(self, device: Device, port: Port) -> bool:
        """A socket in which one was found or assigned may hold another today. The file is believed as it stands."""
        if device in self.configured:
            return True
        own = self._by_ids(port)
        return own.name == device.driver if own is not None else device not in self.found

    def _named_by(self, port: Port) -> bool:
        """Whether a device names this port, even one that has another now."""
        links = (device.link.partition(":") for device in (*self.configured, *self.added))
        return any(kind == "serial" and port.is_named(where) for kind, _, where in links)

    def _by_ids(self, port: Port) -> Driver | None:
        return None if port.usb is None else usb_driver(self.drivers.values(), port.usb.vendor, port.usb.product)

    def _found_by_ids(self, port: Port) -> Device | None:
        driver = self._by_ids(port)
        if driver is None or port.usb is None or self._named_by(port):
            return None
        by_id = next((link for link in port.links if "/by-id/" in link), None) if port.usb.serial else None
        taken = {device.link for device in self.devices()}
        links = (*(() if by_id is None else (f"serial:{by_id}",)), f"serial:port:{port.place}")
        link = next((link for link in links if link not in taken), None)
        if link is None:
            return None  # two with one serial number in one socket after another: a person must look
        device = self._make(driver, link, port.usb.model)
        self.found.append(device)
        return device

    def _admit(self, address: str, driver: Driver, name: str | None) -> Device:
        stranger = self.heard.get(address)
        if stranger is None:
            raise Refused("no-such-unknown", f"{address} is not heard any more; switch the device on")
        if driver.name != stranger.driver:
            raise Refused("wrong-driver", f"{driver.name} does not read it; {stranger.driver} does")
        device = self._make(driver, f"ble:{address}", name or stranger.name)
        self.added.append(device)
        del self.heard[address]
        return device

    def _spoken_for(self, address: str, driver: Driver) -> bool:
        """Whether a device is at this address, or waits for any peripheral of this kind."""
        wheres = [(one.driver, one.link.partition(":")[2].upper()) for one in self.devices() if one.link[:4] == "ble:"]
        return any(where == address or (where == "ANY" and name == driver.name) for name, where in wheres)

    def _make(self, driver: Driver, link: str, name: str | None) -> Device:
        """Its key is the same whenever it is found again: it is made of its kind and its link."""
        key = f"{driver.kind}-{hashlib.sha256(link.encode()).hexdigest()[:6]}"
        if self.device(key) is not None:
            raise Refused("taken", f"there is already a device {key!r}")
        return Device(key=key, name=shown(name) or driver.name, kind=driver.kind, driver=driver.name, link=link)

    def _port_message(self, port: Port) -> dict[str, Any]:
        assert port.usb is not None
        usb = port.usb
        why = (
            "converter" if (usb.vendor, usb.product) in CONVERTERS else "taken" if self._named_by(port) else "no-driver"
        )
        return {
            "type": "unknown",
            "id": identity(port),
            "link": "serial",
            "why": why,
            "name": " ".join(word for word in (usb.maker, usb.model) if word),
            "socket": usb.socket,
            "usb": f"{usb.vendor:04x}:{usb.product:04x}",
            "serial": usb.serial,
            "node": port.node,
            "services": [],
            "driver": None,
            "since_ms": self._since[port.node],
        }


def identity(port: Port) -> str:
    """What an unknown port is called by whoever assigns it: stable, and fit for an address of the API."""
    return f"port:{port.place}"


def shown(text: str | None) -> str:
    """What a device says of itself, fit to be shown."""
    return "".join(letter for letter in text or "" if letter.isprintable()).strip()[:NAME_CAP]


def check_owners(devices: Sequence[Device], drivers: Mapping[str, Driver]) -> None:
    """`ConfigError` where two devices could take the same peripheral and nothing says which."""
    over_air = [device for device in devices if device.link.startswith("ble:")]
    for at, one in enumerate(over_air):
        for other in over_air[at + 1 :]:
            anybody = "any" in {one.link.partition(":")[2].lower(), other.link.partition(":")[2].lower()}
            claims = drivers[one.driver].claim, drivers[other.driver].claim
            if anybody and isinstance(claims[0], Gatt) and isinstance(claims[1], Gatt) and overlap(*claims):
                raise ConfigError(
                    f"devices.{one.key} and devices.{other.key}: both would take the same peripheral; "
                    "'ble:any' must be the only one of its kind: give each its address"
                )


def _peripheral_message(one: Peripheral) -> dict[str, Any]:
    return {
        "type": "unknown",
        "id": f"ble:{one.address}",
        "link": "ble",
        "why": "not-admitted",
        "name": one.name,
        "socket": one.address,
        "usb": None,
        "serial": "",
        "node": None,
        "services": list(one.services),
        "driver": one.driver,
        "since_ms": one.since_ms,
    }
