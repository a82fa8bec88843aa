"""Our pairing agent on a real bus: the test plays BlueZ."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from drivers.core.errors import LinkError
from drivers.links import agent
from drivers.links.agent import Agent, Passkey
from drivers.links.bluez import Bluez
from drivers.links.radio import Radio

CUFF, STRANGER = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"


@dataclass
class Daemon:
    """What BlueZ does for an agent: takes it, and asks it."""

    bus: MessageBus
    address: str
    called: list[tuple[str, list[object]]] = field(default_factory=list)
    agent: str = ""
    fails: bool = False

    def answer(self, message: Message) -> Message | None:
        """BlueZ's side."""
        if message.message_type is not MessageType.METHOD_CALL or not str(message.path).startswith("/org/bluez"):
            return None
        self.called.append((message.member or "", list(message.body)))
        if self.fails:
            return Message.new_error(message, "org.bluez.Error.Failed", "no")
        if message.member == "RegisterAgent":
            self.agent = message.sender or ""
        return Message.new_method_return(message)

    async def ask(self, member: str, address: str, signature: str = "o", *more: object) -> Message:
        path = f"/org/bluez/hci0/dev_{address.replace(':', '_')}"
        message = Message(self.agent, agent.PATH, agent.AGENT, member, signature=signature, body=[path, *more])
        reply = await asyncio.wait_for(self.bus.call(message), 5)
        assert reply is not None
        return reply

    async def connect(self) -> MessageBus:
        return await MessageBus(bus_address=self.address).connect()


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("there is no dbus-daemon here")
    where = f"--address=unix:path={tmp_path / 'bus'}"
    bus_daemon = await asyncio.create_subprocess_exec(
        program, "--session", where, "--print-address", "--nofork", stdout=asyncio.subprocess.PIPE
    )
    assert bus_daemon.stdout is not None
    address = (await asyncio.wait_for(bus_daemon.stdout.readline(), 5)).decode().strip()
    bus = await MessageBus(bus_address=address).connect()
    await asyncio.wait_for(bus.request_name("org.bluez"), 5)
    one = Daemon(bus, address)
    bus.add_message_handler(one.answer)
    yield one
    bus.disconnect()
    bus_daemon.terminate()
    await bus_daemon.wait()


def our_agent(daemon: Daemon, passkey: Passkey | None = None) -> Agent:
    return Agent(passkey, Bluez(daemon.connect))


async def test_the_device_that_is_being_connected_is_paired_and_no_other(daemon: Daemon) -> None:
    one = our_agent(daemon)
    async with one.window(CUFF.lower()):
        assert daemon.called == [
            ("RegisterAgent", ["/chevet/agent", "NoInputNoOutput"]),
            ("RequestDefaultAgent", ["/chevet/agent"]),
        ]
        assert (await daemon.ask("RequestAuthorization", CUFF)).message_type is MessageType.METHOD_RETURN
        confirmed = await daemon.ask("RequestConfirmation", CUFF, "ou", 123456)
        assert confirmed.message_type is MessageType.METHOD_RETURN
        assert (await daemon.ask("RequestAuthorization", STRANGER)).error_name == "org.bluez.Error.Rejected"
    assert (await daemon.ask("RequestAuthorization", CUFF)).error_name == "org.bluez.Error.Rejected"
    assert one.refused == 2


async def test_a_refusal_is_logged_once_and_names_nobody(daemon: Daemon, caplog: pytest.LogCaptureFixture) -> None:
    async with our_agent(daemon).window(CUFF):
        for _ in range(3):
            await daemon.ask("RequestConfirmation", STRANGER, "ou", 1)
    assert [record.message for record in caplog.records] == [
        "a device that nobody connects asked to be paired: refused"
    ]


async def test_a_unit_without_anybody_to_ask_gives_no_number(daemon: Daemon) -> None:
    async with our_agent(daemon).window(CUFF) as window:
        assert (await daemon.ask("RequestPasskey", CUFF)).error_name == "org.bluez.Error.Rejected"
        assert (await daemon.ask("RequestPinCode", CUFF)).error_name == "org.bluez.Error.Rejected"
        assert not window.unanswered


async def test_the_number_that_a_device_shows_is_asked_for(daemon: Daemon) -> None:
    asked: list[str] = []

    async def passkey(address: str) -> int:
        asked.append(address)
        return 471147

    async with our_agent(daemon, passkey).window(CUFF):
        assert daemon.called[0] == ("RegisterAgent", ["/chevet/agent", "KeyboardOnly"])
        assert (await daemon.ask("RequestPasskey", CUFF)).body == [471147]
    assert asked == [CUFF]


async def test_a_number_that_nobody_types_is_cancelled_in_time(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "PASSKEY_S", 0.05)

    async def passkey(address: str) -> int:
        await asyncio.Event().wait()
        return 0

    async with our_agent(daemon, passkey).window(CUFF) as window:
        assert (await daemon.ask("RequestPasskey", CUFF)).error_name == "org.bluez.Error.Canceled"
        assert window.unanswered


async def test_no_bluez_is_a_link_error(daemon: Daemon) -> None:
    daemon.fails = True
    with pytest.raises(LinkError, match=r"Bluetooth does not work: RegisterAgent: org\.bluez\.Error\.Failed no"):
        async with our_agent(daemon).window(CUFF):
            pass


async def test_an_adapter_is_switched_off_and_on_when_nobody_is_connected(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.links.radio.SWITCH_S", 0.01)
    radio = Radio("hci1", client=lambda *args: None, bluez=Bluez(daemon.connect))
    radio.joined(CUFF)
    with pytest.raises(LinkError, match="1 devices are connected"):
        await radio.reset()
    assert daemon.called == []
    radio.left(CUFF)
    await radio.reset()
    assert [(member, body[:2]) for member, body in daemon.called] == [("Set", ["org.bluez.Adapter1", "Powered"])] * 2
    assert [getattr(body[2], "value", None) for _, body in daemon.called] == [False, True]
