"""Uses `Card` on snd-usb-audio: `use_audio NAME OPENINGS`, NAME as `sound_card` takes it, and with `*`.

Tells `opened` with the number of the card, `captured` with a second's samples and how they follow one another,
`LinkLost`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from drivers.core.errors import LinkError, LinkLost
from drivers.links.audio import Card, CardSettings
from drivers.links.named import sound_card
from tests.guest.inside.microphone import RAMP
from tests.guest.inside.telling import tell

PLUG_S = 20.0
PERIODS_TOLD, PERIODS_CAP = 100, 6000


def main(name: str, openings: int) -> None:
    for _ in range(openings):
        path, card = opened(name)
        tell("opened", path=path, number=str(Path(path).resolve())[-1])
        listen(card)


def opened(name: str) -> tuple[str, Card]:
    """The one name of this pattern and its card, as soon as it can be opened: udev comes after the kernel, and its old
    names stay for a moment."""
    until = time.monotonic() + PLUG_S
    while True:
        try:
            path = name if "*" not in name else str(next(iter(Path("/").glob(name.lstrip("/")))))
            return path, Card(CardSettings(sound_card(path)))
        except (LinkError, StopIteration):
            assert time.monotonic() < until, f"no {name}"
            time.sleep(0.05)


def listen(card: Card) -> None:
    """Read until the card is lost; tell of the first second."""
    heard = []
    gaps = 0
    try:
        for _ in range(PERIODS_CAP):
            period = card.read()
            gaps += period.gap
            heard.append(period.samples)
            if len(heard) == PERIODS_TOLD:
                samples = np.concatenate(heard).astype(np.int32)
                broken = int(np.count_nonzero(np.diff(samples) % RAMP != 1))
                tell("captured", samples=len(samples), rate_hz=period.rate_hz, broken=broken, gaps=gaps)
    except LinkLost as error:
        tell("LinkLost", why=str(error))
    finally:
        card.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
