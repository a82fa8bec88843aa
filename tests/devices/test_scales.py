"""Serial scales: only a steady weighing is one."""

from __future__ import annotations

import pytest

from drivers.core.driver import Driver
from drivers.core.model import Numeric, Validity
from drivers.devices import scale_and, scale_detecto, scale_health_o_meter, scale_seca
from tests.devices.captures import lines, outcome, packets

ALL = [scale_and.DRIVER, scale_detecto.DRIVER, scale_health_o_meter.DRIVER, scale_seca.DRIVER]


def said(driver: Driver, wire: bytes) -> list[str]:
    return lines(outcome(driver, packets(driver, [(wire, "")])))


@pytest.mark.parametrize(
    ("driver", "wire", "wanted"),
    [
        (scale_and.DRIVER, b"US,GS,+0068.20kg\r\n", ["notice unstable"]),
        (scale_and.DRIVER, b"OL,GS,+    .  kg\r\n", ["notice overload"]),
        (scale_detecto.DRIVER, b"SD 68.1kg,000.0,000.0\r\n", ["notice unstable"]),
        (scale_detecto.DRIVER, b"SI 000.0kg,000.0,000.0\r\n", ["notice overload"]),
        (scale_health_o_meter.DRIVER, b"\x1bR\x1bW999.99\x1bNm\x1bE", ["notice overload"]),
    ],
)
def test_a_moving_or_overloaded_scale_gives_no_weight(driver: Driver, wire: bytes, wanted: list[str]) -> None:
    assert said(driver, wire) == wanted


def test_the_patients_number_stays_in_the_driver() -> None:
    wire = b"\x1bR\x1bI1234567890\x1bW200.00\x1bNc\x1bE"
    assert said(scale_health_o_meter.DRIVER, wire) == ["body-weight 200.00 [lb_av] valid"]
    wrong = said(scale_health_o_meter.DRIVER, wire.replace(b"W200.00", b"W12345678"))
    assert wrong == ["error the field W holds no number: 8 characters"]


def test_a_reading_whose_start_was_lost_is_left_out() -> None:
    framer = scale_health_o_meter.DRIVER.framer()
    whole = b"\x1bR\x1bW71.85\x1bNm\x1bE"
    assert framer.feed(whole[3:] + whole) == [whole]
    assert framer.skipped == len(whole) - 3


def test_a_seca_scale_gives_no_number_that_nobody_can_scale() -> None:
    found = outcome(scale_seca.DRIVER, packets(scale_seca.DRIVER, [(b"\x02A0071850120070\r\n\x03", "")]))
    assert [(event.value, event.validity) for event in found if isinstance(event, Numeric)] == [
        (None, Validity.INVALID)
    ]


@pytest.mark.parametrize("driver", ALL, ids=lambda driver: driver.name)
def test_what_never_ends_is_not_held_back(driver: Driver) -> None:
    framer = driver.framer()
    for _ in range(100):
        framer.feed(b"\x02\x1bRST,GS,+0" * 10)
    assert framer.skipped >= 100 * 110 - 512
