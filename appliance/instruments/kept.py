"""The devices that a technician added: `devices.json` in the state folder (docs/operate.md), whole or as before."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.config import ConfigError, Device
from appliance.instruments.opening import check, driver_of
from appliance.instruments.roster import check_owners
from appliance.records.keys import write_durably
from drivers.core.driver import Driver

log = logging.getLogger(__name__)

NAME = "devices.json"
VERSION = 1
SIZE_CAP = 256 * 1024  # a thousand devices


def load(folder: Path, configured: Sequence[Device], drivers: Mapping[str, Driver]) -> list[Device]:
    """What was kept. A file that cannot be read is set aside; a device that has no place any more is left out."""
    path = folder / NAME
    try:
        found = _read(path)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.error("%s cannot be read, and is set aside: %s", path, error)  # noqa: TRY400 - the sentence is enough
        path.rename(path.with_name(f"{NAME}.damaged"))
        return []
    kept: list[Device] = []
    for device in found:
        try:
            _fits(device, [*configured, *kept], drivers)
        except ConfigError as error:  # a technician's device never keeps the unit from starting
            log.error("%s: a device is left out: %s", path, error)  # noqa: TRY400 - the sentence is enough
        else:
            kept.append(device)
    return kept


def save(folder: Path, devices: Sequence[Device]) -> None:
    """Keep them, on the disk when this returns; `OSError` if it will not take them."""
    rows = [device.model_dump(mode="json") for device in devices]
    text = json.dumps({"version": VERSION, "devices": rows}, indent=1, ensure_ascii=False)
    write_durably(folder / NAME, text.encode())


def _fits(device: Device, others: Sequence[Device], drivers: Mapping[str, Driver]) -> None:
    if any(device.key == other.key or device.link == other.link for other in others):
        raise ConfigError(f"{device.key}: another device has its key or its link")
    check(device, driver_of(device, drivers))
    check_owners([*others, device], drivers)


def _read(path: Path) -> list[Device]:
    if path.stat().st_size > SIZE_CAP:
        raise ValueError(f"it has {path.stat().st_size} bytes, at most {SIZE_CAP} are read")
    whole = json.loads(path.read_text(encoding="utf-8"))
    if whole["version"] != VERSION:
        raise ValueError(f"it is of version {whole['version']}, {VERSION} is read here")
    return [Device.model_validate(row, strict=False) for row in whole["devices"]]
