"""A place for one thing between two threads: the newest wins, and what was overwritten is counted."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds at most one item. Any thread may put; one thread takes."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._changed = threading.Condition()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were overwritten before anybody took them."""
        return self._dropped

    def put(self, item: T) -> None:
        """Leave the item here in place of what was here."""
        with self._changed:
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """The item, or None when nothing came in time."""
        with self._changed:
            if self._item is None:
                self._changed.wait(timeout_s)
            item, self._item = self._item, None
            return item
