"""`python -m tests.bench.relay PORT PTY...`: what each pseudo-terminal says, as hex over one WebSocket, and no more."""

from __future__ import annotations

import asyncio
import os
import sys
import tty

from websockets.asyncio.server import ServerConnection, serve


async def main(port: int, paths: list[str]) -> None:
    ports = [os.open(path, os.O_RDWR | os.O_NOCTTY) for path in paths]
    for one in ports:
        tty.setraw(one)
    waiting: asyncio.Queue[str] = asyncio.Queue(10_000)
    loop = asyncio.get_running_loop()

    def read(at: int) -> None:
        waiting.put_nowait(f"{at} {os.read(ports[at], 4096).hex()}")

    for at, one in enumerate(ports):
        loop.add_reader(one, read, at)

    async def tell(screen: ServerConnection) -> None:
        while True:
            await screen.send(await waiting.get())

    async with serve(tell, "127.0.0.1", port):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
