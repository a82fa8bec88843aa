"""What is plugged in: serial ports, cameras, sound cards and buttons, by names that stay, and their coming and going.

A node (`/dev/ttyUSB0`) is whatever came first. What stays is the USB serial number (udev's `/dev/.../by-id/` names) and
the socket that a plug is in: `Port.place` is the controller, the generation of its bus, the chain of hub ports and the
interface, so that it survives a restart and another order of controllers. Kernel: Documentation/ABI/stable/
sysfs-bus-usb, Documentation/ABI/testing/sysfs-bus-usb; udev(7).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyudev

Sort = Literal["serial", "camera", "sound", "input"]
Action = Literal["add", "remove", "change"]

# Subsystem: how the names of its nodes begin (of a sound card the card itself, not its streams).
SORTS: Mapping[str, tuple[Sort, str]] = {
    "tty": ("serial", ""),
    "video4linux": ("camera", "video"),
    "sound": ("sound", "card"),
    "input": ("input", "event"),
}
UDEV = Path("/run/udev/control")  # there while udev runs (systemd-udevd.service(8)); not in a container
LOOK_S = 0.5  # how long the thread waits for udev at a time: it bounds how long closing takes
AGAIN_S = 30.0  # a look without an event, in case one was lost
POLL_S = 2.0  # the same where there is no udev
TEXT_CAP = 80  # of what a descriptor says; USB allows 126 characters
LINKS_CAP = 16


@dataclass(frozen=True, slots=True)
class Usb:
    """What the USB descriptors say. `socket`: bus and chain of ports as the kernel writes them, `1-2.3`.

    `plugged`: the number that the kernel gave at this very plugging in; another one after each.
    """

    vendor: int
    product: int
    serial: str
    maker: str
    model: str
    interface: int
    socket: str
    plugged: str


@dataclass(frozen=True, slots=True)
class Port:
    """One node. `links`: udev's stable names of it. `kernel`: the kernel's driver. `usb` is None for a built-in one."""

    sort: Sort
    node: str
    place: str
    links: tuple[str, ...] = ()
    kernel: str = ""
    usb: Usb | None = None

    def is_named(self, name: str) -> bool:
        """Whether a name means this port: its node, one of udev's links, or `port:` and its place."""
        return name == self.node or name in self.links or name == f"port:{self.place}"


@dataclass(frozen=True, slots=True)
class Change:
    """A port came, went, or is another than before under the same node."""

    action: Action
    port: Port


class Watch:
    """Watches the machine's ports in a thread of its own. `changes` may be iterated once.

    The hand-over is one snapshot, the newest: nothing can pile up, and a plug that was pulled and put back between two
    looks still shows, because the kernel has given it another number.
    """

    def __init__(self, look: Callable[[], dict[str, Port]] | None = None, udev: Path = UDEV) -> None:
        self._look, self._udev = look or (lambda: ports(pyudev.Context())), udev
        self._stop = threading.Event()
        self._newest: dict[str, Port] | None = None

    async def changes(self) -> AsyncIterator[Change]:
        """`add` for all that is there, then what changes. Never ends."""
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=self._watch, name="ports", daemon=True)
        thread.start()
        told: dict[str, Port] = {}
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                now = self._newest or {}
                for change in differences(told, now):
                    yield change
                told = now
        finally:
            self._stop.set()

    def _watch(self) -> None:
        """The thread."""
        monitor = _monitor()
        every_s = AGAIN_S if monitor is not None and self._udev.exists() else POLL_S
        while not self._stop.is_set():
            self._newest = self._look()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._news.set)
            until = time.monotonic() + every_s
            while not self._stop.is_set() and time.monotonic() < until:
                if self._heard(monitor):
                    break

    def _heard(self, monitor: Any) -> bool:
        """Wait for udev for a moment; whether it said anything. One plug is many events: all are taken."""
        if monitor is None:
            self._stop.wait(LOOK_S)
            return False
        heard = monitor.poll(timeout=LOOK_S) is not None
        while heard and monitor.poll(timeout=0.02) is not None:
            if self._stop.is_set():
                break
        return heard


def differences(before: Mapping[str, Port], now: Mapping[str, Port]) -> Iterator[Change]:
    """What must be told to somebody who knows `before`: first what went. Keyed by node."""
    for node, port in before.items():
        if node not in now:
            yield Change("remove", port)
    for node, port in now.items():
        was = before.get(node)
        if was is None:
            yield Change("add", port)
        elif _plugging(was) != _plugging(port):
            yield Change("remove", was)
            yield Change("add", port)
        elif was != port:
            yield Change("change", port)


def ports(context: pyudev.Context) -> dict[str, Port]:
    """Every port there is now, by node. One that goes while we look is not there."""
    found: dict[str, Port] = {}
    for subsystem, (sort, begins) in SORTS.items():
        for device in context.list_devices(subsystem=subsystem):
            with contextlib.suppress(OSError, KeyError, ValueError, pyudev.DeviceNotFoundError):
                if device.sys_name.startswith(begins) and (port := _port(sort, device)) is not None:
                    found[port.node] = port
    return found


def _port(sort: Sort, device: pyudev.Device) -> Port | None:
    """None for what is no hardware: consoles, pseudo-terminals, a built-in chip without a port."""
    node = device.device_node or (f"/dev/snd/controlC{device.sys_number}" if sort == "sound" else None)
    if node is None or device.parent is None or device.device_path.startswith("/devices/virtual/"):
        return None
    if sort == "serial" and _attribute(device, "type") == "0":  # PORT_UNKNOWN (include/uapi/linux/serial_core.h)
        return None
    interface = device.find_parent("usb", "usb_interface")
    whole = device.find_parent("usb", "usb_device")
    links = tuple(sorted((device.properties.get("DEVLINKS") or "").split()))[:LINKS_CAP]
    if whole is None:
        return Port(sort, node, device.parent.sys_name, links, device.parent.driver or "")
    usb = Usb(
        int(_attribute(whole, "idVendor"), 16),
        int(_attribute(whole, "idProduct"), 16),
        _attribute(whole, "serial"),
        _attribute(whole, "manufacturer"),
        _attribute(whole, "product"),
        0 if interface is None else int(_attribute(interface, "bInterfaceNumber") or "0", 16),
        whole.sys_name,
        _attribute(whole, "devnum"),
    )
    kernel = device.parent.driver or ("" if interface is None else interface.driver or "")
    return Port(sort, node, _place(device, whole, usb), links, kernel, usb)


def _place(device: pyudev.Device, whole: pyudev.Device, usb: Usb) -> str:
    """`0000:00:14.0/usb2-2.3:0`: no bus number, which is another at another start."""
    bus, _, chain = usb.socket.partition("-")
    hub = next((one for one in whole.ancestors if one.sys_name == f"usb{bus}"), None)
    controller = bus if hub is None or hub.parent is None else hub.parent.sys_name
    generation = "" if hub is None else _attribute(hub, "version").strip().partition(".")[0]
    several = "" if device.parent is None else _attribute(device.parent, "port_number")
    return f"{controller}/usb{generation}-{chain}:{usb.interface}{'' if several in {'', '0'} else f'.{several}'}"


def _attribute(device: pyudev.Device, name: str) -> str:
    """A sysfs attribute as text that may be shown: short, printable; empty where there is none."""
    try:
        raw: bytes = device.attributes.get(name)
    except (KeyError, OSError):
        return ""
    text = (raw or b"").decode("utf-8", "replace").strip()
    return "".join(letter for letter in text if letter.isprintable())[:TEXT_CAP]


def _plugging(port: Port) -> tuple[object, ...]:
    return (port.place, None if port.usb is None else (port.usb.plugged, port.usb.vendor, port.usb.product))


def _monitor() -> Any:
    """udev's events of our subsystems; None where they cannot be had."""
    try:
        monitor = pyudev.Monitor.from_netlink(pyudev.Context())
        for subsystem in SORTS:
            monitor.filter_by(subsystem)
        monitor.start()
    except OSError:
        return None
    return monitor
