"""FHIR's JSON as text. Numbers are Decimal both ways: 36.60 stays 36.60 (FHIR R4, json.html#decimal)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

Resource = dict[str, Any]


class NotJson(ValueError):  # noqa: N818 - named by what the text is
    """The text is no JSON, or JSON that FHIR does not know (NaN, infinity)."""


def dumps(value: object) -> str:
    """JSON of dict, list, tuple, str, bool, int, Decimal and None; `TypeError` for a float, which has no exact text."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(str(key))}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    if value is None or isinstance(value, int):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} has no place in a FHIR resource")


def loads(text: bytes | str) -> Any:
    """The parsed JSON, decimals as `Decimal`; `NotJson` for anything else, however deep or odd."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise NotJson(f"not JSON: {type(error).__name__}") from error


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError(f"{value} is no FHIR decimal")
    return format(value, "f")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
