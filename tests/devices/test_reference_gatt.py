"""Published GATT vectors that stay outside the project: read where the reference data is, told where it is not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from drivers import decode
from drivers.core.codec import Reader
from tests.devices.reference import reference

CASES = [
    ("temperature_2A1C", "ble-thermometer", "2a1c", {"value": "body-temperature"}),
    (
        "blood_pressure_2A35",
        "ble-blood-pressure",
        "2a35",
        {"systolic": "blood-pressure-systolic", "diastolic": "blood-pressure-diastolic", "pulse": "pulse-rate-nibp"},
    ),
    ("heart_rate_2A37", "ble-heart-rate", "2a37", {"hr": "heart-rate"}),
    ("plx_2A5E_2A5F", "ble-pulse-oximeter", "2a5e", {"spo2": "oxygen-saturation", "pulse": "pulse-rate"}),
]


@pytest.mark.parametrize(("stem", "driver", "channel", "metrics"), CASES, ids=lambda part: str(part)[:20])
def test_published_values(stem: str, driver: str, channel: str, metrics: dict[str, str]) -> None:
    for vector in vectors(stem):
        name = f"{driver}-beurer-bm85" if "bm85" in vector["id"] else driver
        out = io.StringIO()
        decode.run([name, "-"], io.BytesIO(f"{channel} {vector['hex']}".encode()), out)
        said = [json.loads(line) for line in out.getvalue().splitlines()]
        found = {event["metric"]: event["value"] for event in said if event["kind"] == "numeric"}
        for field, metric in metrics.items():
            wanted, got = vector["expected"].get(field), found.get(metric)
            assert (None if got is None else float(got)) == wanted, (vector["id"], field)


def test_published_primitives() -> None:
    readings = {"sfloat": Reader.sfloat, "float": Reader.float32}
    for vector in vectors("float_primitives"):
        for kind, read in readings.items():
            if kind in vector["expected"]:
                value = read(Reader(bytes.fromhex(vector["hex"])))
                assert value is not None
                assert float(value) == vector["expected"][kind]


def vectors(stem: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(reference(f"ble_gatt/{stem}.json"))["vectors"]
    assert found
    return found
