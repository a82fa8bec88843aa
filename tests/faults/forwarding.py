"""`python -m tests.faults.forwarding STATE URL TOKEN`: a unit that only forwards. It ends when its outbox is empty."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from appliance.platform.client import Platform
from appliance.platform.forwarder import Forwarder, OutboxState
from appliance.records.model import Delivery, OutboxRow
from appliance.records.store import Store
from tests.unit.platform.making import SENDER


class UntilEmpty:
    """A watcher that waits for the end of the outbox."""

    def __init__(self) -> None:
        self.empty = asyncio.Event()

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        """One row less."""

    def outbox(self, state: OutboxState) -> None:
        """The end, when nothing waits."""
        if state.waiting == 0:
            self.empty.set()


async def forward(state: Path, url: str, token: str) -> None:
    """Forward what the records of `state` hold."""
    store, watcher = Store.open(state), UntilEmpty()
    async with Platform(url, token) as platform:
        task = asyncio.create_task(Forwarder(store, platform, SENDER, watcher, lambda low, high: 0.01).run())
        await watcher.empty.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(forward(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
