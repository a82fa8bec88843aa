"""From an offered release to the other slot, and what may go wrong on the way."""

from __future__ import annotations

import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.update.releases import ROOT, VERITY, Maker, machine, updater
from updater import command
from updater.machine import Machine
from updater.manifest import UpdateError
from updater.sources import Folder, Web
from updater.unit import consulting
from updater.update import BusyError, Updater

SIZE, INDEXES = 64 * 4096 + 5 * 4096 + 9100, (64 + 5 + 3) * 16


class Here:
    """A unit that runs 1.0, a stick with 1.1."""

    def __init__(self, place: Path) -> None:
        self.place, self.maker, self.busy = place, Maker(), False
        self.old = self.maker.release(place / "old", "1.0", 1)
        self.stick = self.maker.release(place / "stick", "1.1", 2)
        self.machine = machine(place, "1.0", self.old)

    @property
    def updater(self) -> Updater:
        return updater(self.place, self.machine, self.maker, lambda: self.busy)

    def written(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.place / "slot").iterdir())}

    def entry(self, version: str, ending: str) -> None:
        """The boot loader has counted."""
        (old,) = self.machine.entries.glob(f"chevet_{version}*.efi")
        old.rename(old.with_name(f"chevet_{version}{ending}.efi"))


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_only_what_is_new_is_moved(here: Here) -> None:
    told = here.updater.run(Folder(here.stick), restart=False)
    # Three blocks of root, the kernel image's last, and the indexes.
    moved = 3 * 4096 + (9100 - 2 * 4096) + INDEXES
    assert told.startswith(f"1.1 is written: {moved} of {SIZE} bytes moved, {SIZE + INDEXES - moved} were here")
    names = [f"chevet_1.1_{ROOT}.root.raw", f"chevet_1.1_{VERITY}.root-verity.raw"]
    assert here.written() == {name: (here.stick / name).read_bytes() for name in names}
    kernel = (here.machine.entries / "chevet_1.1+2.efi").read_bytes()
    assert kernel == (here.stick / "chevet_1.1.efi").read_bytes()
    assert [path.name for path in here.updater.folder.iterdir()] == ["state.json"]


def test_it_is_written_once_and_waits_for_the_start(here: Here) -> None:
    here.updater.run(Folder(here.stick), restart=False)
    for path in (here.place / "slot").iterdir():
        path.unlink()
    assert here.updater.run(Folder(here.stick), restart=False) == "1.1 is written; it runs after the next start"
    assert here.written() == {}


def test_never_during_a_consultation(here: Here) -> None:
    here.busy = True
    with pytest.raises(BusyError, match="a consultation is open"):
        here.updater.run(Folder(here.stick), restart=False)
    assert here.written() == {}


def test_a_consultation_in_between_stops_it_and_what_came_is_kept(here: Here) -> None:
    class Opening(Folder):
        def range(self, name: str, offset: int, length: int) -> bytes:
            read = super().range(name, offset, length)
            here.busy = offset == 7 * 4096
            return read

    with pytest.raises(BusyError):
        here.updater.run(Opening(here.stick), restart=False)
    here.busy = False
    asked: list[int] = []

    class Counting(Folder):
        def range(self, name: str, offset: int, length: int) -> bytes:
            asked.append(offset)
            return super().range(name, offset, length)

    here.updater.run(Counting(here.stick), restart=False)
    assert asked.count(14 * 4096) == 1
    assert 7 * 4096 not in asked


def test_a_version_that_failed_here_is_never_tried_again(here: Here) -> None:
    here.updater.run(Folder(here.stick), restart=False)
    here.entry("1.1", "+0-2")
    why = "nothing to do: 1.1 failed on this unit: it did not get well, and 1.0 came back"
    assert here.updater.run(Folder(here.stick), restart=False) == why
    (here.machine.entries / "chevet_1.1+0-2.efi").unlink()  # the next update took its place
    assert here.updater.run(Folder(here.stick), restart=False) == why


def test_a_version_on_its_last_try_is_not_refused_while_it_runs(here: Here) -> None:
    here.updater.run(Folder(here.stick), restart=False)
    here.entry("1.1", "+0-2")
    here.machine.release.write_text('IMAGE_ID="chevet"\nIMAGE_VERSION="1.1"\n')
    state = here.updater.settle()
    assert (state.trying, state.known.refused) == ("1.1", {})
    later = here.maker.release(here.place / "later", "1.2", 3)
    assert here.updater.run(Folder(later), restart=False) == "nothing to do: 1.1 is still on trial"
    here.entry("1.1", "")
    state = here.updater.settle()
    assert (state.trying, state.known.refused) == ("", {})


def test_bytes_that_are_not_the_signed_ones(here: Here) -> None:
    name = f"chevet_1.1_{ROOT}.root.raw"
    data = bytearray((here.stick / name).read_bytes())
    data[7 * 4096] ^= 1
    (here.stick / name).write_bytes(data)
    with pytest.raises(UpdateError, match="other bytes at 28672 than its index says"):
        here.updater.run(Folder(here.stick), restart=False)
    (here.stick / f"{name}.index").write_bytes(b"\0" * 64 * 16)
    with pytest.raises(UpdateError, match=r"\.index is not the one that was signed"):
        here.updater.run(Folder(here.stick), restart=False)
    (here.stick / f"{name}.index").write_bytes(b"\0" * (64 * 16 + 1))
    with pytest.raises(UpdateError, match="more than 1024 bytes"):
        here.updater.run(Folder(here.stick), restart=False)
    assert here.written() == {}


def test_a_link_on_a_stick_is_not_followed(here: Here) -> None:
    (here.stick / "release.jws").unlink()
    (here.stick / "release.jws").symlink_to("/etc/hostname")
    with pytest.raises(UpdateError, match="is no plain file"):
        here.updater.run(Folder(here.stick), restart=False)


def test_what_changed_on_the_disk_is_not_written(here: Here) -> None:
    updating = here.updater
    updating.folder.mkdir()
    release, _ = updating.offered(Folder(here.stick))
    updating.fetch(Folder(here.stick), release)
    (updating.folder / "1.1" / "chevet_1.1.efi").write_bytes(b"another")
    with pytest.raises(UpdateError, match=r"chevet_1\.1\.efi changed after it was fetched"):
        updating.install(release)
    assert here.written() == {}


@pytest.fixture
def web(here: Here) -> Iterator[Callable[[bool], Web]]:
    class Handler(BaseHTTPRequestHandler):
        ranges = True

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            data = (here.stick / self.path.lstrip("/")).read_bytes()
            wanted = self.headers["Range"]
            if wanted and self.ranges:
                first, last = wanted.removeprefix("bytes=").split("-")
                data = data[int(first) : int(last) + 1]
            self.send_response(206 if wanted and self.ranges else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def source(ranges: bool) -> Web:
        Handler.ranges = ranges
        return Web(f"http://127.0.0.1:{server.server_address[1]}/", ssl.create_default_context())

    yield source
    server.shutdown()
    server.server_close()
    thread.join()


def test_over_the_network(here: Here, web: Callable[[bool], Web]) -> None:
    with web(True) as source:
        assert here.updater.run(source, restart=False).startswith("1.1 is written")


def test_a_server_without_ranges(here: Here, web: Callable[[bool], Web]) -> None:
    with web(False) as source, pytest.raises(UpdateError, match="answered 200; 206 is wanted"):
        here.updater.run(source, restart=False)


def test_a_service_that_is_not_there_holds_no_consultation() -> None:
    assert consulting("http://127.0.0.1:9") is False


def test_the_command(here: Here) -> None:
    signers = here.place / "signers"
    signers.mkdir()
    (signers / "maker.pem").write_bytes(here.maker.public)

    def say(*words: str, busy: bool = False, unit: Machine = here.machine) -> tuple[int, str]:
        out = io.StringIO()
        mine = command.Unit("", lambda: "CHV-1", ssl.create_default_context, lambda: busy)
        given = ["--folder", str(here.place / "update-state"), "--signers", str(signers), *words]
        return command.run(given, out, lambda _: mine, unit), out.getvalue()

    (here.place / "update-state").mkdir()
    assert say("check", "--from", str(here.stick)) == (0, "1.1 would be taken\n")
    assert say("run", "--from", str(here.stick), busy=True)[0] == 75
    assert say("run", "--from", str(here.stick))[1].endswith("; the unit starts again\n")
    told = json.loads(say("status")[1])
    assert told == {
        "running": "1.0",
        "standing": "kept",
        "trying": "1.1",
        "sequence": 2,
        "floor": "0.0",
        "refused": {},
    }
    with pytest.raises(UpdateError, match="https:// address or a folder is wanted"):
        say("run")
