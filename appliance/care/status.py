"""What the nurse must know of the unit itself: the `unit` message of the live feed."""

from __future__ import annotations

from appliance import clock
from appliance.feed import Feed


class Status:
    """Storage, clock, and sentences that somebody has to read (`tell`: codes, docs/protocol.md section 5)."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tells: set[str] = set()
        self._storage = "ok"
        self._unsaved = 0
        self._started = clock.wall().isoformat()

    def tell(self, code: str) -> None:
        """Say something until `untell`."""
        self._tells.add(code)
        self.publish()

    def untell(self, code: str) -> None:
        """It is not so any more."""
        self._tells.discard(code)
        self.publish()

    def storage(self, state: str, unsaved: int) -> None:
        """`ok` or `full`, and how many results are held in memory because of it."""
        if (state, unsaved) != (self._storage, self._unsaved):
            self._storage, self._unsaved = state, unsaved
            self.publish()

    def publish(self) -> None:
        """Tell everybody as it is."""
        trusted = clock.now().trusted
        said = self._tells | (set() if trusted else {"clock-not-set"})
        said |= set() if self._storage == "ok" else {"storage-full"}
        self._feed.publish(
            {
                "type": "unit",
                "storage": self._storage,
                "unsaved": self._unsaved,
                "clock": "trusted" if trusted else "untrusted",
                "started": self._started,
                "tell": sorted(said),
            }
        )
