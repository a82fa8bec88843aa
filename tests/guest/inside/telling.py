"""How a module in the guest tells the test what happens to it: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from drivers.core.model import Event, Identity, Notice, Numeric


def tell(what: str, **facts: Any) -> None:
    """`expect(what)` on the other side gives the facts."""
    print(json.dumps({"told": what, **facts}, default=str), flush=True)


def tell_event(event: Event) -> None:
    """What a decoder yielded."""
    match event:
        case Numeric(metric, value, unit, validity):
            tell("numeric", metric=metric.name, value=str(value), unit=unit, validity=validity.value)
        case Notice(code):
            tell("notice", code=code)
        case Identity():
            tell("identity", **asdict(event))
        case _:
            tell(type(event).__name__)
