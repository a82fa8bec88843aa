"""What a bench reports, and the child process that runs one bench.

A bench is a file `tests/bench/bench_NAME.py` with one function `figures() -> list[dict]`. It may set `LIMIT_S`, the
seconds after which it is stopped (default 600).
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `target` is for `ratio` where there is one, else for `value`; None where none is set."""

    area: str
    name: str
    value: float | None  # None: it could not be measured, `error` says why
    unit: str
    better: Literal["lower", "higher"]
    method: str
    n: int  # repeats behind the value
    peer: str | None = None  # what it was measured against, in the same run
    peer_value: float | None = None
    ratio: float | None = None  # value / peer_value, or as `method` says
    target: float | None = None
    error: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a target, False without a value to hold against it."""
        if self.target is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        if reached is None:
            return False
        return reached <= self.target if self.better == "lower" else reached >= self.target


def parse(row: Mapping[str, Any]) -> Figure:
    """A row as a bench gave it. Raises ValueError that names what is wrong with it."""
    known = {field.name for field in fields(Figure)}
    optional = {"peer", "peer_value", "ratio", "target", "error"}
    missing, unknown = known - optional - row.keys(), row.keys() - known
    if missing or unknown:
        raise ValueError(f"figure {row.get('name')!r}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    if row["better"] not in ("lower", "higher"):
        raise ValueError(f"figure {row['name']!r}: better is {row['better']!r}, wanted lower or higher")
    for key in ("value", "peer_value", "ratio", "target"):
        number = row.get(key)
        if number is not None and not math.isfinite(number):
            raise ValueError(f"figure {row['name']!r}: {key} is {number!r}, wanted a number or None")
    return Figure(**row)


def failure(bench: str, error: str) -> Figure:
    return Figure(area=bench, name="(failed)", value=None, unit="", better="lower", method="", n=0, error=error)


def as_rows(figures: list[Figure]) -> list[dict[str, Any]]:
    return [asdict(figure) for figure in figures]


def measure(bench: str, answer: Path) -> None:
    """Runs one bench in this process and writes its rows to `answer`."""
    module = importlib.import_module(f"tests.bench.bench_{bench}")
    answer.write_text(json.dumps(as_rows([parse(row) for row in module.figures()])), encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2]))
