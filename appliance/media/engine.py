"""The engine seam: makes calls, and keeps the encodings that all of them share. Another engine would replace this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from appliance.media import aiortc_inside as inside
from appliance.media.allocator import bound_memory
from appliance.media.call import Call, CallState, IceServer
from appliance.media.encoder import H264, Vp8
from appliance.media.encoding import Encoding, MakeEncoder, PictureEncoding, SoundEncoding
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource

ENCODERS: Mapping[str, MakeEncoder] = MappingProxyType({"H264": H264, "VP8": Vp8})


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`addresses`: local addresses to gather on; None: all that the machine has, but loopback."""

    addresses: tuple[str, ...] | None = None


class Engine:
    """Calls, and one encoding for each source and codec, whatever the number of calls."""

    def __init__(self, settings: EngineSettings) -> None:
        inside.prepare()
        bound_memory()
        self._settings = settings
        self._encodings: dict[tuple[str, str], Encoding] = {}

    def call(self, ice_servers: Sequence[IceServer], on_state: Callable[[CallState], None]) -> Call:
        """A connection that does nothing yet. `on_state` is called on the loop."""
        return Call(self.encoding, self._settings.addresses, ice_servers, on_state)

    def encoding(self, source: PictureSource | SoundSource, codec: str) -> Encoding:
        """The shared encoding of a source in a codec (`H264`, `VP8`, `opus`)."""
        key = (source.key, codec)
        if key not in self._encodings:
            if isinstance(source, SoundSource):
                self._encodings[key] = SoundEncoding(source)
            else:
                self._encodings[key] = PictureEncoding(source, ENCODERS[codec], passes=codec == "H264")
        return self._encodings[key]
