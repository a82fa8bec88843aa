"""What the nurse must know of the unit itself: the `unit` and `storage` messages of the live feed."""

from __future__ import annotations

from appliance import clock
from appliance.care.space import MB, Level
from appliance.feed import Feed

# state: what is refused; what still works (docs/protocol.md, section 5)
STORAGE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ok": ((), ("measurements", "recordings", "live", "sending")),
    "low": ((), ("measurements", "recordings", "live", "sending")),
    "short": (("recordings",), ("measurements", "live", "sending")),
    "full": (("recordings", "typed", "closing"), ("held", "live", "sending")),
    "failed": (("recordings", "typed", "closing", "sending"), ("held", "live")),
}
FREE_STEP_MB = 100  # how far the room must change before it is told again
UNIT_SAYS = {"short": "low", "failed": "full"}


class Status:
    """Storage, clock, and sentences that somebody has to read (`tell`: codes, docs/protocol.md section 5)."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tells: set[str] = set()
        self._writes = "ok"
        self._level, self._free_mb = Level.OK, 0
        self._unsaved = 0
        self._started = clock.wall().isoformat()

    @property
    def storage(self) -> str:
        """`failed`, `full`, `short`, `low` or `ok`: a disk that failed or is full says more than one that fills."""
        return self._writes if self._writes != "ok" else self._level.value

    def tell(self, code: str) -> None:
        """Say something until `untell`."""
        self._tells.add(code)
        self.publish()

    def untell(self, code: str) -> None:
        """It is not so any more."""
        self._tells.discard(code)
        self.publish()

    def writes(self, state: str, unsaved: int) -> None:
        """`ok`, `full` or `failed`, and how many results are held in memory because of it. A failed disk stays so."""
        if self._writes == "failed":
            state = "failed"
        if (state, unsaved) != (self._writes, self._unsaved):
            self._writes, self._unsaved = state, unsaved
            self.publish()

    def space(self, level: Level, free: int) -> None:
        """How much room is left, in bytes."""
        free_mb = free // MB
        if level is not self._level or abs(free_mb - self._free_mb) >= FREE_STEP_MB:
            self._level, self._free_mb = level, free_mb
            self.publish()

    def publish(self) -> None:
        """Tell everybody as it is."""
        trusted = clock.now().trusted
        storage = self.storage
        said = self._tells | (set() if trusted else {"clock-not-set"})
        said |= set() if storage == "ok" else {f"storage-{storage}"}
        self._feed.publish(
            {
                "type": "unit",
                "storage": UNIT_SAYS.get(storage, storage),
                "unsaved": self._unsaved,
                "clock": "trusted" if trusted else "untrusted",
                "started": self._started,
                "tell": sorted(said),
            }
        )
        refuses, works = STORAGE[storage]
        self._feed.publish(
            {
                "type": "storage",
                "state": storage,
                "free_mb": self._free_mb,
                "unsaved": self._unsaved,
                "refuses": list(refuses),
                "works": list(works),
            }
        )
