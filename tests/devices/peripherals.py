"""Bluetooth without a radio: a scanner and a client like bleak's, around peripherals that the tests script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from bleak.exc import BleakError

from drivers.links.ble import uuid


@dataclass
class Peripheral:
    """A device: what it advertises, and its characteristics: name -> (properties, value)."""

    address: str
    name: str
    service: str
    characteristics: dict[str, tuple[tuple[str, ...], bytes]]
    on_air: bool = True
    refuses: BleakError | None = None
    bonded_here: bool = False  # our side has keys
    bonded_there: str = ""  # whose keys the device has: "us", "another"; none: it is free
    protects: tuple[str, ...] = ()  # what it lets be subscribed to by a bonded host only
    hangs_up: int = 0  # so many connections end before the device is ready
    forgotten: int = 0  # bonds that our side removed
    written: list[tuple[str, bytes]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)  # what the host did, in its order
    client: FakeClient | None = None

    def say(self, name: str, data: bytes) -> None:
        """Indicate a value."""
        assert self.client is not None
        self.client.listeners[name](SimpleNamespace(uuid=uuid(name)), bytearray(data))

    def drop(self) -> None:
        """End the connection, as a device does that goes to sleep."""
        assert self.client is not None
        self.client.end()


@dataclass
class Air:
    """Who is around. Makes the scanners and clients that a `Radio` asks for."""

    peripherals: list[Peripheral]
    scanning: int = 0
    connecting: int = 0
    most_connecting: int = 0
    scanned_while_connecting: bool = False
    broken: BleakError | None = None

    def scanner(self, detection_callback: Callable[[Any, Any], None], bluez: dict[str, str]) -> FakeScanner:
        return FakeScanner(self, detection_callback)

    def client(
        self, device: Any, disconnected_callback: Callable[[Any], None], timeout: float, bluez: dict[str, str]
    ) -> FakeClient:
        peripheral = next(one for one in self.peripherals if one.address == device.address)
        peripheral.client = FakeClient(self, peripheral, disconnected_callback)
        return peripheral.client


class FakeScanner:
    def __init__(self, air: Air, heard: Callable[[Any, Any], None]) -> None:
        self._air, self._heard = air, heard
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._air.broken is not None:
            raise self._air.broken
        self._air.scanning += 1
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        self._air.scanning -= 1

    async def _run(self) -> None:
        while True:
            for one in self._air.peripherals:
                if one.on_air:
                    details = {"props": {"Paired": one.bonded_here}}
                    name = one.name or None
                    device = SimpleNamespace(address=one.address, name=name, details=details)
                    said = SimpleNamespace(local_name=name, service_uuids=[uuid(one.service)])
                    self._heard(device, said)
            await asyncio.sleep(0.01)


class FakeClient:
    def __init__(self, air: Air, peripheral: Peripheral, gone: Callable[[Any], None]) -> None:
        self._air, self._peripheral, self._gone = air, peripheral, gone
        self.listeners: dict[str, Callable[[Any, bytearray], None]] = {}
        self.connected = False
        self.services = [
            SimpleNamespace(
                characteristics=[
                    SimpleNamespace(uuid=uuid(name), properties=list(properties))
                    for name, (properties, _) in peripheral.characteristics.items()
                ]
            )
        ]

    async def connect(self) -> None:
        air = self._air
        air.connecting += 1
        air.most_connecting = max(air.most_connecting, air.connecting)
        air.scanned_while_connecting |= air.scanning > 0
        await asyncio.sleep(0.02)
        air.connecting -= 1
        if self._peripheral.refuses is not None:
            raise self._peripheral.refuses
        if self._peripheral.hangs_up:
            self._peripheral.hangs_up -= 1
            self._gone(self)
            raise BleakError("failed to discover services, device disconnected")
        self.connected = True

    async def pair(self) -> None:
        one = self._peripheral
        one.order.append("pair")
        if one.bonded_here:
            return  # as bleak does, whatever the device thinks of it
        if one.bonded_there == "another":
            raise BleakError("[org.bluez.Error.AuthenticationFailed] Authentication Failed")
        one.bonded_here, one.bonded_there = True, "us"

    async def unpair(self) -> None:
        self._peripheral.order.append("unpair")
        self._peripheral.forgotten += 1
        self._peripheral.bonded_here = False

    async def disconnect(self) -> None:
        self.connected = False

    def end(self) -> None:
        self.connected = False
        self._gone(self)

    async def start_notify(self, full: str, heard: Callable[[Any, bytearray], None]) -> None:
        one = self._peripheral
        one.order.append(f"listen {full[4:8]}")
        if full[4:8] in one.protects and not (one.bonded_here and one.bonded_there == "us"):
            raise BleakError("[org.bluez.Error.NotPermitted] Write not permitted: Insufficient Authentication")
        self.listeners[full[4:8]] = heard

    async def read_gatt_char(self, full: str) -> bytearray:
        self._peripheral.order.append(f"read {full[4:8]}")
        return bytearray(self._peripheral.characteristics[full[4:8]][1])

    async def write_gatt_char(self, full: str, data: bytes) -> None:
        if not self.connected:
            raise BleakError("Not connected")
        self._peripheral.order.append(f"write {full[4:8]}")
        self._peripheral.written.append((full[4:8], bytes(data)))
