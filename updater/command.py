"""`chevet update ...`: what is offered, what was done, and for the maker of releases the signature."""

from __future__ import annotations

import argparse
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from updater.machine import Machine
from updater.manifest import UpdateError
from updater.publish import publish
from updater.sources import Folder, Source, Web
from updater.update import BusyError, Updater

FOLDER = Path("/var/lib/chevet-update")
SIGNERS = Path("/usr/share/chevet/release-keys")  # below the verified root: nobody adds one
LATER = 75  # EX_TEMPFAIL of sysexits.h: the timer tries again


@dataclass(frozen=True, slots=True)
class Unit:
    """What the command needs of the unit. `tls`: how it shows who it is to the server of releases."""

    url: str
    serial: Callable[[], str]
    tls: Callable[[], ssl.SSLContext]
    busy: Callable[[], bool]


def run(words: list[str], out: TextIO, unit: Callable[[Path | None], Unit], machine: Machine | None = None) -> int:
    """The command line after `chevet update`; the exit status. `unit` is given the file of the settings."""
    asked = _parser().parse_args(words)
    if asked.step == "publish":
        key = asked.key.read_bytes()
        made = publish(asked.folder, asked.version, asked.sequence, asked.floor, asked.days, asked.share, key)
        print(f"{asked.folder}: {made.version} signed, number {made.sequence}, until {made.expires:%Y-%m-%d}", file=out)
        return 0
    here = unit(asked.config)
    signers = tuple(path.read_bytes() for path in sorted(asked.signers.glob("*.pem")))
    updater = Updater(asked.folder, machine or Machine(), signers, here.serial(), here.busy)
    if asked.step == "status":
        print(json.dumps(_status(updater), indent=1), file=out)
        return 0
    try:
        with _source(asked.source or here.url, here) as source:
            told = updater.run(source, not asked.no_restart) if asked.step == "run" else _told(updater, source)
    except BusyError as later:
        print(f"later: {later}", file=out)
        return LATER
    print(told, file=out)
    return 0


def _told(updater: Updater, source: Source) -> str:
    release, why = updater.offered(source)
    return f"{release.version} would be taken" if why is None else f"nothing to do: {why}"


def _status(updater: Updater) -> dict[str, object]:
    state, running = updater.settle(), updater.machine.running()
    return {
        "running": running,
        "standing": updater.machine.standing(running),
        "trying": state.trying or None,
        "sequence": state.known.sequence,
        "floor": state.known.floor,
        "refused": state.known.refused,
    }


def _source(where: str, here: Unit) -> Source:
    if where.startswith("https://"):
        return Web(where, here.tls())
    if where.startswith("/"):
        return Folder(Path(where))
    raise UpdateError(f"updates come from {where or 'nowhere'!r}; an https:// address or a folder is wanted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chevet update", description=__doc__)
    parser.add_argument("--config", type=Path, default=None, help="the unit's settings")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where a release is staged (default: %(default)s)")
    parser.add_argument("--signers", type=Path, default=SIGNERS, help="keys (*.pem) that sign (default: %(default)s)")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    check = steps.add_parser("check", help="what is offered, and whether this unit would take it")
    run_it = steps.add_parser("run", help="fetch, verify, write into the other slot, and start the unit again")
    run_it.add_argument("--no-restart", action="store_true", help="leave the restart to somebody else")
    for one in (check, run_it):
        one.add_argument("--from", dest="source", default="", help="an https:// address or a folder (a USB stick)")
    steps.add_parser("status", help="versions, what is on trial, what failed here: JSON")
    sign = steps.add_parser("publish", help="for the maker of releases: indexes and signed manifest into a folder")
    sign.add_argument("folder", type=Path)
    sign.add_argument("version")
    sign.add_argument("--key", type=Path, required=True, help="Ed25519, PEM")
    sign.add_argument("--sequence", type=int, required=True, help="counts up with each release")
    sign.add_argument("--floor", default="0.0", help="nothing older is ever installed again (default: %(default)s)")
    sign.add_argument("--days", type=int, default=60, help="until it expires (default: %(default)s)")
    sign.add_argument("--share", type=int, default=100, help="percent of the units (default: %(default)s)")
    return parser
