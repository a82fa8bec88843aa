"""docs/conformity.md claims nothing by a file or a test that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformity.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:appliance|drivers|kiosk_ui|provisioning|tests|docs)/[^`\s]+)`", PAGE)))
WANTED = ("ETH.01", "ETH.08", "ETH.09.1", "ETH.26", "IEU.1", "IEU.2", "IEU.5", "IEU.7", "IEPS.05", "IEPS.06", "IEPS.08")


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert (ROOT / path).is_file(), f"there is no {path}"
    if test:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {re.escape(test)}\(", text, re.MULTILINE), f"{path} has no {test}"


def test_every_requirement_has_a_row_with_a_file_and_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    rows = [row for row in rows if not row.startswith(("| requirement", "| rule"))]
    assert len(rows) == 26
    for row in rows:
        _, _, where, test = (cell.strip() for cell in row.strip("|").split("|"))
        assert "`" in where and "::" in test, row
    for code in (*WANTED, "HAS 2024", "RNIV", "CI-SIS measures", "Téléexpertise"):
        assert any(code in row.split("|")[1] for row in rows), f"{code} has no row"
