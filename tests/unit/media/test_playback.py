"""Recordings and drawn scenes keep the pace of a real device."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from appliance.clock import boottime_ns
from appliance.media import playback
from appliance.media.otoscope import pictures
from appliance.media.playback import FilePictures, LoopedPictures, LoopedSound, Pace
from appliance.media.room import HEIGHT, WIDTH, Room
from drivers.core.errors import LinkLost
from drivers.links.formats import Coding


def test_pace_is_kept_and_never_runs_ahead() -> None:
    pace = Pace(Fraction(100))
    due = [pace.wait() for _ in range(20)]
    assert [later - earlier for earlier, later in itertools.pairwise(due)] == [10_000_000] * 19
    assert boottime_ns() >= due[-1]


def test_time_that_was_slept_through_is_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_000_000_000
    monkeypatch.setattr(playback, "boottime_ns", lambda: now_ns)
    pace = Pace(Fraction(50))
    assert pace.wait() == 1_000_000_000
    now_ns = 61_000_000_000
    assert pace.wait() == 61_000_000_000


def test_sound_repeats_without_a_seam_and_is_stamped_with_its_first_sample() -> None:
    player = LoopedSound(np.arange(100, dtype=np.int16), 8000)
    first, second = player.read(), player.read()
    assert first.samples.tolist() == list(range(80))
    assert second.samples.tolist() == [*range(80, 100), *range(60)]
    assert second.capture_ns - first.capture_ns == 10_000_000
    assert boottime_ns() - second.capture_ns >= 10_000_000


def test_pictures_repeat() -> None:
    player = LoopedPictures([b"a", b"b"], Coding.JPEG, (2, 1), 1000)
    assert [player.read().data for _ in range(5)] == [b"a", b"b", b"a", b"b", b"a"]


def test_film_of_jpeg_gives_the_pictures_of_the_file(tmp_path: Path) -> None:
    drawn = pictures(320, 180, 3)
    path = tmp_path / "film.mjpeg"
    path.write_bytes(b"".join(drawn))
    player = FilePictures(str(path), rate_hz=1000)
    frames = [player.read() for _ in range(7)]
    assert [frame.data for frame in frames] == [*drawn, *drawn, drawn[0]]
    assert {(frame.coding, frame.width, frame.height) for frame in frames} == {(Coding.JPEG, 320, 180)}
    player.close()


def test_sequence_of_images_is_played(tmp_path: Path) -> None:
    drawn = pictures(320, 180, 3)
    for number, picture in enumerate(drawn):
        (tmp_path / f"ear{number:03d}.jpg").write_bytes(picture)
    player = FilePictures(str(tmp_path / "ear%03d.jpg"), rate_hz=1000)
    assert [player.read().data for _ in range(3)] == drawn
    player.close()


def test_file_that_is_no_film_is_a_lost_link(tmp_path: Path) -> None:
    path = tmp_path / "film.mjpeg"
    path.write_bytes(b"not a film")
    with pytest.raises(LinkLost, match=r"film\.mjpeg: cannot be read"):
        FilePictures(str(path)).read()


def test_room_moves() -> None:
    room = Room()
    one, other = room.draw(1_000_000_000), room.draw(3_000_000_000)
    assert len(one) == len(other) == WIDTH * HEIGHT * 3 // 2
    assert one != other
    assert room.draw(1_000_000_000) == one
