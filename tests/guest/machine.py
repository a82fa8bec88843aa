"""One QEMU process: the virtual hardware that the guest is saved and resumed on, and QEMU's own control socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAYLOAD_BYTES = 32 << 20  # the payload's disk has this size always: hardware must be the same when saved and resumed
CABLES = ("cable0", "cable1")  # ends of serial adapters; the adapters themselves are plugged in by a test
CONNECT_S = 20.0
ANSWER_S = 30.0
LINE_CAP = 1 << 20

KERNEL_WORDS = "console=ttyS0 quiet mitigations=off nokaslr panic=-1 tsc=reliable audit=0 systemd.show_status=0"


class MachineError(Exception):
    """QEMU ended, does not answer, or refuses a command; the text says which, and what it wrote."""


@dataclass(frozen=True, slots=True)
class End:
    """The far end of one of the machine's sockets."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Machine:
    """A running QEMU. Made by `machine`."""

    def __init__(self, process: asyncio.subprocess.Process, ends: dict[str, End], log: Path) -> None:
        self._process, self._ends, self._log = process, ends, log
        self.agent = ends["agent"]
        self.cables = [ends[name] for name in CABLES]

    async def qmp(self, command: str, **arguments: Any) -> Any:
        """Have QEMU do something (QMP); what it returns. `MachineError` where it refuses."""
        end = self._ends["qmp"]
        end.writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_S):
            while line := await end.reader.readline():
                answer = json.loads(line)
                if "error" in answer:
                    raise MachineError(f"{command}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]
        raise MachineError(f"{command}: QEMU ended: {self.said()}")

    async def until(self, *statuses: str) -> str:
        """Wait until the machine is in one of these states (QMP's RunState)."""
        async with asyncio.timeout(ANSWER_S):
            while (status := (await self.qmp("query-status"))["status"]) not in statuses:
                await asyncio.sleep(0.05)
        return str(status)

    def said(self) -> str:
        """The end of what QEMU and the guest's console wrote."""
        return self._log.read_text(errors="replace")[-2000:]

    async def plug_serial(self, cable: int, port: int, serial: str) -> None:
        """Plug a USB serial adapter (an FT232) with this serial number into a USB port (1 to 4)."""
        words = {"driver": "usb-serial", "id": f"adapter{cable}", "chardev": CABLES[cable], "bus": "xhci.0"}
        await self.qmp("device_add", **words, port=str(port), serial=serial, **{"always-plugged": True})

    async def unplug_serial(self, cable: int) -> None:
        """Pull it out again."""
        await self.qmp("device_del", id=f"adapter{cable}")


@asynccontextmanager
async def machine(
    built: Path, payload: Path, saved: Path | None, keep_disk: bool = False, data: Path | None = None
) -> AsyncIterator[Machine]:
    """A QEMU with the guest's kernel and disk in `built`; resumed from `saved`, else booted. Gone at the end, always.

    What is written to the disk is forgotten, but with `keep_disk`. QEMU dies with us, however we die. `data` is one
    more disk (/dev/vdc), which is kept as the guest wrote it.
    """
    folder = Path(tempfile.mkdtemp(prefix="guest-"))
    process = None
    try:
        arriving = {name: _listen(folder / name) for name in ("qmp", "agent", *CABLES)}
        words = _words(built, payload, folder, keep_disk)
        if data is not None:
            words += ["-drive", f"file={data},format=raw,if=virtio"]
        if saved is not None:
            words += ["-incoming", f'exec:cat "{saved}"']
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64"),
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        ends = {name: await _arrived(listener, process, folder / "log") for name, listener in arriving.items()}
        one = Machine(process, ends, folder / "log")
        await ends["qmp"].reader.readline()  # its greeting
        await one.qmp("qmp_capabilities")
        yield one
    finally:
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _words(built: Path, payload: Path, folder: Path, keep_disk: bool) -> list[str]:
    disk = f"file={built}/root.img,format=raw,if=virtio,snapshot={'off' if keep_disk else 'on'}"
    words = ["-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-smp", "2", "-m", "1024"]
    words += ["-kernel", f"{built}/vmlinuz", "-initrd", f"{built}/initrd.gz", "-append", KERNEL_WORDS]
    words += ["-drive", disk, "-drive", f"file={payload},format=raw,if=virtio,readonly=on"]
    words += ["-display", "none", "-nodefaults", "-no-reboot", "-device", "qemu-xhci,id=xhci"]
    words += ["-chardev", f"file,id=console,path={folder}/log,append=on", "-serial", "chardev:console"]
    for name in ("agent", *CABLES):
        words += ["-chardev", f"socket,id={name},path={folder / name},server=off"]
    return [*words, "-serial", "chardev:agent", "-qmp", f"unix:{folder / 'qmp'},server=off"]


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    listener.setblocking(False)
    return listener


async def _arrived(listener: socket.socket, process: asyncio.subprocess.Process, log: Path) -> End:
    """QEMU's connection to a socket that we listen on."""
    with listener:
        accepting = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(listener))
        ending = asyncio.ensure_future(process.wait())
        await asyncio.wait((accepting, ending), timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not accepting.done():
            accepting.cancel()
            raise MachineError(f"QEMU did not start: {log.read_text(errors='replace')[-2000:]}")
        connection, _ = accepting.result()
    return End(*await asyncio.open_connection(sock=connection, limit=LINE_CAP))
