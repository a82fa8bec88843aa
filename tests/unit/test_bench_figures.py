"""What a bench may report, and when its target is met."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.__main__ import table
from tests.bench.figures import failure, parse

ROW = {"area": "service", "name": "start", "value": 3.5, "unit": "s", "better": "lower", "method": "median", "n": 5}


@pytest.mark.parametrize(
    ("more", "met"),
    [
        ({}, None),
        ({"target": 4.0}, True),
        ({"target": 3.0}, False),
        ({"target": 3.0, "better": "higher"}, True),
        ({"target": 2.0, "peer": "p", "peer_value": 2.0, "ratio": 1.75}, True),
        ({"target": 1.5, "peer": "p", "peer_value": 2.0, "ratio": 1.75}, False),
        ({"target": 3.0, "value": None}, False),
    ],
)
def test_target_is_for_the_ratio_where_there_is_one(more: dict[str, Any], met: bool | None) -> None:
    assert parse(ROW | more).met is met


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (ROW | {"goal": 3}, "figure 'start': missing [], unknown ['goal']"),
        ({key: value for key, value in ROW.items() if key != "n"}, "figure 'start': missing ['n'], unknown []"),
        (ROW | {"better": "faster"}, "figure 'start': better is 'faster', wanted lower or higher"),
        (ROW | {"ratio": float("nan")}, "figure 'start': ratio is nan, wanted a number or None"),
    ],
)
def test_a_row_that_is_wrong_is_refused_by_name(row: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(row)
    assert str(refused.value) == sentence


def test_table() -> None:
    rows = [parse(ROW | {"target": 3.0}), failure("media", "exit 1: boom")]
    assert table(rows).splitlines() == [
        "area     name      value  unit  peer  peer value  ratio  target  met?  n",
        "-------  --------  -----  ----  ----  ----------  -----  ------  ----  -",
        "service  start     3.5    s                              <= 3    NO    5",
        "media    (failed)                                                      0",
    ]
