"""What is wrong with a sound, from its samples: on public recordings of hearts and lungs, and on faults made here."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.media.heart import Heart, heart_sound
from appliance.media.listening import clipped, dead, heard, hum_share, offset_dbfs

REFERENCE = Path(os.environ.get("CHEVET_REFERENCE_DATA", Path(__file__).parents[4] / "shared/data")) / "audio"
RATE_HZ = 8000
Samples = NDArray[np.int16]


def recording(name: str) -> tuple[Samples, int]:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"no reference recordings at {REFERENCE}")
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16), file.getframerate()


def sine(hz: float, amplitude: float, rate_hz: int = RATE_HZ) -> Samples:
    return np.asarray(np.rint(amplitude * np.sin(2 * np.pi * hz * np.arange(2 * rate_hz) / rate_hz)), np.int16)


def noise(amplitude: float) -> Samples:
    return np.asarray(np.random.default_rng(1816).standard_normal(2 * RATE_HZ) * amplitude, np.int16)


def heart() -> Samples:
    sound = heart_sound(Heart())
    return np.resize(sound, 2 * RATE_HZ).astype(np.int16)


def test_a_heart_that_was_recorded_at_full_scale_is_clipped_in_205_samples() -> None:
    samples, rate_hz = recording("cinc2016_c0003_normal.wav")
    assert clipped(samples) == (205, 2)
    assert heard(samples[: 2 * rate_hz], rate_hz).codes == ("clipping",)


@pytest.mark.parametrize(
    ("name", "level_dbfs"),
    [("cinc2016_c0002_MR.wav", -36.4), ("hlscmds_M_AF_LC.wav", -44.3), ("hlscmds_M_W_RLA.wav", -44.1)],
)
def test_good_recordings_of_hearts_and_lungs_are_good(name: str, level_dbfs: float) -> None:
    samples, rate_hz = recording(name)
    first = heard(samples[: 2 * rate_hz], rate_hz)
    assert first.level_dbfs == pytest.approx(level_dbfs, abs=0.1)
    assert (first.contact.value, first.codes) == ("good", ())
    assert clipped(samples) == (0, 0)


def test_one_sample_at_full_scale_is_a_peak_and_two_in_a_row_are_not() -> None:
    samples = np.array([0, 32767, 0, -32768, 0], np.int16)
    assert clipped(samples) == (2, 1)
    assert clipped(np.array([0, -32767, -32768, -32768, 0], np.int16)) == (3, 3)
    assert clipped(np.array([32766, -32766], np.int16)) == (0, 0)
    assert clipped(np.array([], np.int16)) == (0, 0)


def test_the_same_number_all_the_time_is_a_dead_input() -> None:
    assert dead(np.full(100, 7, np.int16))
    assert not dead(np.array([0, 0, 1], np.int16))
    assert heard(np.zeros(2 * RATE_HZ, np.int16), RATE_HZ).codes == ("dead",)


def test_a_steady_voltage_is_an_offset() -> None:
    quarter = np.asarray(sine(215, 1000) + 8192, np.int16)
    assert offset_dbfs(quarter) == pytest.approx(-12.0, abs=0.1)
    assert heard(quarter, RATE_HZ).codes == ("offset",)


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_the_mains_alone_hum_and_nobody_is_under_the_chest_piece(mains_hz: int) -> None:
    both = np.asarray(sine(mains_hz, 1000) + sine(3 * mains_hz, 500), np.int16)
    assert hum_share(both, RATE_HZ) == pytest.approx(1.0, abs=0.01)
    assert (heard(both, RATE_HZ).codes, heard(both, RATE_HZ).contact) == (("hum",), "none")


def test_a_heart_with_hum_under_it_is_both() -> None:
    found = heard(np.asarray(heart() + sine(50, 2000), np.int16), RATE_HZ)
    assert (found.codes, found.contact) == (("hum",), "good")
    assert (heard(heart(), RATE_HZ).codes, heard(heart(), RATE_HZ).contact) == ((), "good")


def test_the_level_of_a_full_scale_sine_is_3_db_below_it() -> None:
    assert heard(sine(200, 32000), RATE_HZ).level_dbfs == pytest.approx(-3.2, abs=0.05)
    assert heard(sine(5, 32000), RATE_HZ).level_dbfs < -90  # what is below 20 Hz is handling, not sound


def test_a_rooms_noise_is_poor_contact_and_silence_is_none() -> None:
    assert heard(noise(300), RATE_HZ).contact == "poor"
    assert heard(noise(2), RATE_HZ).contact == "none"
