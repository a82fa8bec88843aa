"""Which encoder is taken: what proves itself, else x264 as thorough as there is time for."""

from __future__ import annotations

import av
import pytest
from av.video.frame import VideoFrame

from appliance.media import choosing
from appliance.media.choosing import choose, proven
from appliance.media.encoder import H264, Encoded


class Faulty(H264):
    """An encoder with one fault of those that hardware has."""

    fault = ""

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        if self.fault == "late":
            return None
        if self.fault == "deaf":
            key = False
        if self.fault == "grey":
            picture = VideoFrame(picture.width, picture.height, "yuv420p")
            for plane in picture.planes:
                plane.update(bytes([128]) * plane.buffer_size)
        return super().encode(picture, capture_ns, key)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("late", "picture 0 did not come out at once"),
        ("deaf", r"got key frames at \[0\], wanted them at \[0, 6\]"),
        ("grey", "a picture came back at 1"),
    ],
)
def test_an_encoder_that_does_wrong_is_refused(fault: str, said: str) -> None:
    made = type("Made", (Faulty,), {"fault": fault})
    with pytest.raises(ValueError, match=said):
        proven(made, choosing._film())


def test_hardware_that_is_not_there_is_refused_with_its_reason_and_x264_is_taken() -> None:
    choice = choose(hardware=("h264_nvenc",), most_ms=1000.0)
    assert choice.name == "libx264 veryfast"
    assert len(choice.refused) == 1
    assert choice.refused[0].startswith("h264_nvenc: ")
    assert choice.make(320, 180, 30, 400_000).rate_bps == 400_000


def test_a_machine_that_is_too_slow_for_all_gets_the_quickest() -> None:
    assert choose(hardware=(), most_ms=0.0).name.startswith("libx264 ultrafast")


def test_the_encoders_that_are_tried_are_in_this_build() -> None:
    assert [name for name in choosing.HARDWARE if name not in av.codecs_available] == []
