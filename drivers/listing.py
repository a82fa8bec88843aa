"""`chevet drivers`: which drivers there are, for people, scripts and the documentation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from drivers.arguments import Parser, UsageError
from drivers.core.driver import Claim, Driver, File, Gatt, Listener, Uart
from drivers.registry import DRIVERS

Rows = list[dict[str, Any]]


def run(args: Sequence[str], stdout: TextIO, stderr: TextIO | None = None) -> int:
    """`drivers [--json|--markdown]`, without the first word; the exit status."""
    parser = Parser(prog="chevet drivers", description="List the drivers.")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--markdown", action="store_true", help="the page docs/devices.md")
    try:
        asked = parser.parse_args(args)
    except UsageError as error:
        print(error, file=stderr or sys.stderr)
        return 2
    drivers = [DRIVERS[name] for name in sorted(DRIVERS)]
    lines = map(json.dumps, rows()) if asked.json else page(drivers) if asked.markdown else table(drivers)
    for line in lines:
        print(line, file=stdout)
    return 0


def rows() -> Rows:
    """The static facts of every driver, by name."""
    return [
        {
            "name": driver.name,
            "claim": _facts(driver.claim),
            "tier": driver.tier.value,
            "continuous": driver.continuous,
            "quiet_s": driver.quiet_s,
            "gives": [metric.name for metric in driver.gives],
            "evidence": driver.evidence,
        }
        for driver in (DRIVERS[name] for name in sorted(DRIVERS))
    ]


def table(drivers: Sequence[Driver]) -> Iterator[str]:
    """Columns for a terminal."""
    head = ("driver", "tier", "recognised by", "streams", "silent means lost")
    cells = [
        (
            driver.name,
            driver.tier.value,
            _recognised(driver.claim),
            "yes" if driver.continuous else "no",
            "-" if driver.quiet_s is None else f"{driver.quiet_s:g} s",
        )
        for driver in drivers
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for row in (head, *cells):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def page(drivers: Sequence[Driver]) -> Iterator[str]:
    """The table of devices for the documentation."""
    yield "# Devices\n"
    yield "Written by `chevet drivers --markdown`. Tiers: [add-a-device.md](add-a-device.md), step 5.\n"
    yield "| driver | gives | recognised by | tier | evidence |"
    yield "| --- | --- | --- | --- | --- |"
    for driver in drivers:
        gives = ", ".join(metric.name for metric in driver.gives) or "-"
        cells = (f"`{driver.name}`", gives, _recognised(driver.claim), driver.tier.value, driver.evidence)
        yield f"| {' | '.join(cells)} |"


def _facts(claim: Claim) -> dict[str, Any]:
    facts = {name: getattr(claim, name) for name in claim.__slots__}
    set_ones = {name: value for name, value in facts.items() if value is not None and value != ()}
    return {"kind": type(claim).__name__.lower(), **set_ones}


def _recognised(claim: Claim) -> str:
    match claim:
        case Gatt():
            name = "" if claim.name is None else f", named {claim.name}"
            return f"Bluetooth service {claim.service}{name}"
        case Uart():
            ids = ", ".join(f"{vendor:04x}:{product:04x}" for vendor, product in claim.usb) or "the port assigned to it"
            return f"serial {claim.baud} {claim.bits}{claim.parity}{claim.stop:g}, {ids}"
        case Listener():
            return f"its {claim.protocol} connection"
        case File():
            return f"files {', '.join(claim.endings)}"
