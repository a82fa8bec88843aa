"""`chevet install`: the unit's services, rules and settings onto a plain Debian, or into an image's root."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from provisioning import machine, manifest
from provisioning.manifest import Manifest
from provisioning.tree import Content, InstallError, Link, Tree, fingerprint

UNITS = "/usr/local/lib/systemd/system"
WANTS = "/etc/systemd/system"
DISPLAY_MANAGER = f"{WANTS}/display-manager.service"
SERVICE_LINK = f"{WANTS}/multi-user.target.wants/chevet.service"
KIOSK_LINK = f"{WANTS}/graphical.target.wants/chevet-kiosk.service"
FIREWALL_LINK = f"{WANTS}/sysinit.target.wants/chevet-firewall.service"
PROGRAM = b"@CHEVET@"  # in a unit, where the program's path goes
USERS = ("chevet", "chevet-kiosk")  # of sysusers.d/chevet.conf
SECRETS = "/etc/credstore.encrypted"  # of tmpfiles.d/chevet.conf

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What the machine's own programs make for us, where it was not there before."""

    users: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def run(words: Sequence[str], out: TextIO) -> int:
    """The command line after `chevet install`; the exit status."""
    asked = _parser().parse_args(words)
    live = asked.root == Path("/")
    tree = Tree(asked.root, asked.dry_run)
    program = asked.program or _own_program(asked.root)
    machine.check_program(program)
    if live:
        machine.check_live()
        if not asked.dry_run:
            machine.check_rights()

    def say(sentence: str) -> None:
        print(sentence, file=out)

    if asked.dry_run:
        say("nothing is changed; this is what would be done:")
    wanted = contents(shipped(), program) | started(tree, manifest.load(tree), asked.kiosk, asked.firewall, say)
    install(tree, wanted, _made(tree) if live else Made(), say)
    if live:
        machine.execute(machine.AFTER_INSTALL, asked.dry_run, say)
        for sentence in machine.wanting():
            say(f"missing   {sentence}")
        say(
            "next: edit /etc/chevet/chevet.toml, `chevet check`, then `systemctl restart chevet`; the screens come with"
        )
        say("the next start of the machine. `chevet uninstall` takes all of this back")
    return 0


def contents(files: Path, program: str) -> dict[str, Content]:
    """What is to be where: the shipped files, with the program's path in the units."""
    found: dict[str, Content] = {}
    for file in sorted(path for path in files.rglob("*") if path.is_file()):
        content = file.read_bytes()
        if file.suffix == ".service":
            content = content.replace(PROGRAM, program.encode())
        found[f"/{file.relative_to(files)}"] = content
    return found


def started(tree: Tree, before: Manifest, kiosk: bool | None, firewall: bool | None, say: Say) -> dict[str, Content]:
    """What is to start with the machine. None: as it was; the first time with the screens, without the filter."""
    if kiosk is None:
        kiosk = KIOSK_LINK in before.files if before.files else True
    if kiosk and tree.exists(DISPLAY_MANAGER):
        say("left      chevet-kiosk.service is not enabled: this machine has a display manager")
        kiosk = False
    if firewall is None:
        firewall = FIREWALL_LINK in before.files
    links = (SERVICE_LINK, *((KIOSK_LINK,) if kiosk else ()), *((FIREWALL_LINK,) if firewall else ()))
    return {link: Link(f"{UNITS}/{Path(link).name}") for link in links}


def install(tree: Tree, wanted: Mapping[str, Content], made: Made, say: Say) -> None:
    """Bring `wanted` into the tree. What is there and is not ours is left; each is told.

    What may be ours is written down before it is made, so that an interruption at any point can be taken back.
    """
    before = manifest.load(tree)
    files = {path: prints for path, content in wanted.items() if (prints := _prints(tree, before, path, content))}
    obsolete = {path: prints for path, prints in before.files.items() if path not in wanted}
    new_folders = tuple(_missing_folders(tree, files))
    folders = tuple(dict.fromkeys((*before.folders, *new_folders, *made.folders)))
    plan = Manifest(files | obsolete, folders, tuple(dict.fromkeys((*before.users, *made.users))))
    plan.save(tree)
    for folder in new_folders:
        tree.make_folder(folder)
    for path, content in wanted.items():
        _place(tree, before, path, content, say)
    for path, prints in obsolete.items():
        remove(tree, path, prints, say)
    replace(plan, files={path: _final(tree, before, path, wanted[path]) for path in files}, complete=True).save(tree)


def _prints(tree: Tree, before: Manifest, path: str, content: Content) -> tuple[str, ...]:
    """Under which fingerprints this path is ours from now on; none where somebody else's is there."""
    there, known = tree.fingerprint(path), before.files.get(path, ())
    if there is None or there in known:
        return tuple(dict.fromkeys((*known, fingerprint(content))))
    return known


def _final(tree: Tree, before: Manifest, path: str, content: Content) -> tuple[str, ...]:
    ours = fingerprint(content)
    return (ours,) if tree.fingerprint(path) == ours else before.files.get(path, (ours,))


def _place(tree: Tree, before: Manifest, path: str, content: Content, say: Say) -> None:
    tree.sweep(path)
    there, known = tree.fingerprint(path), before.files.get(path, ())
    if there is None and before.complete and known and isinstance(content, Link):
        say(f"left      {path} was removed by its owner: the unit is not enabled again")
    elif there is None or (there in known and there != fingerprint(content)):
        tree.put(path, content)
        say(f"{'written ' if there is None else 'replaced'}  {path}")
    elif there == fingerprint(content):
        say(f"is there  {path}")
    else:
        say(f"left      {path} is not as we made it: its owner's stays")


def remove(tree: Tree, path: str, prints: Sequence[str], say: Say) -> None:
    """Take back one file; what its owner changed is kept, and told."""
    tree.sweep(path)
    there = tree.fingerprint(path)
    if there in prints:
        tree.remove(path)
        say(f"removed   {path}")
    elif there is not None:
        say(f"kept      {path}: its owner changed it")


def _missing_folders(tree: Tree, paths: Mapping[str, object]) -> Iterator[str]:
    """Parents first."""
    for path in sorted(paths):
        for folder in reversed(Path(path).parents[:-1]):
            if not tree.exists(str(folder)):
                yield str(folder)


def shipped() -> Path:
    """The folder of what is installed: inside the wheel, or of this checkout."""
    here = Path(__file__).parent
    for folder in (here / "files", here.parent / "os-image" / "files"):
        if folder.is_dir():
            return folder
    raise InstallError(f"the files to install are not in {here}: this Chevet was not built as a wheel")


def _own_program(root: Path) -> str:
    """This very program, as the machine below the root will know it."""
    program = Path(sys.argv[0]).absolute()
    if program.name != "chevet":
        program = Path(sys.executable).with_name("chevet")
    base = root.resolve()
    return f"/{program.relative_to(base)}" if program.is_relative_to(base) else str(program)


def _made(tree: Tree) -> Made:
    users = machine.users()
    folders = () if tree.exists(SECRETS) else (SECRETS,)
    return Made(tuple(user for user in USERS if user not in users), folders)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chevet install",
        description="Install the unit's user, services, device rules, screens and first settings on Debian 12 or 13.",
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help="an image's root; nothing is run (default: /)")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument("--program", help="the path of `chevet` on the machine (default: this one)")
    either = argparse.BooleanOptionalAction
    parser.add_argument(
        "--kiosk", action=either, help="start the screens with the machine (default: as before, else yes)"
    )
    parser.add_argument("--firewall", action=either, help="start the packet filter, that drops all but what is allowed")
    return parser
