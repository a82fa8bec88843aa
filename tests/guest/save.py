"""Boots the guest and saves it as it runs: `python -m tests.guest.save build/guest`, which `make guest` does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.guest.machine import PAYLOAD_BYTES, Machine, machine

BOOT_S = 240.0
SAVE_S = 120.0


async def save(built: Path, data: Path | None = None) -> None:
    """From `base.img` to `root.img` and `state`, which belong together; with a data disk, where there is one."""
    subprocess.run(["cp", "--sparse=always", built / "base.img", built / "root.img"], check=True)
    payload = built / "no-payload"
    payload.touch()
    with payload.open("r+b") as file:
        file.truncate(PAYLOAD_BYTES)
    async with machine(built, payload, None, keep_disk=True, data=data) as one:
        await booted(one)
        await one.qmp("stop")
        await one.qmp("migrate-set-parameters", **{"max-bandwidth": 10**12})
        await one.qmp("migrate", uri=f'exec:cat > "{built}/state"')
        async with asyncio.timeout(SAVE_S):
            while (status := (await one.qmp("query-migrate"))["status"]) != "completed":
                if status == "failed":
                    raise SystemExit("the guest's state could not be saved")
                await asyncio.sleep(0.2)
        await one.qmp("quit")


async def booted(one: Machine) -> None:
    """Wait for the agent's first word."""
    try:
        async with asyncio.timeout(BOOT_S):
            line = await one.agent.reader.readline()
    except TimeoutError:
        line = b""
    if b"ready" not in line:
        raise SystemExit(f"the guest did not boot within {BOOT_S:g} s: {one.said()}")
    await asyncio.sleep(1)  # for what systemd still does


if __name__ == "__main__":
    asyncio.run(save(Path(sys.argv[1]).resolve()))
