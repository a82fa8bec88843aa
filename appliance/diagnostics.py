"""How the unit is: health, the service manager's watchdog, the self-test and the redacted support bundle.

Owner of systemd-python: readiness and watchdog by sd_notify(3), where the service manager started us.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import platform
import shutil
import tarfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from appliance import clock
from appliance.config import ConfigError, Settings
from appliance.records.store import Store

log = logging.getLogger(__name__)

LOG_BYTES, LOG_FILES = 1_000_000, 3
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report: `state` is ok, warn or fail; `detail` a sentence."""

    name: str
    state: str
    detail: str


def software() -> str:
    """The version that runs."""
    try:
        return metadata.version("chevet")
    except metadata.PackageNotFoundError:
        return "unpacked"


def disk(folder: Path, low_mb: int) -> Check:
    """Room for records."""
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    state = "ok" if free_mb > low_mb else "warn"
    return Check("disk", state, f"{free_mb} MB free for records")


def records(fault: str | None) -> Check:
    """Whether what is accepted can be saved."""
    return Check("records", "ok", "written and synced") if fault is None else Check("records", "fail", fault)


def wall_clock() -> Check:
    """Whether the wall clock can be right at all."""
    now = clock.now()
    if now.trusted:
        return Check("clock", "ok", f"{now.wall:%Y-%m-%d %H:%M:%S} UTC")
    return Check("clock", "warn", f"the clock says {now.wall:%Y-%m-%d}: it is not set; results are marked so")


def screens(ui: Path | None) -> Check:
    """Whether there is a UI to serve."""
    return Check("screens", "ok", str(ui)) if ui else Check("screens", "fail", "not built: run `make ui`")


class Health:
    """What GET /api/health says."""

    def __init__(self, settings: Settings, store: Store, ui: Path | None) -> None:
        self._settings, self._store, self._ui = settings, store, ui

    async def report(self) -> dict[str, Any]:
        """The report of docs/api.md."""
        waiting, refused, _ = await self._store.outbox()
        outbox = Check("outbox", "warn" if refused else "ok", f"{waiting} waiting, {refused} refused by the platform")
        room = disk(self._settings.state, self._settings.records.low_mb)
        checks = [records(self._store.fault), room, wall_clock(), screens(self._ui), outbox]
        worst = all(check.state == "ok" for check in checks)
        return {
            "status": "ok" if worst else "degraded",
            "ready": True,
            "unit": {"id": self._settings.unit.id, "name": self._settings.unit.name},
            "software": software(),
            "simulated": self._settings.simulated,
            "checks": [asdict(check) for check in checks],
        }


async def feed_watchdog(outbox: Callable[[], Awaitable[tuple[int, int, object]]]) -> None:
    """Tell the service manager that we are ready, then that we live: after each proof of work. Never returns.

    The proof is `Store.outbox`: records answer, and the loop turns. Its counts are shown by `systemctl status`.
    """
    notify, told = _notifier(), ""
    try:
        while True:
            waiting, refused, _ = await outbox()
            status = f"READY=1\nSTATUS={waiting} results wait for the platform, {refused} refused by it"
            if status != told:
                notify(status)
                told = status
            notify("WATCHDOG=1")
            await asyncio.sleep(TICK_S)
    finally:
        notify("STOPPING=1\nSTATUS=ending")


def _notifier() -> Callable[[str], object]:
    if "NOTIFY_SOCKET" not in os.environ:
        return lambda _: None
    try:
        from systemd import daemon  # noqa: PLC0415 - built against libsystemd; absent where its headers were
    except ImportError:
        log.warning("systemd-python is not installed: the service manager is not told that we are ready")
        return lambda _: None
    notify: Callable[[str], object] = daemon.notify
    return notify


def log_to(folder: Path, shown_from: int = logging.INFO) -> None:
    """Log to a file of bounded size, and from a level on to standard error. Nothing logged holds patient data."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = RotatingFileHandler(folder / "chevet.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1)
    except OSError as error:
        raise ConfigError(f"state: the folder {folder} cannot be used: {error.strerror}") from error
    shown = _shown()
    shown.setLevel(shown_from)
    for handler in (kept, shown):
        if handler.formatter is None:
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[kept, shown])
    for chatty in ("aioice", "aiortc", "httpx", "httpcore", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _shown() -> logging.Handler:
    """Standard error; where that is the journal, the journal itself, that keeps level, logger and place as fields."""
    error = os.fstat(2)
    if os.environ.get("JOURNAL_STREAM") == f"{error.st_dev}:{error.st_ino}":  # systemd.exec(5)
        with contextlib.suppress(ImportError):
            from systemd import journal  # noqa: PLC0415 - as above

            handler: logging.Handler = journal.JournalHandler(SYSLOG_IDENTIFIER="chevet")
            handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
            return handler
    return logging.StreamHandler()


def support_bundle(settings: Settings, drivers: Iterable[str], checks: Iterable[Check]) -> bytes:
    """A tar.gz for support: versions, settings without secrets, counts, logs. No record, no key, no token."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as bundle:
        _add(bundle, "about.json", json.dumps(_about(settings, drivers, checks), indent=1, default=str).encode())
        for kept in sorted((settings.state / "log").glob("chevet.log*")):
            _add(bundle, f"log/{kept.name}", kept.read_bytes()[-LOG_BYTES:])
    return out.getvalue()


def _about(settings: Settings, drivers: Iterable[str], checks: Iterable[Check]) -> dict[str, Any]:
    redacted = settings.model_dump(mode="json", exclude={"platform": {"token_file"}}, by_alias=True)
    return {
        "made": clock.wall().isoformat(),
        "software": software(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {dist.name: dist.version for dist in metadata.distributions()},
        "settings": redacted,
        "drivers": sorted(drivers),
        "checks": [asdict(check) for check in checks],
    }


def _add(bundle: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), int(clock.wall().timestamp())
    bundle.addfile(info, io.BytesIO(data))
