"""A place for one thing between two threads: the newest wins, and what was overwritten is counted. Things that need
those before them wait in line instead, up to a bound."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
MOST = 30  # chained items: a second of pictures


class Slot(Generic[T]):
    """Holds at most one item, or `MOST` of those that `chained` says need the one before. Any thread may put; one
    thread takes."""

    def __init__(self, chained: Callable[[T], bool] = lambda item: False) -> None:
        self._chained = chained
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were overwritten before anybody took them."""
        return self._dropped

    def put(self, item: T) -> None:
        """Leave the item here in place of what was here; a chained one behind it. A full line is dropped whole."""
        with self._changed:
            if not self._chained(item) or len(self._items) >= MOST:
                self._dropped += len(self._items)
                self._items.clear()
            self._items.append(item)
            self._changed.notify()

    def take(self, timeout_s: float) -> T | None:
        """The item, or None when nothing came in time."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            return self._items.popleft() if self._items else None
