"""Buttons and foot pedals: kernel input nodes that are grabbed, so that what they type goes nowhere else.

A UVC camera's own button is an input node of the camera with KEY_CAMERA (uvc_status.c); a pedal is a keyboard.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.core.errors import LinkError, LinkLost
from drivers.links.named import USB, event_nodes, video_port

AUTO = "auto"
DEBOUNCE_NS = 300_000_000  # a contact bounces for some 20 ms, a foot for longer
PRESSED = 1  # value of EV_KEY: 0 is let go, 2 is repeated by the kernel


class Node(Protocol):
    """What is used of `evdev.InputDevice`."""

    def fileno(self) -> int: ...

    def grab(self) -> None: ...

    def capabilities(self) -> dict[int, list[int]]: ...

    def read(self) -> Iterable[Any]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ButtonSettings:
    """`device`: `auto` (the node of `camera` itself), `/dev/input/by-id/...` or `usb:PORT`. `key`: the kernel's."""

    device: str
    key: str = "KEY_CAMERA"
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """One press. `at_ns` is CLOCK_BOOTTIME."""

    at_ns: int


class Button:
    """One open button. Blocking: for a thread. `read` raises `LinkLost` when the device goes."""

    def __init__(self, settings: ButtonSettings, opener: Callable[[str], Node] | None = None) -> None:
        import evdev  # noqa: PLC0415 - costs 20 ms of every start, and most units have no button

        code = evdev.ecodes.ecodes.get(settings.key)
        if code is None:
            raise LinkError(f"button {settings.device}: the kernel knows no key {settings.key}")
        self._settings, self._code, self._key = settings, int(code), int(evdev.ecodes.EV_KEY)
        self._last_ns: int | None = None
        self._node = self._found(evdev.InputDevice if opener is None else opener)

    def read(self, quiet_s: float = 0.5) -> Press | None:
        """The next press, once however long it is held; None when there was none in time."""
        try:
            ready, _, _ = select.select([self._node.fileno()], [], [], quiet_s)
            events = list(self._node.read()) if ready else []
        except (OSError, ValueError) as error:
            raise LinkLost(f"button {self._settings.device}: gone: {error}") from error
        pressed = [e for e in events if (e.type, e.code, e.value) == (self._key, self._code, PRESSED)]
        return self._press() if pressed else None

    def close(self) -> None:
        """Let the device go. Harmless when it is already gone."""
        with suppress(OSError):
            self._node.close()

    def _press(self) -> Press | None:
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        bounced = self._last_ns is not None and now_ns - self._last_ns < DEBOUNCE_NS
        self._last_ns = now_ns
        return None if bounced else Press(now_ns)

    def _found(self, opener: Callable[[str], Node]) -> Node:
        """The node that has the key, grabbed."""
        for path in nodes(self._settings):
            try:
                node = opener(path)
            except OSError as error:
                raise LinkError(f"button {path}: cannot open: {error.strerror}") from error
            if self._code in node.capabilities().get(self._key, []):
                return self._grabbed(node, path)
            node.close()
        raise LinkError(f"button {self._settings.device}: no device with {self._settings.key} is plugged in")

    @staticmethod
    def _grabbed(node: Node, path: str) -> Node:
        try:
            node.grab()
        except OSError as error:
            with closing(node):
                raise LinkError(f"button {path}: somebody else holds it: {error.strerror}") from error
        return node


def nodes(settings: ButtonSettings) -> list[str]:
    """The input nodes to look at now."""
    if settings.device == AUTO:
        port = video_port(settings.camera)
        return [] if port is None else list(event_nodes(port))
    if settings.device.startswith(USB):
        return list(event_nodes(settings.device.removeprefix(USB)))
    return [settings.device]
