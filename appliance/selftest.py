"""`chevet check`: what a technician wants to know before a patient comes. Changes nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from appliance import config, diagnostics
from appliance.config import ConfigError, Settings
from appliance.diagnostics import Check
from appliance.media.opening import missing_encoders
from appliance.platform.client import Platform, PlatformAddress
from appliance.records.inspect import inspect
from appliance.screens import built_ui
from drivers.registry import DRIVERS

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def run(path: Path, out: TextIO) -> int:
    """Print one line a check; 1 if any failed."""
    results = list(checks(path))
    for check in results:
        print(f"{MARKS[check.state]}  {check.name:<10} {check.detail}", file=out)
    return 1 if any(check.state == "fail" for check in results) else 0


def checks(path: Path) -> Iterator[Check]:
    """Every check, in the order in which one would mend things."""
    try:
        settings = config.load(path)
    except ConfigError as error:
        yield Check("settings", "fail", str(error))
        return
    yield Check("settings", "ok", str(path))
    yield diagnostics.wall_clock()
    yield from _state(settings)
    yield diagnostics.screens(built_ui())
    yield _port(settings)
    yield from _devices(settings)
    yield _media()
    yield asyncio.run(_platform(settings))


def _state(settings: Settings) -> Iterator[Check]:
    folder = settings.state if settings.state.exists() else settings.state.parent
    writable = os.access(folder, os.W_OK)
    yield Check("state", "ok" if writable else "fail", f"{settings.state}{'' if writable else ': not writable'}")
    if folder.exists():
        yield diagnostics.disk(folder, settings.records.low_mb)
    found = inspect(settings.state)
    if found is None:
        yield Check("records", "ok", "none yet")
    elif found.fault is None:
        yield Check("records", "ok", ", ".join(f"{count} {name}" for name, count in found.rows.items()))
    else:
        yield Check("records", "fail", f"damaged ({found.fault}): they are set aside at the next start, not deleted")


def _port(settings: Settings) -> Check:
    host, port = settings.server.host, settings.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.settimeout(1)
        used = sock.connect_ex((host, port)) == 0
    detail = f"{host}:{port} {'is in use: is the service running?' if used else 'is free'}"
    return Check("port", "warn" if used else "ok", detail)


def _devices(settings: Settings) -> Iterator[Check]:
    for device in settings.devices:
        kind, _, where = device.link.partition(":")
        if device.driver not in DRIVERS:
            yield Check("device", "fail", f"{device.key}: no driver {device.driver!r}")
        elif kind == "serial" and not Path(where).exists():
            yield Check("device", "warn", f"{device.key}: {where} is not there: is it plugged in?")
        else:
            yield Check("device", "ok", f"{device.key}: {device.driver} over {device.link}")


def _media() -> Check:
    missing = missing_encoders()
    return Check("media", "fail" if missing else "ok", f"missing: {', '.join(missing)}" if missing else "encoders work")


async def _platform(settings: Settings) -> Check:
    try:
        platform = Platform(settings.platform.url, None)
    except PlatformAddress as error:
        return Check("platform", "fail", str(error))
    try:
        up = await platform.is_up()
    finally:
        await platform.close()
    detail = settings.platform.url if up else f"{settings.platform.url} does not answer; results wait in the outbox"
    return Check("platform", "ok" if up else "warn", detail)
