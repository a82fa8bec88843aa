"""Tells the first port of the virtual controller for fast devices as the kernel names it (`socket`): `3-1`."""

from __future__ import annotations

from tests.guest.inside.telling import tell
from tests.guest.inside.usb import CONTROLLER


def main() -> None:
    buses = [path for path in CONTROLLER.glob("usb*/speed") if path.read_text().strip() == "480"]
    tell("socket", vhci=f"{buses[0].parent.name.removeprefix('usb')}-1")


if __name__ == "__main__":
    main()
