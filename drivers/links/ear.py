"""What a replayed device hears, and whether its host says what the recording says it must."""

from __future__ import annotations

from dataclasses import dataclass

HEARD_CAP = 4096  # bytes that wait to be asked for; the oldest go first


@dataclass(frozen=True, slots=True)
class Patience:
    """How long words are waited for, and how many of their bytes may differ (a clock that is set never says the same).

    `answer_s` 0: what the host should say is passed over. `tolerance` None: any words will do.
    """

    answer_s: float = 5.0
    tolerance: int | None = 0


class Ear:
    """Takes what the host writes, cut in any way, and finds words in it: in their order, whatever stands between."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def hear(self, data: bytes) -> None:
        """More of it."""
        self._heard += data
        del self._heard[:-HEARD_CAP]

    def said(self, words: bytes, tolerance: int | None) -> bool:
        """Whether these words are in it; then they, and what stood before, are no longer."""
        if tolerance is None:
            found = bool(self._heard)
            self._heard.clear()
            return found
        for at in range(len(self._heard) - len(words) + 1):
            part = self._heard[at : at + len(words)]
            if sum(one != other for one, other in zip(part, words, strict=True)) <= tolerance:
                del self._heard[: at + len(words)]
                return True
        return False
