"""From a card's periods to numbered blocks: the same samples to everybody, flat to 2 kHz, at the right instants."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from appliance.media.heart import Heart, heart_sound
from appliance.media.playback import wav
from appliance.media.resample import Resampler
from appliance.media.sound import Blocks, SoundSource
from appliance.media.stethoscope import Block
from drivers.core.errors import LinkError, LinkLost
from drivers.links.audio import Period
from tests.unit.media.helpers import Hand, become, gain_db, period, tone, until

REFERENCE = Path(os.environ.get("CHEVET_REFERENCE_DATA", Path(__file__).parents[4] / "shared/data")) / "audio"


def cut(samples: np.ndarray[tuple[int], np.dtype[np.int16]], rate_hz: int, length: int) -> list[Block]:
    blocks = Blocks(stream=1, reference=False)
    out = []
    for at in range(0, len(samples), length):
        out += blocks.cut(period(samples[at : at + length], rate_hz, at * 1_000_000_000 // rate_hz))
    return out


@pytest.mark.parametrize("length", [1, 37, 160, 441, 5000])
def test_how_the_card_cuts_its_periods_is_invisible_at_8_khz(length: int) -> None:
    samples = tone(100, 8000, 0.5)
    blocks = cut(samples, 8000, length)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), samples)
    assert [block.sequence for block in blocks] == list(range(25))
    assert [block.first for block in blocks] == [160 * number for number in range(25)]


@pytest.mark.parametrize("length", [160, 441, 1024])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_each_block_carries_the_instant_of_its_first_sample(rate_hz: int, length: int) -> None:
    blocks = cut(tone(100, rate_hz, 0.5), rate_hz, length)
    for number, block in enumerate(blocks):
        assert abs(block.capture_ns - number * 20_000_000) < 1000


@pytest.mark.parametrize("frequency_hz", [20, 60, 500, 1000, 2000])
@pytest.mark.parametrize("rate_hz", [11025, 16000, 44100, 48000])
def test_resampling_is_flat_within_a_tenth_of_a_decibel_to_2_khz(rate_hz: int, frequency_hz: int) -> None:
    heard = np.concatenate([block.samples for block in cut(tone(frequency_hz, rate_hz, 1.0), rate_hz, rate_hz // 100)])
    assert abs(gain_db(heard[2000:6000].astype(np.float64), frequency_hz, 8000)) < 0.1


@pytest.mark.parametrize(("frequency_hz", "most_db"), [(4500, -55), (6000, -80), (9000, -80)])
def test_what_8_khz_cannot_carry_is_removed_and_not_folded(frequency_hz: int, most_db: float) -> None:
    heard = Resampler(48000)(tone(frequency_hz, 48000, 1.0)).astype(np.float64)[1000:-1000]
    assert 20 * np.log10(max(np.abs(heard).max(), 0.5) / 16000) < most_db


async def test_consumers_and_recorder_get_the_same_samples() -> None:
    hand = Hand[Period]()
    got: list[Block] = []
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    source.attach(got.append)
    samples = heart_sound(Heart())[:8000]
    for at in range(0, 8000, 160):
        hand.items.put(period(samples[at : at + 160]))
    source.start()
    await become(lambda: len(got) == 50)
    clip = source.recorder.last(10.0)
    assert clip is not None
    assert np.array_equal(np.concatenate([block.samples for block in got]), samples)
    assert np.array_equal(clip.samples, samples)
    await source.aclose()


async def test_each_opening_is_another_stream_from_zero() -> None:
    hand = Hand[Period]()
    got: list[Block] = []
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    source.attach(got.append)
    for item in (period(tone(50, 8000, 0.04)), LinkLost("pulled"), period(tone(50, 8000, 0.02))):
        hand.items.put(item)
    source.start()
    await become(lambda: len(got) == 3)
    assert [block.sequence for block in got] == [0, 1, 0]
    assert got[2].stream == (got[0].stream + 1) % 2**32
    await source.aclose()


async def test_message_tells_level_and_clipping() -> None:
    hand = Hand[Period]()
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    assert source.message()["state"] == "absent"
    hand.items.put(period(tone(1000, 8000, 0.02, peak=16384)))
    source.start()
    await become(lambda: source.message()["level"] == -6.0)
    assert source.message()["clipped"] is False
    hand.items.put(period(np.full(160, 32767, np.int16)))
    await become(lambda: bool(source.message()["clipped"]))
    await source.aclose()


def test_a_reference_sound_says_so_in_every_block() -> None:
    blocks = Blocks(stream=1, reference=True).cut(period(tone(50, 8000, 0.04)))
    assert [block.wire()[1] for block in blocks] == [2, 2]


def test_the_heart_is_the_same_every_time() -> None:
    sound = heart_sound(Heart(third=True, fourth=True, murmur=0.4))
    assert (sound.dtype.name, len(sound), int(np.abs(sound).max())) == ("int16", 40000, 11468)
    assert np.array_equal(sound, heart_sound(Heart(third=True, fourth=True, murmur=0.4)))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference recordings here (CHEVET_REFERENCE_DATA)")
@pytest.mark.parametrize(
    ("name", "rate_hz", "first"),
    [("hlscmds_M_AF_LC.wav", 4000, 40), ("cinc2016_c0003_normal.wav", 2000, 20)],
)
def test_recordings_are_played_at_their_rate(name: str, rate_hz: int, first: int) -> None:
    played = wav(REFERENCE / name).read()
    assert (played.rate_hz, len(played.samples)) == (rate_hz, first)


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "not.wav"
    path.write_bytes(b"RIFFnothing")
    with pytest.raises(LinkError, match="no WAVE file"):
        wav(path)


def test_a_sound_that_proves_the_way_is_a_stream_of_its_own_and_the_devices_goes_on_after_it() -> None:
    hand: Hand[Period] = Hand()
    source = SoundSource("s", "S", hand.open)
    got: list[Block] = []

    def take(block: Block) -> None:
        got.append(block)
        if len(got) == 3:
            source.prove(np.arange(1, 201, dtype=np.int16))

    source.attach(take)
    for number in range(7):
        hand.items.put(period(np.full(160, 5, np.int16), capture_ns=number * 20_000_000))
    source.start()
    until(lambda: len(got) == 7)
    assert [block.proof for block in got] == [False, False, False, True, True, False, False]
    assert [block.sequence for block in got] == [0, 1, 2, 0, 1, 0, 1]
    assert len({block.stream for block in got}) == 3
    assert got[3].samples.tolist() == list(range(1, 161))
    assert got[4].samples.tolist() == [*range(161, 201), *[0] * 120]
    assert got[5].samples.tolist() == [5] * 160
    assert (got[3].wire()[1], got[5].wire()[1]) == (4, 0)
    source.stop()
