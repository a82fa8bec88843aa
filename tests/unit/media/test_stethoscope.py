"""The block on the wire, the level, the recorder."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from appliance.media.stethoscope import Block, Recorder, dbfs


def block(sequence: int, value: int = 1, stream: int = 7, clipped: bool = False) -> Block:
    samples = np.full(160, value, np.int16)
    return Block(samples, sequence, sequence * 160, 1_000_000_000 + sequence * 20_000_000, stream, clipped)


def test_block_on_the_wire_is_that_of_the_protocol() -> None:
    samples = np.array([1, -2, 32767, -32768], np.int16)
    sent = Block(samples, 5, 800, 0x0102030405060708, 0xAABBCCDD, clipped=True, reference=True).wire()
    assert sent.hex(" ") == (
        "01 03 40 1f 05 00 00 00 "  # version, flags, 8000 Hz, sequence
        "20 03 00 00 00 00 00 00 "  # first sample
        "08 07 06 05 04 03 02 01 "  # capture instant
        "dd cc bb aa 04 00 00 00 "  # stream, samples
        "23 d0 4b 5c 88 ae 1f b6 "  # first bytes of the hash
        "01 00 fe ff ff 7f 00 80"
    )


@pytest.mark.parametrize(("peak", "level"), [(32768, 0.0), (16384, -6.0), (3277, -20.0), (1, -90.3), (0, -96.3)])
def test_level_is_the_peak_in_dbfs(peak: int, level: float) -> None:
    assert dbfs(peak) == level


def test_peak_of_the_most_negative_sample_is_full_scale() -> None:
    assert Block(np.array([-32768, 5], np.int16), 0, 0, 0, 0).peak == 32768


def test_recorder_gives_the_last_seconds_and_forgets_older_ones() -> None:
    recorder = Recorder(seconds=1.0)
    for sequence in range(60):
        recorder.add(block(sequence, value=sequence))
    clip = recorder.last(0.05)
    assert clip is not None
    assert (clip.first, clip.capture_ns, clip.stream) == (57 * 160, 2_140_000_000, 7)
    assert list(clip.samples[::160]) == [57, 58, 59]
    everything = recorder.last(10.0)
    assert everything is not None
    assert len(everything.samples) == 8000


def test_recorder_gives_a_clip_by_its_samples() -> None:
    recorder = Recorder()
    for sequence in range(10):
        recorder.add(block(sequence, value=sequence, clipped=sequence == 4))
    clip = recorder.clip(stream=7, first=500, count=300)
    assert clip is not None
    assert (clip.first, list(clip.samples[::160]), clip.clipped) == (480, [3, 4], True)
    assert recorder.clip(stream=8, first=500, count=300) is None


def test_a_new_stream_forgets_the_old_one() -> None:
    recorder = Recorder()
    recorder.add(block(0, stream=1))
    recorder.add(block(0, stream=2))
    clip = recorder.last(10.0)
    assert clip is not None
    assert (clip.stream, len(clip.samples)) == (2, 160)


def test_empty_recorder_gives_nothing() -> None:
    assert Recorder().last(10.0) is None


def test_wav_holds_the_same_samples() -> None:
    recorder = Recorder()
    recorder.add(Block(np.arange(-80, 80, dtype=np.int16), 0, 0, 0, 0))
    clip = recorder.last(1.0)
    assert clip is not None
    with wave.open(io.BytesIO(clip.wav())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert np.frombuffer(file.readframes(160), "<i2").tolist() == list(range(-80, 80))
