"""Prints what `drivers.links.ports` tells, a JSON line each: the program inside the test bed."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from drivers.links.ports import Watch


async def main() -> None:
    """Never returns. With a path: udev is said to run if it is there."""
    watch = Watch(udev=Path(sys.argv[1]))
    async for change in watch.changes():
        print(json.dumps(asdict(change)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
