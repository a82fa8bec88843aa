"""A scale's user consents, and nothing else is said to the scale."""

from __future__ import annotations

import pytest

from drivers.core.errors import ForbiddenWords
from drivers.devices.ble_heart_rate import DRIVER as HEART_RATE
from drivers.devices.ble_weight import DRIVER


def test_a_user_consents_with_index_and_code() -> None:
    assert DRIVER.configured({"consent": "1:4711"}).hello == (bytes.fromhex("02016712"),)
    assert DRIVER.configured({}).hello == ()


@pytest.mark.parametrize("wrong", ["", "1", "255:1", "1:12345", "1:-1", "a:b", "1:1 "])
def test_a_consent_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="wanted consent as INDEX:CODE"):
        DRIVER.configured({"consent": wrong})


def test_settings_that_nobody_reads_are_refused() -> None:
    with pytest.raises(ValueError, match="ble-heart-rate takes no settings"):
        HEART_RATE.configured({"consent": "1:1"})
    with pytest.raises(ValueError, match="wanted consent"):
        DRIVER.configured({"consent": "1:1", "user": "2"})


@pytest.mark.parametrize("words", ["016712", "0301", "05", "04"])  # make a user, delete data, delete users, list them
def test_users_are_never_written(words: str) -> None:
    with pytest.raises(ForbiddenWords):
        DRIVER.allowed(bytes.fromhex(words))
