"""Pairing: our answer when BlueZ asks whether a device may be bonded (org.bluez.Agent1 of BlueZ's D-Bus API).

Without an agent BlueZ pairs with nothing, not even where nobody has anything to confirm. This one says yes to the
device that is being connected, while it is being connected, and no to everybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dbus_fast import Message

from drivers.links.bluez import Bluez

log = logging.getLogger(__name__)

AGENT, MANAGER, PATH = "org.bluez.Agent1", "org.bluez.AgentManager1", "/chevet/agent"
REJECTED, CANCELED = "org.bluez.Error.Rejected", "org.bluez.Error.Canceled"
PASSKEY_S = 25.0  # to type what the device shows; it gives up after 30 (Core 5.4, vol. 3, part H, 3.4)
PASSKEYS = range(1_000_000)

Passkey = Callable[[str], Awaitable[int | None]]

# What may be asked about a device. What wants a number that only a person has is no question of yes or no.
YES_OR_NO = {"RequestConfirmation", "RequestAuthorization", "AuthorizeService"}


@dataclass(slots=True)
class Window:
    """While a device is being connected: whether it asked for a passkey that nobody gave."""

    unanswered: bool = False


class Agent:
    """BlueZ's default agent.

    `passkey`: asked for the number that a device shows, with the device's address (None from it: nobody
    knows it); without it this unit has nobody to ask, and pairs what pairs by itself ("just works").
    """

    def __init__(self, passkey: Passkey | None = None, bluez: Bluez | None = None) -> None:
        self.refused = 0  # of devices that nobody was connecting, for ever
        self._passkey = passkey
        # Not KeyboardDisplay: there is nobody to compare numbers with, and yes unseen is worth nothing.
        self._capability = "NoInputNoOutput" if passkey is None else "KeyboardOnly"
        self._bluez = bluez or Bluez()
        self._bluez.answer_with(self.answer)
        self._windows: dict[str, Window] = {}
        self._asked: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def window(self, address: str) -> AsyncIterator[Window]:
        """Within it this device may be paired. `LinkError` if BlueZ does not take us for its agent."""
        # A daemon that was started anew has forgotten us, and another program may have taken our place: said each time.
        await self._bluez.call("/org/bluez", MANAGER, "RegisterAgent", "os", [PATH, self._capability])
        await self._bluez.call("/org/bluez", MANAGER, "RequestDefaultAgent", "o", [PATH])
        window = self._windows[address.upper()] = Window()
        try:
            yield window
        finally:
            del self._windows[address.upper()]
            self._cancel()

    def answer(self, message: Message) -> Message | bool | None:
        """The reply to one call of BlueZ's; True: it comes later; None: it is not for us."""
        if message.path != PATH or message.interface != AGENT:
            return None
        if message.member in ("Release", "Cancel"):
            self._cancel()
            return Message.new_method_return(message)
        address = _address(message)
        window = self._windows.get(address)
        if window is None:
            return self._refuse(message)
        if message.member in YES_OR_NO:
            return Message.new_method_return(message)
        if message.member == "RequestPasskey" and self._passkey is not None:
            task = asyncio.create_task(self._ask(message, address, window, self._passkey), name="passkey")
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            return True
        return Message.new_error(message, REJECTED, "this unit cannot do that")

    async def _ask(self, message: Message, address: str, window: Window, passkey: Passkey) -> None:
        number: int | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PASSKEY_S):
                number = await passkey(address)
        if number in PASSKEYS:
            self._bluez.send(Message.new_method_return(message, "u", [number]))
        else:
            window.unanswered = True
            self._bluez.send(Message.new_error(message, CANCELED, "nobody gave the six digits"))

    def _refuse(self, message: Message) -> Message:
        self.refused += 1
        if self.refused == 1:  # whoever asks again and again does not fill the log
            log.warning("a device that nobody connects asked to be paired: refused")
        return Message.new_error(message, REJECTED, "not now")

    def _cancel(self) -> None:
        for task in self._asked:
            task.cancel()


def _address(message: Message) -> str:
    """Of `/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF`, the first argument of every question."""
    path = str(message.body[0]) if message.body else ""
    return path.rpartition("/dev_")[2].replace("_", ":").upper()
