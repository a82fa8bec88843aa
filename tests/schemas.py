"""The public protocol's JSON Schemas, for whoever sends or receives its messages in a test."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"


@cache
def schema(name: str) -> dict[str, Any]:
    """`link`, `viewer`, `live` or `control`."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(found)
    return found


def faults(name: str, message: object) -> list[str]:
    """What is wrong with a message, by the schema of its own type; empty when nothing is."""
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in schema(name)["$defs"]:
        return [f"{name} has no message of type {kind!r}"]
    validator = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema(name)["$defs"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(message)]


def check(name: str, message: object) -> None:
    """Assert that a message is one of the protocol's."""
    found = faults(name, message)
    assert not found, f"{name} message: {'; '.join(found)}"
