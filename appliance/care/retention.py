"""What is removed from the unit, step by step beside everything else; the screens are told."""

from __future__ import annotations

import asyncio
import logging

from appliance.care import messages
from appliance.config import Records
from appliance.feed import Feed
from appliance.records.erasure import Erased, Rule
from appliance.records.errors import StorageFull, StoreError
from appliance.records.store import Store

log = logging.getLogger(__name__)

EVERY_S = 600.0
AGAIN_S = 1.0  # while there is more to remove: the records' thread is left to others in between


class Retention:
    """Run `run` as one task."""

    def __init__(self, store: Store, feed: Feed, rules: Records) -> None:
        self._store, self._feed = store, feed
        self._rule = Rule(rules.keep_days, rules.quarantine_days)

    async def run(self) -> None:
        """A step now and then. Never returns."""
        while True:
            erased = await self.step()
            await asyncio.sleep(AGAIN_S if erased.more else EVERY_S)

    async def step(self) -> Erased:
        """Remove what is due, and tell what will be; a disk that does not let us is asked again later."""
        try:
            erased = await self._store.erase(self._rule)
        except (StorageFull, StoreError) as error:
            log.warning("what is due could not be removed: %s", error)
            return Erased()
        for reading in erased.told:
            self._feed.publish(messages.quarantine(reading))
        for name in erased.readings:
            self._feed.publish(messages.quarantine_gone(name))
        if erased.consultations or erased.readings:
            done = len(erased.consultations), len(erased.readings)
            log.info("removed: %d consultations that the platform has, %d quarantined readings", *done)
        return erased
