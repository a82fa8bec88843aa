"""What `chevet install` did, written down before it is done, so that `chevet uninstall` takes back that and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioning.tree import InstallError, Tree

PATH = "/etc/chevet.installed.json"  # in a folder that is there before us: nothing has to be made before it
VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files`: path to the fingerprints under which it is ours. `folders`, parents first, and `users` that we made.

    Not `complete` while an installation is under way: some of it may be there, and some not.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    complete: bool = False

    def save(self, tree: Tree) -> None:
        """Write it, whole or not at all."""
        words = {
            "version": VERSION,
            "complete": self.complete,
            "files": {path: list(prints) for path, prints in sorted(self.files.items())},
            "folders": list(self.folders),
            "users": list(self.users),
        }
        tree.put(PATH, json.dumps(words, indent=1).encode() + b"\n")


def load(tree: Tree) -> Manifest:
    """What was installed; an empty manifest where nothing was. `InstallError` for one that cannot be read."""
    tree.sweep(PATH)
    if not tree.exists(PATH):
        return Manifest()
    try:
        raw = json.loads(tree.read(PATH))
        if raw["version"] != VERSION:
            raise InstallError(f"{PATH} has version {raw['version']!r}; this program knows {VERSION}")
        files = {_path(path): tuple(map(str, prints)) for path, prints in raw["files"].items()}
        folders = tuple(_path(path) for path in raw["folders"])
        return Manifest(files, folders, tuple(map(str, raw["users"])), raw["complete"] is True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallError(f"{PATH} is damaged ({error!r}); what was installed is not known from it") from None


def _path(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/"):
        raise InstallError(f"{PATH} names {text!r}; an absolute path is wanted")
    return text
