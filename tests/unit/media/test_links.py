"""Cameras and sound cards as PyAV gives them: what is read, and how they go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet

from appliance.media.otoscope import pictures
from drivers.core.errors import LinkError, LinkLost
from drivers.links import alsa
from drivers.links.alsa import Overrun
from drivers.links.audio import Card, CardSettings
from drivers.links.camera import BusFull, Camera, CameraSettings, capture_instant
from drivers.links.formats import Coding


class Going:
    """A container that gives some packets and then fails as an unplugged device does."""

    def __init__(self, packets: list[bytes], error: Exception | None, name: str = "mjpeg") -> None:
        context = type("Context", (), {"name": name, "pix_fmt": "yuyv422", "width": 64, "height": 48})
        stream = type("Stream", (), {"codec_context": context})
        self.streams = type("Streams", (), {"video": [stream], "audio": [stream]})
        self._packets, self._error = packets, error
        self.closed = False

    def demux(self, stream: Any) -> Iterator[Packet[Any]]:
        del stream
        yield from (Packet(data) for data in self._packets)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


UNPLUGGED = pytest.mark.parametrize(
    "error",
    [OSError(19, "No such device"), OSError(5, "Input/output error"), av.error.ArgumentError(22, "returned 22"), None],
)


@UNPLUGGED
def test_an_unplugged_camera_is_a_lost_link_however_it_says_it(error: Exception | None) -> None:
    camera = Camera(CameraSettings("/dev/v4l/by-id/otoscope"), lambda *a, **k: Going([b"\xff\xd8one"], error))
    frame = camera.read()
    assert (frame.data, frame.coding, frame.width, frame.height) == (b"\xff\xd8one", Coding.JPEG, 64, 48)
    with pytest.raises(LinkLost, match="camera /dev/v4l/by-id/otoscope: gone"):
        camera.read()


class Scripted:
    """A card that gives what it is told to, one thing at each read."""

    rate_hz, channels, period = 48000, 2, 4

    def __init__(self, *said: tuple[bytes, int] | Exception) -> None:
        self._said = list(said)

    def read(self) -> tuple[bytes, int]:
        said = self._said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        """Nothing to give back."""


def test_of_several_channels_one_is_kept_and_stamped_with_its_first_sample() -> None:
    card = Card(
        CardSettings("hw:CARD=STE0001,DEV=0", channels=2, channel=1),
        lambda *_: Scripted((np.arange(8, dtype="<i2").tobytes(), 2_000_000_000)),
    )
    period = card.read()
    assert (period.samples.tolist(), period.rate_hz, period.gap) == ([1, 3, 5, 7], 48000, False)
    assert period.capture_ns == 1_999_916_667  # four samples before their end


def test_what_an_overrun_lost_is_told_with_the_next_period() -> None:
    four = np.zeros(8, dtype="<i2").tobytes()
    script = Scripted((four, 1_000_000_000), Overrun(), Overrun(), (four, 1_010_000_000), (four, 1_010_083_333))
    card = Card(CardSettings("hw:CARD=STE0001,DEV=0", channels=2), lambda *_: script)
    assert [(one.gap, one.lost) for one in (card.read(), card.read(), card.read())] == [
        (False, 0),
        (True, 476),  # 10 ms are 480 samples, and 4 of them came
        (False, 0),
    ]


def test_a_card_that_goes_is_a_lost_link() -> None:
    card = Card(CardSettings("hw:CARD=STE0001,DEV=0"), lambda *_: Scripted(LinkLost("sound card: gone")))
    with pytest.raises(LinkLost):
        card.read()


def test_a_bus_that_is_full_is_told_apart() -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    def busy(*_: Any, **__: Any) -> Any:
        raise OSError(16, "Device or resource busy")

    with pytest.raises(BusFull, match="camera /dev/video7: cannot open"):
        Camera(CameraSettings("/dev/video7"), full)
    with pytest.raises(LinkError) as refused:
        Camera(CameraSettings("/dev/video7"), busy)
    assert not isinstance(refused.value, BusFull)


def test_a_raw_camera_names_its_format() -> None:
    camera = Camera(CameraSettings("any", coding=Coding.YUYV422), lambda *a, **k: Going([b"raw"], None, "rawvideo"))
    assert camera.read().coding is Coding.YUYV422


def test_a_camera_is_asked_for_its_own_jpeg() -> None:
    asked: dict[str, Any] = {}

    def opener(device: str, **more: Any) -> Going:
        asked.update(more, device=device)
        return Going([], None)

    Camera(CameraSettings("/dev/v4l/by-id/otoscope", 1920, 1080, 30), opener)
    assert asked == {
        "device": "/dev/v4l/by-id/otoscope",
        "format": "v4l2",
        "options": {"input_format": "mjpeg", "video_size": "1920x1080", "framerate": "30"},
    }


def test_what_is_not_there_cannot_be_opened() -> None:
    with pytest.raises(LinkError, match="camera /dev/v4l/by-id/none: cannot open"):
        Camera(CameraSettings("/dev/v4l/by-id/none"))
    with pytest.raises(LinkError, match="sound card hw:CARD=none: cannot open"):
        Card(CardSettings("hw:CARD=none"))


def test_pyav_reads_the_very_bytes_of_a_jpeg_stream(tmp_path: Path) -> None:
    drawn = pictures(320, 180, 2)
    path = tmp_path / "camera.mjpeg"
    path.write_bytes(b"".join(drawn))
    camera = Camera(CameraSettings(str(path)), opener=lambda device, **more: av.open(device))
    assert [camera.read().data for _ in range(2)] == drawn
    camera.close()


@pytest.mark.parametrize(("ago_s", "found_ago_s"), [(0.04, 0.04), (900, 0), (-1, 0)])
def test_the_kernels_stamp_is_believed_if_it_can_be_true(ago_s: float, found_ago_s: float) -> None:
    packet: Packet[Any] = Packet(b"x")
    packet.pts, packet.time_base = (time.monotonic_ns() - int(ago_s * 1e9)) // 1000, Fraction(1, 1_000_000)
    age_s = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - capture_instant(packet)) / 1e9
    assert found_ago_s - 0.001 < age_s < found_ago_s + 0.05


READ_A_CARD = """
from drivers.links.audio import Card, CardSettings
card = Card(CardSettings("recorded"))
print(*[sample for _ in range(50) for sample in card.read().samples][:8])
print(card._pcm.rate_hz, card._pcm.channels, card._pcm.period)
"""


def has_alsa() -> bool:
    try:
        alsa.library()
    except LinkError:
        return False
    return True


@pytest.mark.skipif(not has_alsa(), reason="ALSA is not installed here")
def test_a_card_is_read_through_alsa(tmp_path: Path) -> None:
    """The real ALSA library, with its `file` plugin in place of hardware: no kernel module is needed."""
    sound, config = tmp_path / "sound.raw", tmp_path / "alsa.conf"
    sound.write_bytes(np.arange(100, 25000, dtype="<i2").tobytes())
    config.write_text(
        f'pcm.nothing {{ type null }}\npcm.recorded {{ type file slave.pcm nothing file /dev/null infile "{sound}" }}\n'
    )
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(config)}
    said = subprocess.run(
        [sys.executable, "-c", READ_A_CARD], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    samples, taken = said.stdout.splitlines()
    assert samples.split() == ["100", "101", "102", "103", "104", "105", "106", "107"]
    assert taken == "48000 1 480"  # the period that was asked for: 10 ms
    assert said.stderr == ""
