"""The system bus to BlueZ, for what bleak does not do: pairing's agent and the adapter's switch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from drivers.core.errors import LinkError

CALL_S = 5.0  # for BlueZ to answer
SERVICE = "org.bluez"
PROPERTIES = "org.freedesktop.DBus.Properties"
ALREADY = "org.bluez.Error.AlreadyExists"

# What a bus lets through that is not there, breaks, or does not answer in time.
BUS_ERRORS = (DBusError, OSError, EOFError)


async def system_bus() -> MessageBus:
    """A connection of our own; bleak keeps its buses to itself."""
    return await MessageBus(bus_type=BusType.SYSTEM).connect()


class Bluez:
    """Calls to the daemon, over one connection that is made anew when it broke."""

    def __init__(self, connect: Callable[[], Awaitable[MessageBus]] = system_bus) -> None:
        self._connect = connect
        self._bus: MessageBus | None = None
        self._handler: Callable[[Message], Message | bool | None] | None = None

    def answer_with(self, handler: Callable[[Message], Message | bool | None]) -> None:
        """Who answers when the daemon calls us."""
        self._handler = handler

    def send(self, reply: Message) -> None:
        """Send a reply; to a daemon that has gone there is none."""
        if self._bus is not None and self._bus.connected:
            self._bus.send(reply)

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", body: list[Any] | None = None
    ) -> list[Any]:
        """What the daemon answers; `LinkError` for an error, `AlreadyExists` excepted, and for no answer in time."""
        message = Message(SERVICE, path, interface, member, signature=signature, body=body or [])
        try:
            async with asyncio.timeout(CALL_S):
                reply = await (await self._open()).call(message)
        except BUS_ERRORS as error:
            raise LinkError(f"Bluetooth does not work: {member}: {str(error) or type(error).__name__}") from None
        if reply is None or (reply.message_type is MessageType.ERROR and reply.error_name != ALREADY):
            why = "no answer" if reply is None else f"{reply.error_name} {' '.join(map(str, reply.body))}".strip()
            raise LinkError(f"Bluetooth does not work: {member}: {why}")
        return list(reply.body)

    async def power(self, adapter: str, on: bool) -> None:
        """Switch an adapter (`hci0`)."""
        body = ["org.bluez.Adapter1", "Powered", Variant("b", on)]
        await self.call(f"/org/bluez/{adapter}", PROPERTIES, "Set", "ssv", body)

    async def close(self) -> None:
        """End the connection."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()

    async def _open(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            self._bus = await self._connect()
            if self._handler is not None:
                self._bus.add_message_handler(self._handler)
        return self._bus
