"""What can be done to hardware that does not answer: its USB port off and on, its radio reset."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from appliance.config import Device
from drivers.core.errors import ChevetError, LinkError

OFF_S = 2.0  # a converter's capacitors keep it alive for a while
HUB_CLASS = "09"
DEEP = 12  # folders between a node and its USB device


class CannotHere(ChevetError):  # noqa: N818 - it says what there is
    """This unit cannot do it: no right, a hub that does not switch, or somebody else on the same wire."""


class Repairs(Protocol):
    """Each raises `CannotHere` where it cannot be done."""

    async def power_cycle(self, device: Device) -> None:
        """Take the power from the device's own USB port, and give it back."""
        ...

    async def reset_adapter(self, device: Device) -> None:
        """Reset the radio that the device is heard by."""
        ...


class Hardware:
    """The unit's own. `path`: the node of a serial device now. `reset_radio`: of the only radio, if there is one."""

    def __init__(
        self,
        path: Callable[[Device], str],
        reset_radio: Callable[[], Awaitable[None]] | None = None,
        sys: Path = Path("/sys"),
        off_s: float = OFF_S,
    ) -> None:
        self._path, self._reset_radio, self._sys, self._off_s = path, reset_radio, sys, off_s

    async def power_cycle(self, device: Device) -> None:
        """Linux's usb_port `disable` (ABI/testing/sysfs-bus-usb, since 6.0); the port is never left off by us."""
        kind = device.link.partition(":")[0]
        if kind != "serial":
            raise CannotHere(f"a {kind} link has no USB port of its own")
        switch = await asyncio.to_thread(self._switch, Path(self._path(device)))
        try:
            await asyncio.to_thread(_write, switch, "1")
            await asyncio.sleep(self._off_s)
        finally:
            _write(switch, "0")  # at once, also when we are told to end

    async def reset_adapter(self, device: Device) -> None:
        """The radio is everybody's: who else is connected comes back by itself."""
        if not device.link.startswith("ble:") or self._reset_radio is None:
            raise CannotHere("it is not heard by a radio of this unit")
        try:
            await self._reset_radio()
        except LinkError as error:
            raise CannotHere(str(error)) from None

    def _switch(self, node: Path) -> Path:
        """The `disable` file of the port into which the device that owns this tty is plugged."""
        tty = self._sys / "class" / "tty" / node.resolve().name / "device"
        usb = next((one for one in [*tty.resolve().parents][:DEEP] if (one / "idVendor").exists()), None)
        if usb is None:
            raise CannotHere(f"{node} is not on USB")
        if (usb / "bDeviceClass").read_text().strip() == HUB_CLASS:
            raise CannotHere(f"{usb.name} is a hub, and others are on it")
        # ttyUSB0 lies in its interface; ttyACM0 in a folder `tty` of it.
        ports = {*usb.glob("*/tty*"), *usb.glob("*/tty/*")} - {*usb.glob("*/tty")}
        if len({port.name for port in ports}) > 1:
            raise CannotHere(f"{usb.name} has several ports, and others are on it")
        switch = usb / "port" / "disable"
        if not switch.exists():
            raise CannotHere(f"the kernel or the hub of {usb.name} cannot switch its ports")
        return switch


def _write(switch: Path, word: str) -> None:
    try:
        switch.write_text(word)
    except OSError as error:
        raise CannotHere(f"{switch}: {error.strerror}") from None


class Nothing:
    """Where there is no hardware to repair."""

    async def power_cycle(self, device: Device) -> None:
        """It cannot."""
        raise CannotHere("there is no hardware")

    async def reset_adapter(self, device: Device) -> None:
        """It cannot."""
        raise CannotHere("there is no hardware")
