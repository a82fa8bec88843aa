"""The kernel tells of a new address: in a network namespace of the test's own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from tests.bench.way import why_not

WATCH = """
import asyncio
from appliance.media.netwatch import watch

def told(addresses):
    print(*sorted(addresses), flush=True)

asyncio.run(watch(told))
"""

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
async def watcher() -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    name = f"chevet-watch-{os.getpid()}"
    ip("netns", "add", name)
    ip("-n", name, "link", "set", "lo", "up")
    command = ["ip", "netns", "exec", name, sys.executable, "-c", WATCH]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    yield name, process
    process.kill()
    await process.wait()
    ip("netns", "del", name)


async def said(process: asyncio.subprocess.Process, wanted: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(10):
        while (await process.stdout.readline()).decode().strip() != wanted:
            pass


async def test_an_address_that_comes_and_goes_is_told(watcher: tuple[str, asyncio.subprocess.Process]) -> None:
    name, process = watcher
    await said(process, "127.0.0.1 ::1")
    ip("-n", name, "addr", "add", "192.0.2.7/32", "dev", "lo")
    await said(process, "127.0.0.1 192.0.2.7 ::1")
    ip("-n", name, "addr", "del", "192.0.2.7/32", "dev", "lo")
    await said(process, "127.0.0.1 ::1")
