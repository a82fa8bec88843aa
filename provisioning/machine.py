"""The machine on which the unit is installed: what it must have, and what its own programs do for us."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from provisioning.tree import InstallError

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
NEEDED = ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "udevadm")
UNITS = ("chevet-kiosk.service", "chevet.service", "chevet-firewall.service")
# What the unit's sandbox hides from it.
HIDDEN = tuple(f"/{folder}/" for folder in ("home", "root", "run/user", "tmp", "var/tmp"))
LIMIT_S = 120.0

AFTER_INSTALL = (
    ("systemd-sysusers", "chevet.conf"),
    ("systemd-tmpfiles", "--create", "chevet.conf"),
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=tty", "--subsystem-match=video4linux"),
    ("systemctl", "daemon-reload"),
)
AFTER_UNINSTALL = (("systemctl", "daemon-reload"), ("udevadm", "control", "--reload"))


def check_program(program: str) -> None:
    """`InstallError` where the service could not be started from there."""
    if not program.startswith("/"):
        raise InstallError(f"the program {program} is named by a relative path; an absolute one is wanted")
    if program.startswith(HIDDEN):
        raise InstallError(
            f"the program is {program}, which the service may not see; install Chevet into a folder for all, as"
            " /opt/chevet (python3 -m venv /opt/chevet), and run `install` from there"
        )


def check_live() -> None:
    """`InstallError` where this running machine cannot be installed on."""
    check_systemd()
    if find_spec("systemd") is None:
        raise InstallError(
            "systemd-python is missing: systemd would never hear that the service is ready. Install chevet[systemd]"
            " (it needs gcc, pkg-config and libsystemd-dev), or python3-systemd in a venv with system packages"
        )


def check_rights() -> None:
    """`InstallError` where this running machine cannot be changed."""
    if os.geteuid() != 0:
        raise InstallError(f"root's rights are needed, this is user {os.geteuid()}; try sudo, or --dry-run to look")


def check_systemd() -> None:
    """`InstallError` where systemd does not run this machine."""
    if not BOOTED.is_dir():
        raise InstallError(f"systemd does not run this machine: {BOOTED} is missing; --root DIR is for images")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise InstallError(f"missing here: {', '.join(missing)}; the Debian packages are systemd and udev")


def wanting() -> Iterator[str]:
    """What the screens and the filter need and this machine has not: a sentence each."""
    if shutil.which("chromium") is None:
        yield "chromium: the screens do not start without it"
    if shutil.which("labwc") is None and shutil.which("cage") is None:
        yield "labwc (Debian 13) or cage (Debian 12): the screens do not start without one of them"
    if shutil.which("nft") is None:
        yield "nftables: needed by `--firewall` only"


def users() -> frozenset[str]:
    """The names in /etc/passwd."""
    return frozenset(line.partition(":")[0] for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines())


def execute(commands: Iterable[tuple[str, ...]], dry: bool, say: Callable[[str], None]) -> None:
    """Tell each command, and run it unless `dry`. `InstallError` with its words where one fails."""
    for command in commands:
        say(f"runs      {' '.join(command)}")
        if not dry:
            _run(command)


def _run(command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{' '.join(command)}: {error}") from None
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed with {done.returncode}: {done.stderr.strip()[:500]}")
