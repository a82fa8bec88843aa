"""A unit's image as a machine: QEMU with Secure Boot and a TPM of its own, without KVM. What it says of itself."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build" / "image"
DISK_BYTES = 5 << 30


def why_not() -> str | None:
    """Why there is no image here; None where there is one."""
    if not (BUILD / "tools" / "usr" / "bin" / "mkosi").exists():
        return "no tools to boot an image with: run `make image-test`"
    if not disk("0.1").exists():
        return "no image was built: run `make image-test`"
    return None


def disk(version: str) -> Path:
    """The disk of a version as it was built."""
    return BUILD / "out" / f"chevet_{version}.raw"


def parts(version: str) -> list[Path]:
    """What an update to it moves: kernel image, root, hashes."""
    return sorted([*(BUILD / "out").glob(f"chevet_{version}_*"), BUILD / "out" / f"chevet_{version}.efi"])


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: its disk, its TPM and its firmware's memory stay between boots."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return BUILD / self.name

    def make(self, version: str) -> None:
        """A new machine with this version on its disk, as a technician writes it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        subprocess.run(
            ["cp", "--sparse=always", str(disk(version)), str(self.folder / "disk.raw")], check=True, timeout=120
        )
        with (self.folder / "disk.raw").open("r+b") as file:
            file.truncate(DISK_BYTES)

    def run(self, limit_s: int, second: Path | None = None) -> list[dict[str, str]]:
        """Power on until it powers itself off; the facts of each boot that got so far as to tell any."""
        (self.folder / "serial.log").unlink(missing_ok=True)
        words = ["tools/image/boot.sh", self.name, str(limit_s)]
        words += [] if second is None else [str(second.relative_to(ROOT))]
        subprocess.run(words, cwd=ROOT, check=True, timeout=limit_s + 60, capture_output=True)
        return boots((self.folder / "serial.log").read_text("utf-8", "replace"))


def boots(serial: str) -> list[dict[str, str]]:
    """The facts on a serial port, a table for each boot."""
    found: list[dict[str, str]] = []
    for line in serial.splitlines():
        name, equals, value = line.partition("FACT ")[2].partition("=")
        if not equals:
            continue
        if name == "version":
            found.append({})
        if found:
            found[-1][name] = value.strip()
    return found


def media(folder: Path, versions: dict[str, str], script: str) -> Path:
    """A read-only second disk: releases in folders of their names, and what the machine does next."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in versions:
        (folder / name).mkdir()
        for part in parts(name):
            shutil.copy(part, folder / name / part.name)
    (folder / "next").write_text(script)
    (folder / "next").chmod(0o755)
    made = folder.with_suffix(".raw")
    made.unlink(missing_ok=True)
    size_mb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) // (1 << 20) * 11 // 10 + 64
    with made.open("wb") as file:
        file.truncate(size_mb << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(made)], check=True, timeout=300)
    shutil.rmtree(folder)
    return made
