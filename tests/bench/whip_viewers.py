"""Viewers in a process of their own, so that their work is not the unit's: aiortc, one for each offer.

    python -m tests.bench.whip_viewers ADDRESS

JSON lines over standard input and output: an offer in, the answer out; the end of input ends them all.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.unit.media.receiver import Receiver


async def main(address: str) -> None:
    viewers = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        viewers.append(Receiver(address=address))
        answer = await viewers[-1].answer({"type": "offer", "sdp": json.loads(line)})
        print(json.dumps(answer["sdp"]), flush=True)
    await asyncio.gather(*(one.aclose() for one in viewers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
