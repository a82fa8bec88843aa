"""Monitors that call us, played by libraries of others: `hl7` (MLLP client and server) and `hl7apy` (messages)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import hl7
import hl7.mllp
import pytest
from hl7.client import MLLPClient
from hl7apy.core import Message
from hl7apy.parser import parse_message

from drivers.core.errors import LinkError, LinkLost
from drivers.core.model import Numeric, Packet
from drivers.links.base import Link
from drivers.links.calls import is_among, networks, where
from drivers.links.hl7 import Exchange, Hl7Link
from drivers.links.tcp import TcpLink
from drivers.registry import DRIVERS
from tests.hosting import free_port

pytestmark = pytest.mark.peer

HERE = networks(("127.0.0.1",))


def report(number: str, spo2: str = "97") -> Message:
    """An ORU^R01 of HL7 v2.6 as a builder that is not ours writes it."""
    message = Message("ORU_R01", version="2.6")
    message.msh.msh_3 = "MONITOR"
    message.msh.msh_5 = "UNIT"
    message.msh.msh_7 = "20260301101500"
    message.msh.msh_9 = "ORU^R01^ORU_R01"
    message.msh.msh_10 = number
    message.msh.msh_11 = "P"
    group = message.add_group("ORU_R01_PATIENT_RESULT").add_group("ORU_R01_ORDER_OBSERVATION")
    group.obr.obr_1 = "1"
    group.obr.obr_4 = "182777000^monitoring of patient^SCT"
    group.obr.obr_7 = "20260301101459"
    obx = group.add_group("ORU_R01_OBSERVATION").add_segment("OBX")
    obx.obx_1 = "1"
    obx.obx_2 = "NM"
    obx.obx_3 = "150456^MDC_PULS_OXIM_SAT_O2^MDC"
    obx.obx_4 = "1.1.1.150456"
    obx.obx_5 = spo2
    obx.obx_6 = "262688^MDC_DIM_PERCENT^MDC"
    obx.obx_11 = "R"
    return message


@asynccontextmanager
async def listening(port: int, exchange: Exchange) -> AsyncIterator[asyncio.Task[Hl7Link]]:
    """A link that is being opened; the port is listening when this begins."""
    link = Hl7Link(("127.0.0.1", port), HERE, exchange)
    opening = asyncio.create_task(link.__aenter__())
    with anyio.fail_after(5):
        while not exchange.listens(port):
            await asyncio.sleep(0.01)
    try:
        yield opening
    finally:
        if opening.done() and not opening.exception():
            await link.__aexit__()
        else:
            opening.cancel()
        await exchange.close()


async def values(link: Link, count: int) -> list[str]:
    """What the driver reads from the next messages."""
    decode, found = DRIVERS["hl7-oru"].decoder(), []
    with anyio.fail_after(5):
        async for chunk in link.chunks():
            found += [
                f"{event.metric.name} {event.value}" for event in decode(Packet(chunk.data)) if type(event) is Numeric
            ]
            if len(found) >= count:
                # Whoever takes no next chunk has not dealt with the last: it is acknowledged only when asked on.
                return found
    raise AssertionError("never reached")


async def test_a_report_is_read_and_acknowledged() -> None:
    port, exchange = free_port(), Exchange()
    async with listening(port, exchange) as opening:

        def send() -> tuple[str, str]:
            with MLLPClient("127.0.0.1", port) as client:
                client.socket.settimeout(5)
                first = client.send(report("M1").to_mllp().encode())
                return first.decode(), client.send_message(report("M2", "95").to_er7()).decode()

        sending = asyncio.create_task(asyncio.to_thread(send))
        link = await opening
        taken = asyncio.create_task(values(link, 3))
        first, second = await sending
        for answer, number in ((first, "M1"), (second, "M2")):
            read = hl7.parse(answer.strip("\x0b\x1c\r"))
            assert [str(read["MSA"][0][1]), str(read["MSA"][0][2])] == ["AA", number]
            assert (
                str(
                    parse_message(
                        answer.strip("\x0b\x1c\r").replace("\n", "\r"), validation_level=2
                    ).msh.msh_9.msh_9_1.value
                )
                == "ACK"
            )
        taken.cancel()


async def test_nothing_is_acknowledged_that_nobody_took() -> None:
    port, exchange = free_port(), Exchange()
    async with listening(port, exchange) as opening:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await opening
        writer.write(report("M1").to_mllp().encode())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read(1)
        writer.close()


async def test_what_is_no_report_is_refused() -> None:
    port, exchange = free_port(), Exchange()
    async with listening(port, exchange) as opening:
        order = "MSH|^~\\&|A|B|C|D|20260301101500||ADT^A01|77|P|2.6\rEVN||20260301101500\rPID|1||1\r"
        reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", port)
        await opening
        writer.writemessage(hl7.parse(order))
        with anyio.fail_after(5):
            answer = await reader.readmessage()
        assert str(answer["MSA"][0][1]) == "AE"
        writer.close()


async def test_a_bare_message_is_read_at_the_pause_of_its_sender() -> None:
    port, exchange = free_port(), Exchange()
    async with listening(port, exchange) as opening:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        link = await opening
        bare = report("M1").to_er7().encode() + b"\r"
        writer.write(bare[:100])
        await writer.drain()
        writer.write(bare[100:])
        assert await values(link, 1) == ["oxygen-saturation 97"]
        writer.close()
        del reader


async def test_a_stranger_is_sent_away(caplog: pytest.LogCaptureFixture) -> None:
    port, exchange = free_port(), Exchange()
    link = Hl7Link(("127.0.0.1", port), networks(("10.11.12.13",)), exchange)
    opening = asyncio.create_task(link.__aenter__())
    with anyio.fail_after(5):
        while not exchange.listens(port):
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
    assert not opening.done()
    assert caplog.text.count("127.0.0.1 was refused") == 1
    opening.cancel()
    writer.close()
    await exchange.close()


async def test_a_monitor_that_calls_for_each_report_is_not_lost_between_and_one_whose_line_ends_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, exchange = free_port(), Exchange()
    lost: list[str] = []

    async def drain(link: Hl7Link) -> None:
        try:
            async for _ in link.chunks():
                pass
        except LinkLost as error:
            lost.append(str(error))

    def call(number: str, long: bool = False) -> bytes:
        with MLLPClient("127.0.0.1", port) as client:
            client.socket.settimeout(5)
            answer = bytes(client.send(report(number).to_mllp().encode()))
            if long:
                monkeypatch.setattr("drivers.links.hl7.VISIT_S", 0.0)
            return answer

    async with listening(port, exchange) as opening:
        first = asyncio.create_task(asyncio.to_thread(call, "M1"))
        draining = asyncio.create_task(drain(await opening))
        assert b"AA|M1" in await first
        assert b"AA|M2" in await asyncio.to_thread(call, "M2")
        assert lost == []
        assert b"AA|M3" in await asyncio.to_thread(call, "M3", long=True)
        with anyio.fail_after(5):
            await draining
        assert lost == [f"port {port}: the connection was ended by the other side"]


async def test_two_monitors_share_a_port_and_are_known_by_their_address() -> None:
    port, exchange = free_port(), Exchange()
    links = [Hl7Link(("127.0.0.1", port), networks((peer,)), exchange) for peer in ("127.0.0.2", "127.0.0.3")]
    opening = [asyncio.create_task(link.__aenter__()) for link in links]
    with anyio.fail_after(5):
        while not exchange.listens(port):
            await asyncio.sleep(0.01)
        for peer, spo2 in (("127.0.0.3", "93"), ("127.0.0.2", "92")):
            _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(peer, 0))
            writer.write(report("M1", spo2).to_mllp().encode())
        await asyncio.gather(*opening)
        assert await values(links[0], 1) == ["oxygen-saturation 92"]
        assert await values(links[1], 1) == ["oxygen-saturation 93"]
    for link in links:
        await link.__aexit__()
    await exchange.close()


async def test_a_flood_makes_its_sender_wait_and_loses_nothing() -> None:
    port, exchange = free_port(), Exchange()
    async with listening(port, exchange) as opening:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        link = await opening
        for number in range(300):
            writer.write(report(f"M{number}", str(90 + number % 10)).to_mllp().encode())
        found = await values(link, 10)
        assert found == [f"oxygen-saturation {90 + number}" for number in range(10)]
        writer.close()


async def test_a_monitor_that_we_call() -> None:
    served: list[str] = []

    async def serve(reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        writer.writemessage(hl7.parse(report("M1").to_er7()))
        served.append(str((await reader.readmessage())["MSA"][0][1]))
        writer.close()

    async with await hl7.mllp.start_hl7_server(serve, "127.0.0.1", 0) as server:
        at = ("127.0.0.1", server.sockets[0].getsockname()[1])
        async with TcpLink(at, hl7=True) as link:
            decode = DRIVERS["hl7-oru"].decoder()
            with pytest.raises(LinkLost, match="ended"), anyio.fail_after(5):
                async for chunk in link.chunks():
                    found = [event.value for event in decode(Packet(chunk.data)) if isinstance(event, Numeric)]
                    assert str(found[0]) == "97"
    assert served == ["AA"]


async def test_a_serial_device_behind_a_converter() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3) + b"!")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, TcpLink(("127.0.0.1", server.sockets[0].getsockname()[1]), hl7=False) as link:
        await link.write(b"abc")
        data = b""
        with pytest.raises(LinkLost), anyio.fail_after(5):
            async for chunk in link.chunks():
                data += chunk.data
        assert data == b"abc!"
        with pytest.raises(LinkLost):
            await link.write(b"more")


async def test_a_port_that_is_taken_and_a_monitor_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = taken.getsockname()[:2]
        with pytest.raises(LinkError, match="cannot listen"):
            await Hl7Link(at, HERE, Exchange()).__aenter__()
    with pytest.raises(LinkError, match="cannot connect"):
        await TcpLink(at, hl7=True).__aenter__()


def test_where_and_who() -> None:
    assert where("monitor.lan:2575") == ("monitor.lan", 2575)
    assert where("[::1]:2575") == ("::1", 2575)
    for bad in ("2575", "host:", "host:0", "host:65536", ":1", "host:x"):
        with pytest.raises(LinkError, match="HOST:PORT"):
            where(bad)
    allowed = networks(("192.168.7.0/24", "fd00::1"))
    assert [is_among(one, allowed) for one in ("192.168.7.9", "::ffff:192.168.7.9", "fd00::1", "192.168.8.1", "?")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(LinkError, match=r"10\.0\.0\.300"):
        networks(("10.0.0.300",))
