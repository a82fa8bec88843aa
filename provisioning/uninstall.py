"""`chevet uninstall`: takes back what `chevet install` did, and no more. Records stay, unless that is said twice."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from provisioning import machine, manifest
from provisioning.install import UNITS, Say, remove
from provisioning.manifest import Manifest
from provisioning.tree import InstallError, Tree

STATE = ("/var/lib/chevet", "/var/lib/chevet-kiosk")


def run(words: Sequence[str], out: TextIO) -> int:
    """The command line after `chevet uninstall`; the exit status."""
    asked = _parser().parse_args(words)
    if asked.state == 1:
        raise InstallError(
            "--state removes the patients' records and their key for good; to do that, say --state twice"
        )
    live = asked.root == Path("/")
    if live:
        machine.check_systemd()
        if not asked.dry_run:
            machine.check_rights()

    def say(sentence: str) -> None:
        print(sentence, file=out)

    tree = Tree(asked.root, asked.dry_run)
    if asked.dry_run:
        say("nothing is changed; this is what would be done:")
    if live:
        running = [unit for unit in machine.UNITS if tree.exists(f"{UNITS}/{unit}")]
        machine.execute([("systemctl", "stop", *running)] if running else [], asked.dry_run, say)
    users = uninstall(tree, asked.state >= 2, say)
    if live:
        commands = [("userdel", user) for user in users if user in machine.users()]
        machine.execute((*machine.AFTER_UNINSTALL, *commands), asked.dry_run, say)
    forget(tree, users)
    return 0


def uninstall(tree: Tree, state_too: bool, say: Say) -> tuple[str, ...]:
    """Take back files and folders. Returns the users who are to go: made by us, and owning nothing any more."""
    installed = manifest.load(tree)
    if installed == Manifest():
        say("nothing is installed here")
    for path, prints in installed.files.items():
        remove(tree, path, prints, say)
    for folder in reversed(installed.folders):
        if not tree.remove_folder(folder):
            say(f"kept      {folder}: it holds what we did not put there")
    state = [path for path in STATE if tree.exists(path)]
    for path in state:
        if state_too:
            tree.remove_all(path)
        say(f"{'removed  ' if state_too else 'kept     '} {path}{'' if state_too else ': --state --state removes it'}")
    if state and not state_too:
        for user in installed.users:
            say(f"kept      the user {user}: what is kept is theirs")
        Manifest(users=installed.users, complete=True).save(tree)  # for a later --state --state
        return ()
    return installed.users


def forget(tree: Tree, gone: Sequence[str]) -> None:
    """Last of all, remove the manifest; unless there are users of ours who stay."""
    left = tuple(user for user in manifest.load(tree).users if user not in gone)
    if not left:
        tree.remove(manifest.PATH)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chevet uninstall",
        description="Take back what `chevet install` did. Files that were changed since, and the records, stay.",
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help="an image's root; nothing is run (default: /)")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument("--state", action="count", default=0, help="said twice: also remove the records, for good")
    return parser
