"""docs/add-a-device.md is true: its example is run as it stands there."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from drivers import listing
from drivers.core.capture import parse
from drivers.core.driver import Driver
from tests.devices.captures import lines, outcome, packets, recorded

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "add-a-device.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_example_reads_its_recording() -> None:
    code, space = block("python"), dict[str, Any]()
    exec(compile(code, "thermo_100.py", "exec"), space)
    driver: Driver = space["DRIVER"]
    capture = parse(block("capture"))
    assert len(code.splitlines()) <= 120
    assert driver.name == capture.driver
    assert lines(outcome(driver, packets(driver, recorded(capture)))) == list(capture.expected)
    assert len(capture.expected) == 4


def test_what_it_names_is_there() -> None:
    for word in re.findall(r"`drivers/[a-z_/]+\.py`", PAGE):
        if "thermo_100" not in word:
            assert (Path(__file__).parents[2] / word.strip("`")).is_file(), word


def test_the_table_of_devices_is_that_of_the_registry() -> None:
    page = io.StringIO()
    assert listing.run(["--markdown"], page) == 0
    told = "run: chevet drivers --markdown > docs/devices.md"
    assert (DOCS / "devices.md").read_text(encoding="utf-8") == page.getvalue(), told
