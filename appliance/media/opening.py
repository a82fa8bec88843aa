"""From a configured source (`v4l2:`, `alsa:`, `file:`, `generator:`) to what opens it. Opened again after each loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import av

from appliance.config import ConfigError
from appliance.config import Source as Configured
from appliance.media.capture import Reader
from appliance.media.card import Stethoscope
from appliance.media.heart import Heart, open_heart
from appliance.media.otoscope import open_otoscope
from appliance.media.playback import FilePictures, wav
from appliance.media.room import open_room
from appliance.media.sharing import TAKEN, TAKEN_OF_ROOM, Sharing
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from drivers.links.audio import Period
from drivers.links.camera import Frame
from drivers.links.formats import Wanted

T = TypeVar("T")

PICTURES: Mapping[str, Callable[[], Reader[Frame]]] = MappingProxyType(
    {"room": open_room, "otoscope": open_otoscope},
)
HEARTS: Mapping[str, Heart] = MappingProxyType(
    {
        "heart": Heart(),
        "heart-fast": Heart(rate_bpm=118),
        "heart-third-sound": Heart(third=True),
        "heart-fourth-sound": Heart(fourth=True),
        "heart-murmur": Heart(murmur=0.5),
    }
)


def picture_source(configured: Configured, sharing: Sharing) -> PictureSource:
    """A camera that is not started yet. `sharing` is that of all the unit's cameras."""
    source = _camera(configured, sharing)
    source.detail = configured.use == "exam"
    return source


def _camera(configured: Configured, sharing: Sharing) -> PictureSource:
    kind, _, where = configured.origin.partition(":")
    opener: Callable[[], Reader[Frame]]
    if kind == "v4l2":
        opener, codes = sharing.join(where, configured.use == "room", _wanted(configured))
        return PictureSource(configured.key, configured.name, opener, codes)
    if kind == "file":
        film = _existing(configured, where)
        opener = lambda: FilePictures(film)  # noqa: E731 - one line each shows what opens what
    else:
        opener = _named(configured, where, PICTURES)
    return PictureSource(configured.key, configured.name, opener)


def sound_source(configured: Configured) -> SoundSource:
    """A stethoscope that is not started yet."""
    kind, _, where = configured.origin.partition(":")
    if kind == "alsa":
        card = Stethoscope(where, configured.rate_hz, configured.gain_percent)
        return SoundSource(configured.key, configured.name, card.open, card=card.codes)
    return SoundSource(configured.key, configured.name, sound_opener(configured))


def sound_opener(configured: Configured) -> Callable[[], Reader[Period]]:
    """What opens a configured sound."""
    kind, _, where = configured.origin.partition(":")
    if kind == "alsa":
        return Stethoscope(where, configured.rate_hz, configured.gain_percent).open
    if kind == "file":
        path = _existing(configured, where)
        return lambda: wav(Path(path))
    heart = _named(configured, where, HEARTS)
    return lambda: open_heart(heart)


def missing_encoders() -> list[str]:
    """The encoders that a call needs and that this build of FFmpeg lacks."""
    return [name for name in ("libx264", "libvpx", "libopus") if name not in av.codecs_available]


def _wanted(configured: Configured) -> Wanted:
    best = Wanted()
    width, height = configured.width or best.width, configured.height or best.height
    codings = TAKEN_OF_ROOM if configured.use == "room" else TAKEN
    return Wanted(width, height, configured.rate_hz or best.rate_hz, codings)


def _existing(configured: Configured, where: str) -> str:
    if not Path(where).is_file():
        raise ConfigError(f"sources.{configured.key}: there is no file {where}")
    return where


def _named(configured: Configured, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise ConfigError(f"sources.{configured.key}: no generator {name!r}; known: {', '.join(sorted(known))}")
    return known[name]
