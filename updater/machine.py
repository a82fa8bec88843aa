"""The machine's two slots, as systemd knows them: which versions the boot loader may start, and how one is written.

The names on the boot partition are the truth about tries (systemd-boot counts there): `chevet_2.0+1-1.efi` has one try
left and one behind it, `chevet_2.0+0-2.efi` failed, `chevet_2.0.efi` was found well and stays.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from updater.manifest import UpdateError

SYSUPDATE = "/usr/lib/systemd/systemd-sysupdate"
WRITE_S = 1800.0
ENTRY = re.compile(r"chevet_([0-9.]+?)(?:\+(\d+)(?:-\d+)?)?\.efi")

Standing = Literal["absent", "tried", "failed", "kept"]
Run = Callable[[tuple[str, ...]], None]


def execute(words: tuple[str, ...]) -> None:
    """Run a program of the system; `UpdateError` with its last words where it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=WRITE_S, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"{' '.join(words)}: {error}") from error
    if done.returncode:
        raise UpdateError(f"{' '.join(words)} failed with {done.returncode}: {done.stderr.strip()[-300:]}")


@dataclass(frozen=True, slots=True)
class Machine:
    """`entries`: the boot loader's folder. `release`: os-release(5). `devices`: partitions by name."""

    entries: Path = Path("/boot/EFI/Linux")
    release: Path = Path("/etc/os-release")
    devices: Path = Path("/dev/disk/by-partlabel")
    written_from: Path = Path("/run/chevet-update")
    run: Run = execute

    def running(self) -> str:
        """The version that runs; `UpdateError` where this is no image of ours."""
        try:
            lines = dict(line.split("=", 1) for line in self.release.read_text("utf-8").splitlines() if "=" in line)
        except OSError as error:
            raise UpdateError(f"{self.release} cannot be read: {error.strerror}") from error
        if lines.get("IMAGE_ID", "").strip('"') != "chevet" or "IMAGE_VERSION" not in lines:
            raise UpdateError("this system is not Chevet's image: it is updated by its own packages")
        return lines["IMAGE_VERSION"].strip('"')

    def standing(self, version: str) -> Standing:
        """How a version stands with the boot loader."""
        try:
            names = [path.name for path in self.entries.iterdir()]
        except OSError as error:
            raise UpdateError(f"{self.entries} cannot be read: {error.strerror}") from error
        for found in filter(None, map(ENTRY.fullmatch, names)):
            if found[1] == version:
                return "kept" if found[2] is None else "failed" if int(found[2]) == 0 else "tried"
        return "absent"

    def seeds(self) -> list[Path]:
        """Root, hashes and kernel image of the version that runs."""
        version = self.running()
        found = [self.devices / f"root_{version}", self.devices / f"root_verity_{version}"]
        return [path for path in [*found, self.entries / f"chevet_{version}.efi"] if path.exists()]

    def write(self, version: str, folder: Path) -> None:
        """Write a release, proven, into the slot that does not run; its kernel image comes last."""
        self.written_from.unlink(missing_ok=True)
        self.written_from.symlink_to(folder)
        try:
            self.run((SYSUPDATE, "update", version))
        finally:
            self.written_from.unlink(missing_ok=True)

    def restart(self) -> None:
        """Into the new version."""
        self.run(("systemctl", "reboot"))
