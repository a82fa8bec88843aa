"""Uses `Card` on snd-usb-audio: `use_card NAME OPENINGS`.

Waits until the card is there under its stable name; tells `opened` with what ALSA calls it now, the `samples` of a
second, what an `overrun` did to them, and `LinkLost`; then the same again.
"""

from __future__ import annotations

import contextlib
import sys
import time

import numpy as np

from drivers.core.errors import LinkError, LinkLost
from drivers.links.audio import Card, CardSettings
from drivers.links.named import sound_card
from tests.guest.inside.telling import tell
from tests.guest.inside.use_otoscope import plugged

RAMP = 30011  # `microphone`: sample n is n modulo this
LATE_S = 1.0  # the card's buffer holds 80 ms


def opened(name: str) -> tuple[str, Card]:
    """The card, as soon as it can be opened."""
    device = sound_card(name)
    return device, Card(CardSettings(device))


def steps(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int:
    """How often the ramp is broken."""
    return int(np.count_nonzero(np.asarray(np.diff(samples.astype(np.int32)), np.int32) % RAMP != 1))


def main(name: str, openings: int) -> None:
    for _ in range(openings):
        device, card = plugged(lambda: opened(name))
        periods = [card.read() for _ in range(100)]
        heard = np.concatenate([one.samples for one in periods])
        gaps = sum(one.gap for one in periods)
        tell("opened", device=device, rate_hz=periods[0].rate_hz, length=len(periods[0].samples))
        tell("samples", count=len(heard), broken=steps(heard), gaps=gaps)
        with contextlib.suppress(LinkError):
            Card(CardSettings(device))
            tell("shared")
        time.sleep(LATE_S)
        after = [card.read() for _ in range(20)]
        tell("overrun", gaps=sum(one.gap for one in after), lost=sum(one.lost for one in after))
        with contextlib.suppress(LinkLost):
            while True:
                card.read()
        tell("LinkLost")
        card.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
