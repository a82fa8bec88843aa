"""What the service tells systemd, by systemd's own library, to a socket that is ours."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance import diagnostics

pytest.importorskip("systemd", reason="systemd-python is not installed")
SOON_S = 5.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setattr(diagnostics, "TICK_S", 0.01)
        yield heard


async def told(manager: socket.socket) -> str:
    async with asyncio.timeout(SOON_S):
        return (await asyncio.get_running_loop().sock_recv(manager, 4096)).decode()


async def test_ready_after_the_records_have_answered_then_fed_then_stopping(manager: socket.socket) -> None:
    answered = asyncio.Event()

    async def outbox() -> tuple[int, int, object]:
        await answered.wait()
        return 3, 1, None

    feeding = asyncio.create_task(diagnostics.feed_watchdog(outbox))
    await asyncio.sleep(0)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
    answered.set()
    assert [await told(manager) for _ in range(3)] == [
        "READY=1\nSTATUS=3 results wait for the platform, 1 refused by it",
        "WATCHDOG=1",
        "WATCHDOG=1",
    ]
    feeding.cancel()
    await asyncio.wait((feeding,))
    while (last := await told(manager)) == "WATCHDOG=1":
        continue
    assert last == "STOPPING=1\nSTATUS=ending"


async def test_records_that_do_not_answer_starve_the_watchdog(manager: socket.socket) -> None:
    answers = iter((0, 0))

    async def outbox() -> tuple[int, int, object]:
        if next(answers, None) is None:
            await asyncio.Event().wait()
        return 0, 0, None

    feeding = asyncio.create_task(diagnostics.feed_watchdog(outbox))
    assert [await told(manager) for _ in range(3)][1:] == ["WATCHDOG=1", "WATCHDOG=1"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.get_running_loop().sock_recv(manager, 4096)
    feeding.cancel()
    await asyncio.wait((feeding,))


@contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger as a program finds it; then as pytest has it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield root
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = handlers, level


def test_the_journal_gets_level_and_logger_as_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{error.st_dev}:{error.st_ino}")
    sent: list[tuple[str, dict[str, object]]] = []
    with bare_root() as root:
        diagnostics.log_to(tmp_path / "log")
        (journal,) = [one for one in root.handlers if type(one).__name__ == "JournalHandler"]
        monkeypatch.setattr(journal, "send", lambda text, /, **fields: sent.append((text, fields)))
        logging.getLogger("appliance.x").warning("oximeter lost")

    ((message, fields),) = sent
    assert message == "appliance.x: oximeter lost"
    assert {key: fields[key] for key in ("PRIORITY", "LOGGER", "SYSLOG_IDENTIFIER")} == {
        "PRIORITY": "4",
        "LOGGER": "appliance.x",
        "SYSLOG_IDENTIFIER": "chevet",
    }
    assert "WARNING appliance.x: oximeter lost" in (tmp_path / "log" / "chevet.log").read_text()


def test_a_terminal_gets_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")  # of whoever started us: our standard error is another
    with bare_root() as root:
        diagnostics.log_to(tmp_path / "log")
        assert [type(one).__name__ for one in root.handlers] == ["RotatingFileHandler", "StreamHandler"]
