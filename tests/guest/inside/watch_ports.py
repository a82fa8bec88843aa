"""Tells what `drivers.links.ports` says of serial ports: `change` with the action, the node and the stable names."""

from __future__ import annotations

import asyncio

from drivers.links.ports import Watch
from tests.guest.inside.telling import tell


async def main() -> None:
    """Until it is killed."""
    tell("watching")
    async for change in Watch().changes():
        port = change.port
        if port.sort == "serial" and port.usb is not None:
            ids = f"{port.usb.vendor:04x}:{port.usb.product:04x}"
            told = {"action": change.action, "node": port.node, "place": port.place, "links": list(port.links)}
            tell("change", **told, kernel=port.kernel, usb=ids, serial=port.usb.serial)


if __name__ == "__main__":
    asyncio.run(main())
