"""Inside the guest: runs Python modules for the host, which asks on the second serial port.

One JSON object a line. From the host: `{"id": 1, "run": ["module", "argument", ...]}` and `{"id": 1, "kill": true}`.
To the host: `{"ready": true}` once, then `{"id": 1, "line": "..."}` for all that a module prints and
`{"id": 1, "ended": status}`. The slow imports are done before the guest is saved; each module runs in a fork.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import selectors
import signal
import subprocess
import sys
import traceback
import tty
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORT = "/dev/ttyS1"
PAYLOAD = Path("/payload")  # unpacked from a tar on the second disk, which is another each time the guest is resumed
UNPACK = ("/usr/bin/tar", "-xf", "/dev/vdb", "-C", str(PAYLOAD))
SLOW = (
    *("asyncio", "numpy", "av", "serial", "pyudev", "evdev"),
    *("dbus_fast.aio", "bleak", "bleak.backends.bluezdbus.client"),
    *("bumble.controller", "bumble.device", "bumble.gatt", "bumble.link", "bumble.transport", "bumble.pairing"),
)
LINE_CAP = 8192


@dataclass(slots=True)
class Running:
    """One module: its process and what it has printed of a line that is not whole yet."""

    pid: int
    out: int
    rest: bytes = b""


class Agent:
    """Serves one host, for as long as the guest lives."""

    def __init__(self) -> None:
        self._port = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._port)
        self._asked = b""
        self._running: dict[int, Running] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._port, selectors.EVENT_READ)

    def serve(self) -> None:
        """Never ends."""
        self._say(ready=True)
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._port:
                    self._hear()
                else:
                    self._relay(key.data)

    def _say(self, **words: Any) -> None:
        data = json.dumps(words).encode() + b"\n"
        while data:
            data = data[os.write(self._port, data) :]

    def _hear(self) -> None:
        *lines, self._asked = (self._asked + os.read(self._port, 4096)).split(b"\n")
        for line in lines:
            asked = json.loads(line)
            if "run" in asked:
                self._run(asked["id"], asked["run"])
            elif asked["id"] in self._running:
                os.killpg(self._running[asked["id"]].pid, signal.SIGKILL)

    def _run(self, name: int, words: list[str]) -> None:
        if not any(PAYLOAD.iterdir()):
            subprocess.run(UNPACK, check=True)  # noqa: S603 - a constant
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(theirs, 1)
            os.dup2(theirs, 2)
            os.close(ours)
            os.close(self._port)
            run_module(words)
        os.close(theirs)
        self._running[name] = Running(pid, ours)
        self._selector.register(ours, selectors.EVENT_READ, name)

    def _relay(self, name: int) -> None:
        running = self._running[name]
        data = os.read(running.out, 65536)
        *lines, running.rest = (running.rest + data).split(b"\n")
        if not data and running.rest:
            lines, running.rest = [running.rest], b""
        for line in lines:
            self._say(id=name, line=line[:LINE_CAP].decode(errors="replace"))
        if not data:
            self._selector.unregister(running.out)
            os.close(running.out)
            del self._running[name]
            self._say(id=name, ended=os.waitstatus_to_exitcode(os.waitpid(running.pid, 0)[1]))


def run_module(words: list[str]) -> None:
    """In the fork: the module as `python -m` runs it. Does not come back, whatever threads it leaves."""
    status = 1
    try:
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - printed, and the status says so
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def main() -> None:
    for module in SLOW:
        importlib.import_module(module)
    Agent().serve()


main()
