"""FHIR's JSON: digits survive, nonsense does not."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.platform.fhir.parts import instant, quantity
from appliance.platform.fhir.text import NotJson, dumps, loads


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("36.60"), "36.60"),
        (Decimal(120), "120"),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("0.0000001"), "0.0000001"),
        ({"a": [True, None, 1, 'é\n"']}, '{"a":[true,null,1,"é\\n\\""]}'),
    ],
)
def test_text_of_a_value(value: object, text: str) -> None:
    assert dumps(value) == text
    assert loads(text) == value


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), Decimal("Infinity"), b"x", {1, 2}])
def test_what_has_no_exact_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"1" * 5000, b"1e99999999999999999999"]
)
def test_what_is_no_json_of_fhir_is_said_so(text: bytes) -> None:
    with pytest.raises(NotJson):
        loads(text)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_what_is_written_is_read_back_by_us_and_by_others(value: object) -> None:
    assert loads(dumps(value)) == value
    json.loads(dumps(value))


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_quantity(number: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(Decimal(number), "%")


def test_a_time_without_a_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="zone"):
        instant(datetime.fromisoformat("2026-06-01T12:00:00"))
