"""Writes THIRD_PARTY_NOTICES.md from what is installed; `--check` only compares.

Python: every distribution of requirements.lock that this platform installs, from its own metadata.
Screens: every npm package that the built screens contain, with its whole licence text, since a bundle carries none.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NOTICES = ROOT / "THIRD_PARTY_NOTICES.md"
MODULES = ROOT / "kiosk_ui" / "node_modules"

HEAD = """# Third-party notices

Chevet is under the Apache License 2.0 (LICENSE). It uses the works below, each under its own licence.
Written by `make notices`; the versions are those of the lock files. The optional systemd-python is LGPL-2.1-or-later,
used unchanged as a separate package.
"""
HOMES = ("homepage", "home", "source", "source code", "repository", "code", "github", "documentation")


@dataclass(frozen=True, slots=True, order=True)
class Work:
    name: str
    licence: str
    home: str
    text: str = ""


def main() -> int:
    wanted = notices()
    if "--check" not in sys.argv:
        NOTICES.write_text(wanted, encoding="utf-8")
        return 0
    if NOTICES.read_text(encoding="utf-8") == wanted:
        return 0
    print("THIRD_PARTY_NOTICES.md is not what is installed: run `make notices`", file=sys.stderr)
    return 1


def notices() -> str:
    python, screens = sorted(python_works()), sorted(screen_works())
    parts = [HEAD, "## Python packages of the service\n", table(python)]
    parts += ["## Packages built into the screens\n", table(screens)]
    parts += [f"### {work.name}\n\n```text\n{work.text.strip()}\n```\n" for work in screens]
    return "\n".join(parts)


def table(works: list[Work]) -> str:
    rows = [f"| {work.name} | {work.licence} | {work.home} |" for work in works]
    return "\n".join(["| name | licence | home |", "| --- | --- | --- |", *rows, ""])


def python_works() -> list[Work]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = [Requirement(line.rstrip("\\ ")) for line in lines if line[:1].isalnum()]
    names = {pin.name for pin in pinned if pin.marker is None or pin.marker.evaluate()}
    return [python_work(name) for name in names]


def python_work(name: str) -> Work:
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        sys.exit(f"{name} is in the lock but not installed: run `make setup`")
    classifiers = [c.split(" :: ")[-1] for c in facts.get_all("Classifier", []) if c.startswith("License :: ")]
    stated = first(facts, "License-Expression") or ", ".join(classifiers) or first(facts, "License")
    return Work(canonicalize_name(name), one_line(stated), home_of(facts))


def first(facts: PackageMetadata, field: str) -> str:
    return next(iter(facts.get_all(field, [])), "")


def home_of(facts: PackageMetadata) -> str:
    labelled = dict(url.split(", ", 1) for url in facts.get_all("Project-URL", []))
    links = {label.lower(): link for label, link in labelled.items()}
    return first(facts, "Home-page") or next((links[label] for label in HOMES if label in links), "")


def one_line(licence: str) -> str:
    """Some metadata hold the whole licence text where its name belongs."""
    return (licence.strip().splitlines() or ["not stated"])[0].strip() or "not stated"


def screen_works() -> list[Work]:
    """The packages that package.json's `dependencies` reach; `devDependencies` only build."""
    lock = json.loads((ROOT / "kiosk_ui" / "package-lock.json").read_text())["packages"]
    return copied_works() + [screen_work(place) for place, facts in lock.items() if place and not facts.get("dev")]


def copied_works() -> list[Work]:
    """What was copied into the screens' sources, its licence beside it."""
    licence = ROOT / "kiosk_ui" / "src" / "ui" / "icons" / "LICENSE"
    return [Work("lucide (icons)", "ISC, in part MIT", "https://lucide.dev", licence.read_text())]


def screen_work(place: str) -> Work:
    folder = ROOT / "kiosk_ui" / place
    facts = json.loads((folder / "package.json").read_text())
    texts = [
        f.read_text() for f in sorted(folder.iterdir()) if re.match(r"(licen[cs]e|copying)", f.name, re.IGNORECASE)
    ]
    return Work(facts["name"], facts["license"], facts.get("homepage", ""), "\n".join(texts) or facts["license"])


if __name__ == "__main__":
    sys.exit(main())
