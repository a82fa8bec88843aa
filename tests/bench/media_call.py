"""One end of a call in a process of its own, so that its processor time and its memory are its own.

    python -m tests.bench.media_call ours|shipped SECONDS    sends one hard 720p30 picture; tells its cost
    python -m tests.bench.media_call passed|encoded SECONDS PICTURES    several, a camera's own H.264 or encoded here
    python -m tests.bench.media_call reconnect TIMES         serves one viewer after another; tells its memory
    python -m tests.bench.media_call receive                 answers offers until its input ends

Descriptions go over standard input and output, one JSON a line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs import h264

from appliance.media import aiortc_inside as inside
from appliance.media.call import CallState
from appliance.media.control import StillTaken
from appliance.media.encoder import H264
from appliance.media.engine import Engine, EngineSettings
from appliance.media.governor import Governor
from appliance.media.heart import Heart, open_heart
from appliance.media.otoscope import open_otoscope
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.picture import raw
from appliance.media.playback import LoopedPictures
from appliance.media.room import open_room
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.still import StillRefused
from drivers.links.camera import Frame
from drivers.links.formats import Coding
from tests.unit.media.receiver import Receiver

WIDTH, HEIGHT, RATE_HZ, RATE_BPS = 1280, 720, 30, 2_500_000
# What is hard to encode: a zoom into detail with strong noise over it.
HARD = (
    f"mandelbrot=s={WIDTH}x{HEIGHT}:rate={RATE_HZ}:start_scale=0.8:end_scale=0.3:end_pts=300,"
    "noise=c0s=8:c0f=t+u,format=yuv420p"
)
PICTURES = 60
WARM_S = 2.0


def film() -> list[bytes]:
    """The hard pictures, there and back."""
    with av.open(HARD, "r", format="lavfi") as source:
        there = [picture.to_ndarray().tobytes() for picture in itertools.islice(source.decode(video=0), PICTURES)]
    return there + there[-2:0:-1]


def say(what: Mapping[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def hear() -> dict[str, Any]:
    line = await asyncio.to_thread(sys.stdin.readline)
    heard: dict[str, Any] = json.loads(line) if line else {"end": True}
    return heard


def resident_mb() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a line of the kernel
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def silence() -> AsyncIterator[Mapping[str, Any]]:
    while True:
        await asyncio.sleep(0.25)
        yield {"type": "beat"}


async def no_still(key: str) -> StillTaken:
    raise StillRefused("no-such-source", f"nobody takes a still here, of {key} or anything else")


class Watch:
    """Processor time and pictures between two moments."""

    def __init__(self, pictures: int) -> None:
        self._cpu_s, self._at_s, self._pictures = time.process_time(), time.monotonic(), pictures

    def told(self, pictures: int) -> dict[str, float]:
        passed_s = time.monotonic() - self._at_s
        cpu = 100 * (time.process_time() - self._cpu_s) / passed_s
        return {"cpu_percent": cpu, "fps": (pictures - self._pictures) / passed_s, "rss_mb": resident_mb()}


async def ours(seconds: float) -> None:
    pictures = film()
    source = PictureSource(
        "camera", "Camera", lambda: LoopedPictures(pictures, Coding.YUV420P, (WIDTH, HEIGHT), RATE_HZ)
    )
    source.start()
    engine, connected = Engine(EngineSettings(addresses=("127.0.0.1",))), asyncio.Event()

    def changed(name: str, state: CallState) -> None:
        if state is CallState.CONNECTED:
            connected.set()

    encoding: Any = engine.encoding(source, "H264")
    encoding.set_rate(RATE_BPS)
    peers = Peers(engine, Offered((source,)), silence, no_still, changed)
    say(await peers.join("viewer"))
    await peers.answer("viewer", await hear())
    await connected.wait()
    await asyncio.sleep(WARM_S)
    watch = Watch(encoding.pictures)
    await asyncio.sleep(seconds)
    say(watch.told(encoding.pictures))
    await peers.aclose()
    await source.aclose()


async def several(seconds: float, count: int, passed: bool) -> None:
    """Several pictures to one viewer: a camera's own H.264, or the same encoded here."""
    # aiortc as a receiver tells only a slow estimate of its own; what is measured here is the processor.
    setattr(Governor, "limit_bps", property(lambda self: 20e6))  # noqa: B010
    given = coded(film()) if passed else film()
    coding, size = Coding.H264 if passed else Coding.YUV420P, (WIDTH, HEIGHT)
    sources = [
        PictureSource(f"camera{n}", f"Camera {n}", lambda: LoopedPictures(given, coding, size, RATE_HZ))
        for n in range(count)
    ]
    for source in sources:
        source.start()
    engine, connected = Engine(EngineSettings(addresses=("127.0.0.1",))), asyncio.Event()

    def changed(name: str, state: CallState) -> None:
        if state is CallState.CONNECTED:
            connected.set()

    encodings: list[Any] = [engine.encoding(source, "H264") for source in sources]
    peers = Peers(engine, Offered(tuple(sources)), silence, no_still, changed)
    say(await peers.join("viewer"))
    await peers.answer("viewer", await hear())
    await connected.wait()
    await asyncio.sleep(2 * WARM_S)
    watch = Watch(sum(each.pictures for each in encodings))
    await asyncio.sleep(seconds)
    said = watch.told(sum(each.pictures for each in encodings))
    say({**said, "fps": said["fps"] / count})
    os._exit(0)


def coded(pictures: list[bytes]) -> list[bytes]:
    """As a camera that encodes H.264 by itself gives them: a key frame each second."""
    camera, units = H264(WIDTH, HEIGHT, RATE_HZ, RATE_BPS), []
    for number, data in enumerate(pictures[: len(pictures) // RATE_HZ * RATE_HZ]):
        frame = Frame(data, Coding.YUV420P, WIDTH, HEIGHT, 0)
        packet = camera.encode(raw(frame), number * 1_000_000_000 // RATE_HZ, number % RATE_HZ == 0)
        assert packet is not None
        units.append(packet.data)
    return units


class Film(MediaStreamTrack):
    """The same pictures for aiortc's own encoder, at the same pace."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._reader = LoopedPictures(film(), Coding.YUV420P, (WIDTH, HEIGHT), RATE_HZ)
        self.given = 0

    async def recv(self) -> av.VideoFrame:
        frame = await asyncio.to_thread(self._reader.read)
        picture = raw(frame)
        picture.pts, picture.time_base = frame.capture_ns * 9 // 100_000, Fraction(1, 90_000)
        self.given += 1
        return picture


async def shipped(seconds: float) -> None:
    # The rate is held where ours is held; all else is as aiortc ships it.
    h264.DEFAULT_BITRATE = h264.MIN_BITRATE = h264.MAX_BITRATE = RATE_BPS
    connection, track = RTCPeerConnection(RTCConfiguration(iceServers=[])), Film()
    line = connection.addTransceiver(track, direction="sendonly")
    known = RTCRtpSender.getCapabilities("video").codecs
    line.setCodecPreferences([codec for codec in known if codec.mimeType in ("video/H264", "video/rtx")])
    inside.use_addresses(connection, ["127.0.0.1"])
    await connection.setLocalDescription(await connection.createOffer())
    say({"type": "offer", "sdp": connection.localDescription.sdp})
    await connection.setRemoteDescription(RTCSessionDescription(**await hear()))
    while connection.connectionState != "connected":
        await asyncio.sleep(0.01)
    await asyncio.sleep(WARM_S)
    watch = Watch(track.given)
    await asyncio.sleep(seconds)
    say(watch.told(track.given))
    await connection.close()


async def reconnect(times: int) -> None:
    otoscope = PictureSource("otoscope", "Otoscope", open_otoscope)
    room = PictureSource("room", "Room", open_room)
    heart = SoundSource("stethoscope", "Stethoscope", lambda: open_heart(Heart()))
    for source in (otoscope, room, heart):
        source.start()
    engine, connected = Engine(EngineSettings(addresses=("127.0.0.1",))), asyncio.Event()

    def changed(name: str, state: CallState) -> None:
        if state is CallState.CONNECTED:
            connected.set()

    peers = Peers(engine, Offered((otoscope, room), heart), silence, no_still, changed)
    await asyncio.sleep(3)
    idle_mb = resident_mb()
    for _ in range(times):
        connected.clear()
        say(await peers.join("viewer"))
        await peers.answer("viewer", await hear())
        await connected.wait()
        await asyncio.sleep(0.5)
        await peers.leave("viewer")
        while any(thread.name.startswith("encode-") for thread in threading.enumerate()):
            await asyncio.sleep(0.02)
        say({"rss_mb": resident_mb(), "idle_mb": idle_mb})
    await peers.aclose()
    for source in (otoscope, room, heart):
        await source.aclose()


async def receive() -> None:
    receiver: Receiver | None = None
    while "sdp" in (heard := await hear()):
        if receiver is not None:
            await receiver.aclose()
        receiver = Receiver()
        say(await receiver.answer(heard))
    os._exit(0)


if __name__ == "__main__":
    WHAT = {"ours": ours, "shipped": shipped}
    match sys.argv[1:]:
        case ["receive"]:
            asyncio.run(receive())
        case ["passed" | "encoded" as how, length, count]:
            asyncio.run(several(float(length), int(count), how == "passed"))
        case ["reconnect", count]:
            asyncio.run(reconnect(int(count)))
        case [name, length]:
            asyncio.run(WHAT[name](float(length)))
