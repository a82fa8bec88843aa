"""The engine seam: makes calls, and keeps the encodings that all of them share. Another engine would replace this."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from appliance.media import aiortc_inside as inside
from appliance.media.allocator import bound_memory
from appliance.media.call import Call, CallState
from appliance.media.choosing import choose
from appliance.media.description import IceServer
from appliance.media.encoder import H264, Vp8
from appliance.media.encoding import Encoding, MakeEncoder, PictureEncoding, SoundEncoding
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource

ENCODERS: Mapping[str, MakeEncoder] = MappingProxyType({"H264": H264, "VP8": Vp8})
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`addresses`: local addresses to gather on; None: all that the machine has, but loopback.
    `authorities`: PEM file of who signs TURN servers' certificates, beside those the machine trusts.
    """

    addresses: tuple[str, ...] | None = None
    authorities: Path | None = None


class Engine:
    """Calls, and one encoding for each source and codec, whatever the number of calls."""

    def __init__(self, settings: EngineSettings) -> None:
        inside.prepare()
        bound_memory()
        self._settings = settings
        self._tls = ssl.create_default_context()
        if settings.authorities is not None:
            self._tls.load_verify_locations(settings.authorities)
        self._encodings: dict[tuple[str, str], Encoding] = {}
        self._encoders: Mapping[str, MakeEncoder] = ENCODERS

    async def measure(self) -> None:
        """Find the best encoder of this machine: for what is encoded for the first time after this."""
        choice = await asyncio.to_thread(choose)
        for refused in choice.refused:
            log.debug("not used: %s", refused)
        log.info("pictures are encoded by %s: %.1f ms for one of 1280 x 720", choice.name, choice.ms)
        self._encoders = MappingProxyType({**ENCODERS, "H264": choice.make})

    def call(self, ice_servers: Sequence[IceServer], on_state: Callable[[CallState], None]) -> Call:
        """A connection that does nothing yet. `on_state` is called on the loop."""
        return Call(self.encoding, self._settings.addresses, ice_servers, on_state, self._tls)

    def encoding(self, source: PictureSource | SoundSource, codec: str) -> Encoding:
        """The shared encoding of a source in a codec (`H264`, `VP8`, `opus`)."""
        key = (source.key, codec)
        if key not in self._encodings:
            if isinstance(source, SoundSource):
                self._encodings[key] = SoundEncoding(source)
            else:
                self._encodings[key] = PictureEncoding(source, self._encoders[codec], passes=codec == "H264")
        return self._encodings[key]
