"""Pictures and sound: what an encoder costs, what a heart sound loses, how long a capture takes to the page."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import av
import numpy as np
from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterFrame
from numpy.typing import NDArray
from playwright.async_api import async_playwright

from appliance.clock import boottime_ns
from appliance.media.encoder import Opus
from appliance.media.resample import Resampler
from appliance.media.stethoscope import HEADER, Block
from tests.unit.media.helpers import gain_db, tone

LIMIT_S = 400
AREA = "media"
FREQUENCIES_HZ = (20, 40, 60, 100, 500, 1000, 2000)
REPEATS, SEND_S = 3, 8.0
RECONNECTS = 60
SETTLED = 30
PEAK = 8192  # -12 dBFS
SHIPPED = "aiortc as shipped"
PAGE = Path(__file__).parents[1] / "peers" / "media_page.html"


def figures() -> list[dict[str, Any]]:
    return [*sound(), *encoding(), *memory(), *asyncio.run(delays())]


def row(name: str, value: float, unit: str, target: float | None, n: int, method: str, **more: Any) -> dict[str, Any]:
    said = {"area": AREA, "name": name, "value": round(value, 3), "unit": unit, "better": "lower"}
    return {**said, "target": target, "n": n, "method": method, **more}


# --- sound


def sound() -> list[dict[str, Any]]:
    """How much each tone changes its level, on the exact path and through Opus."""
    exact = [abs(exact_db(frequency)) for frequency in (*FREQUENCIES_HZ, 1500)]
    method = "tones of -12 dBFS from a card at 48 kHz to the samples of the block, 1 s; largest change of level"
    rows = [row("stethoscope samples, 20-2000 Hz, largest error", max(exact), "dB", 0.1, len(exact), method)]
    method = "tones of -12 dBFS through the encoder and libopus's decoder, 3 s; change of level, absolute"
    for frequency in FREQUENCIES_HZ:
        peer = {"peer": SHIPPED, "peer_value": round(abs(shipped_db(frequency)), 2)}
        rows.append(row(f"Opus, error at {frequency} Hz", abs(ours_db(frequency)), "dB", None, 1, method, **peer))
        rows[-1]["target"] = 0.2
    return rows


def exact_db(frequency: int) -> float:
    samples, resampler = tone(frequency, 48000, 1.0, PEAK), Resampler(48000)
    heard = np.concatenate([resampler(samples[at : at + 480]) for at in range(0, 48000, 480)])
    return gain_db(heard[2000:6000].astype(np.float64), frequency, 8000, PEAK)


def ours_db(frequency: int) -> float:
    samples, opus = tone(frequency, 8000, 3.0, PEAK), Opus()
    blocks = (Block(samples[at : at + 160], at // 160, at, 0, 1) for at in range(0, 24000, 160))
    return decoded_db([packet.data for block in blocks if (packet := opus.encode(block))], frequency)


def shipped_db(frequency: int) -> float:
    samples, opus = tone(frequency, 48000, 3.0, PEAK), OpusEncoder()
    packets = []
    for at in range(0, 144_000, 960):
        frame = av.AudioFrame.from_ndarray(samples[at : at + 960].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
        packets += opus.encode(frame)[0]
    return decoded_db(packets, frequency)


def decoded_db(packets: list[bytes], frequency: int) -> float:
    decoder = OpusDecoder()
    frames: list[Any] = []
    for number, packet in enumerate(packets):
        frames += decoder.decode(JitterFrame(packet, number * 960))
    left = [frame.to_ndarray().reshape(-1, 2)[:, 0] for frame in frames]
    heard: NDArray[np.float64] = np.concatenate(left)[48000:].astype(np.float64)
    return gain_db(heard, frequency, 48000, PEAK)


# --- encoding


def encoding() -> list[dict[str, Any]]:
    """What one hard 720p30 picture costs the sender, against aiortc's own encoder, alternating."""
    runs = [(sent("ours", SEND_S), sent("shipped", SEND_S)) for _ in range(REPEATS)]
    # Processor time for each picture: a machine with other work leaves pictures out, and these cost nothing.
    ours, shipped = (median(run[i]["cpu_percent"] * 30 / run[i]["fps"] for run in runs) for i in (0, 1))
    fps, shipped_fps = (median(run[i]["fps"] for run in runs) for i in (0, 1))
    method = (
        f"a zoom with noise, 2.5 Mbit/s, sent for {SEND_S:g} s over loopback, sender and receiver on a core each; "
        f"processor time of the sender for 30 pictures that were sent; medians; ratio: ours / {SHIPPED}"
    )
    cost = {"peer": SHIPPED, "peer_value": round(shipped, 1), "ratio": round(ours / shipped, 3)}
    rate = {"peer": SHIPPED, "peer_value": round(shipped_fps, 2), "ratio": round(fps / shipped_fps, 3)}
    return [
        row("processor for one 720p30 H.264 stream", ours, "% of a core", 0.6, REPEATS, method, **cost),
        row("pictures sent of 30 a second", fps, "1/s", 0.99, REPEATS, method, **rate, better="higher"),
    ]


def sent(which: str, seconds: float) -> dict[str, float]:
    with end("receive", core=1) as receiver, end(which, str(seconds), core=0) as sender:
        ask(receiver, told(sender))
        ask(sender, told(receiver))
        return told(sender)


def memory() -> list[dict[str, Any]]:
    """Whether a viewer who comes and goes leaves anything behind."""
    resident: list[float] = []
    with end("receive") as receiver, end("reconnect", str(RECONNECTS)) as sender:
        for _ in range(RECONNECTS):
            ask(receiver, told(sender))
            ask(sender, told(receiver))
            said = told(sender)
            resident.append(said["rss_mb"])
    # The first viewers fill what Python and the C library keep; what counts is whether it then goes on.
    early, late = median(resident[SETTLED : SETTLED + 10]), median(resident[-10:])
    growth_kb = 1000 * (late - early) / (RECONNECTS - 10 - SETTLED)
    method = (
        f"two pictures, sound and channels to {RECONNECTS} viewers one after another, half a second each; resident "
        f"memory, growth from viewers {SETTLED}-{SETTLED + 10} to the last ten"
    )
    return [
        row("memory kept for each viewer that left", max(growth_kb, 0.0), "kB", 100.0, RECONNECTS, method),
        row("memory of the media part after them", late, "MB", 150.0, 1, method),
        row("memory of the media part alone, nobody watching", said["idle_mb"], "MB", 120.0, 1, method),
    ]


@contextmanager
def end(*arguments: str, core: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """One end of a call as a process, on one core where there are enough."""
    command = [sys.executable, "-m", "tests.bench.media_call", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if core is not None and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(child.pid, {core})
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            stream.close()


def told(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    said: dict[str, Any] = json.loads(child.stdout.readline())
    return said


def ask(child: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(what) + "\n")
    child.stdin.flush()


# --- delays


async def delays() -> list[dict[str, Any]]:
    """From a capture to Chromium: a picture shown, a sample arrived. One machine, so both clocks are one clock."""
    from tests.peers.test_media_browser import CHROMIUM, FLAGS, Unit, connect

    if not CHROMIUM.exists():
        return []
    unit = Unit()
    for source in unit.sources:
        source.start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        page = await browser.new_page()
        await page.goto(PAGE.as_uri())
        await connect(unit, page)
        await asyncio.sleep(10)
        shown, blocks, arrived = await page.evaluate("[got.video['0'].shown, got.blocks, got.arrived]")
        # The page counts its time from the wall clock, once, when it was opened.
        wall_ms = await page.evaluate("performance.timeOrigin + performance.now()")
        ahead_ms = wall_ms - boottime_ns() / 1e6
        await browser.close()
    await unit.peers.aclose()
    for source in unit.sources:
        await source.aclose()
    pictures = [at - ahead_ms - capture for capture, at in shown[30:]]
    ends = (HEADER.unpack_from(bytes(block))[5] / 1e6 + 20 for block in blocks)
    samples = [at - ahead_ms - end_ms for at, end_ms in zip(arrived, ends, strict=True)][50:]
    method = "headless Chromium on the same machine over loopback, 10 s; {}; 95th percentile"
    picture_method = method.format("720p15 JPEG otoscope decoded, encoded, sent, shown (frame callback)")
    sample_method = method.format("last sample of a block captured until the page has the block")
    return [
        row("picture, capture to shown, p95", p95(pictures), "ms", 150.0, len(pictures), picture_method),
        row("stethoscope, capture to page, p95", p95(samples), "ms", 50.0, len(samples), sample_method),
    ]


def p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
