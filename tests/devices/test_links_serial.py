"""The serial link on a pseudo-terminal: the kernel's own terminal layer, without the hardware."""

from __future__ import annotations

import errno
import os
import termios
import threading
import time
import tty
from collections.abc import Iterator

import anyio
import pytest
import serial

from drivers.core.driver import Uart
from drivers.core.errors import LinkError, LinkLost, NotThere
from drivers.links.base import Chunk
from drivers.links.handover import HandOver
from drivers.links.reader import PortReader
from drivers.links.serial import SerialLink


class Terminal:
    """A pseudo-terminal: the device's end, and the path of ours."""

    def __init__(self) -> None:
        self.device, ours = os.openpty()
        tty.setraw(ours)
        self.path = os.ttyname(ours)
        self._ours = ours

    def let_go(self) -> None:
        """From now on only the link holds its end."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def hang_up(self) -> None:
        self.let_go()
        if self.device >= 0:
            os.close(self.device)
            self.device = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.hang_up()


async def collect(link: SerialLink, count: int) -> bytes:
    data = b""
    with anyio.fail_after(3):
        async for chunk in link.chunks():
            data += chunk.data
            if len(data) >= count:
                return data
    raise AssertionError("never reached")


async def test_bytes_arrive_stamped(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)) as link:
        before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        os.write(terminal.device, b"\x01\x00\xff\r\n\x11\x13")
        with anyio.fail_after(3):
            chunk = await anext(link.chunks())
        after_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert b"\x01\x00\xff\r\n\x11\x13".startswith(chunk.data)
        assert before_ns <= chunk.arrival_ns <= after_ns


async def test_bytes_are_written_unchanged(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(9600)) as link:
        await link.write(b"\x7d\x81\xa1\n\x80")
        assert os.read(terminal.device, 64) == b"\x7d\x81\xa1\n\x80"


async def test_a_long_stream_comes_whole(terminal: Terminal) -> None:
    sent = bytes(range(256)) * 40
    async with SerialLink(terminal.path, Uart(115200)) as link, anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, os.write, terminal.device, sent)
        assert await collect(link, len(sent)) == sent
        assert link.dropped == 0


async def test_a_hang_up_is_told_at_once(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)) as link:
        os.write(terminal.device, b"last")
        assert await collect(link, 4) == b"last"
        begun = time.monotonic()
        terminal.hang_up()
        with pytest.raises(LinkLost, match="gone"), anyio.fail_after(3):
            await anext(link.chunks())
        assert time.monotonic() - begun < 0.5
        with pytest.raises(LinkLost):
            await link.write(b"anyone?")


async def test_what_was_heard_before_the_hang_up_comes_out_first(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)) as link:
        os.write(terminal.device, b"last words")
        heard, chunks = b"", link.chunks()
        while heard != b"last words":
            with anyio.fail_after(3):
                heard += (await anext(chunks)).data
        terminal.hang_up()
        with pytest.raises(LinkLost), anyio.fail_after(3):
            await anext(chunks)


async def test_a_device_that_takes_no_bytes_is_lost(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)) as link:
        with pytest.raises(LinkLost, match="cannot write"), anyio.fail_after(5):
            await link.write(b"x" * 200_000)


async def test_closing_is_quick(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)):
        begun = time.monotonic()
    assert time.monotonic() - begun < 0.5
    async with SerialLink(terminal.path, Uart(115200)):
        pass  # and what was closed can be opened again


async def test_a_port_is_ours_alone(terminal: Terminal) -> None:
    async with SerialLink(terminal.path, Uart(115200)):
        with pytest.raises(LinkError, match=r"another program has it: .*exclusively lock"):
            async with SerialLink(terminal.path, Uart(115200)):
                pass


async def test_a_missing_port_is_named() -> None:
    with pytest.raises(NotThere, match=r"/dev/serial/by-id/none: nothing is plugged in there"):
        async with SerialLink("/dev/serial/by-id/none", Uart(9600, 7, "E")):
            pass


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO])
async def test_a_port_that_goes_while_it_is_opened_is_not_there(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise serial.SerialException(number, "it went")

    monkeypatch.setattr(serial, "Serial", gone)
    with pytest.raises(NotThere, match="nothing is plugged in there"):
        async with SerialLink(terminal.path, Uart(9600)):
            pass


async def test_a_refused_permission_says_what_to_do(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "Serial", refused)
    with pytest.raises(LinkError, match="must be in the port's group"):
        async with SerialLink(terminal.path, Uart(9600)):
            pass


async def test_closing_a_port_does_not_drop_its_lines(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.device)
    before[2] |= termios.HUPCL
    termios.tcsetattr(terminal.device, termios.TCSANOW, before)
    async with SerialLink(terminal.path, Uart(9600)):
        assert not termios.tcgetattr(terminal.device)[2] & termios.HUPCL


async def test_the_hand_over_is_bounded_and_counts() -> None:
    heard = HandOver(cap=3)
    for number in range(5):
        heard.put(Chunk(bytes([number]), number))
    heard.lose("first")
    heard.lose("second")
    chunks = heard.chunks()
    assert [(await anext(chunks)).data for _ in range(3)] == [b"\x02", b"\x03", b"\x04"]
    with pytest.raises(LinkLost, match="first"):
        await anext(chunks)
    assert heard.dropped == 2


async def no_reader_runs() -> None:
    with anyio.fail_after(5):
        while any(thread.name == "serial ports" for thread in threading.enumerate()):
            await anyio.sleep(0.01)


async def test_one_reader_serves_many_ports_and_a_lost_one_takes_no_other_with_it() -> None:
    await no_reader_runs()  # of the tests before
    terminals, reader = [Terminal() for _ in range(3)], PortReader()
    links = [SerialLink(terminal.path, Uart(9600), reader) for terminal in terminals]
    async with links[0], links[1], links[2]:
        assert sum(thread.name == "serial ports" for thread in threading.enumerate()) == 1
        for number, terminal in enumerate(terminals):
            os.write(terminal.device, bytes([number]) * 3)
        assert [await collect(link, 3) for link in links] == [b"\0\0\0", b"\1\1\1", b"\2\2\2"]
        terminals[1].hang_up()
        with pytest.raises(LinkLost, match=terminals[1].path):
            await collect(links[1], 1)
        os.write(terminals[2].device, b"on")
        assert await collect(links[2], 2) == b"on"
    await no_reader_runs()
    for terminal in terminals:
        terminal.hang_up()


async def test_a_reader_that_has_ended_begins_again() -> None:
    terminal, reader = Terminal(), PortReader()
    for words in (b"first", b"again"):
        async with SerialLink(terminal.path, Uart(9600), reader) as link:
            os.write(terminal.device, words)
            assert await collect(link, 5) == words
        await no_reader_runs()
    terminal.hang_up()
