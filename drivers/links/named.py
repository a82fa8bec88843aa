"""Hardware by names that stay: a link under /dev/.../by-id, a card's id, or the USB port that it is plugged into.

The numbers of the kernel (video0, card 1, event5) change at the next plug: they are looked up anew at each opening.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drivers.core.errors import LinkError

USB = "usb:"
# sysfs names a USB device by its bus and the ports down to it (Documentation/ABI/stable/sysfs-bus-usb): 1-1.4
PORT = re.compile(r"\d+-\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the kernel tells of its devices."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")


HERE = Roots()


def usb_port(device: Path) -> str | None:
    """The port path of the USB device that a sysfs entry belongs to; None when it is not on USB."""
    parts = [part for part in device.resolve().parts if PORT.fullmatch(part)]
    return parts[-1] if parts else None


def bus_of(port: str) -> str:
    """The bus of a port path: what is plugged into it shares its bandwidth."""
    return port.partition("-")[0]


def video_node(name: str, roots: Roots = HERE) -> str:
    """The V4L2 node of a camera now. `LinkError` when it is not plugged in."""
    if not name.startswith(USB):
        return name
    for entry in _on_port(roots.sys / "class/video4linux", "video*", name):
        if _text(entry / "index") in {"0", ""}:  # a UVC camera's second node carries only its metadata
            return str(roots.dev / entry.name)
    raise LinkError(f"camera {name}: nothing is plugged into this port")


def video_port(name: str, roots: Roots = HERE) -> str | None:
    """The USB port that a camera is plugged into; None when it is not on USB or not there."""
    if name.startswith(USB):
        return name.removeprefix(USB)
    return usb_port(roots.sys / "class/video4linux" / Path(name).resolve().name / "device")


def sound_card(name: str, roots: Roots = HERE) -> str:
    """ALSA's name of a card now, by its id. `LinkError` when it is not plugged in."""
    if name.startswith(USB):
        for entry in _on_port(roots.sys / "class/sound", "card*", name):
            return f"hw:CARD={_text(entry / 'id') or entry.name.removeprefix('card')},DEV=0"
        raise LinkError(f"sound card {name}: nothing is plugged into this port")
    if name.startswith("/"):
        number = re.fullmatch(r"controlC(\d+)", Path(name).resolve().name)
        if number is None:
            raise LinkError(f"sound card {name}: not plugged in")
        return f"hw:CARD={_text(roots.sys / f'class/sound/card{number[1]}/id') or number[1]},DEV=0"
    return name


def event_nodes(port: str, roots: Roots = HERE) -> Iterator[str]:
    """The input nodes of the device in this port."""
    for entry in _on_port(roots.sys / "class/input", "event*", USB + port):
        yield str(roots.dev / "input" / entry.name)


def _on_port(folder: Path, pattern: str, name: str) -> Iterator[Path]:
    port = name.removeprefix(USB)
    # card10 after card9, and event10 after event9
    for entry in sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name)):
        if usb_port(entry) == port or usb_port(entry / "device") == port:
            yield entry


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
