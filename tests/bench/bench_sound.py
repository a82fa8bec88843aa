"""The stethoscope from chest-piece to headphone: response, noise, what a bad way loses and what comes after all."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.media.proof import TONE, TONES_HZ
from tests.bench.sound_call import CARD_HZ, write_wav
from tests.bench.way import HERE, Way, Weather, way, why_not
from tests.peers.test_media_browser import CHROMIUM

LIMIT_S = 900
AREA = "sound"
REPEATS = 5
WINDOW_S = 8.0  # of each measurement on a bad way
LOSSES = (0.0, 0.02, 0.05, 0.10)
BUFFER_MS = 300.0
OUTAGE_S = 40.0
LOOPBACK = "127.0.0.1"
SHIPPED, MICROPHONE, ORDERED = "aiortc as shipped", "Chromium getUserMedia, processing off", "ordered channel"
Floats = NDArray[np.float64]


def figures() -> list[dict[str, Any]]:
    if not CHROMIUM.exists():
        raise RuntimeError("Chromium is not installed here")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "tones.wav"
        write_wav(wav, 30)
        rows = clean(wav)
        reason = why_not()
        if reason is not None:
            return [*rows, row("blocks past the buffer", None, "%", 0.1, 0, "", error=reason)]
        return [*rows, *lossy(wav), *outage(wav)]


def row(name: str, value: float | None, unit: str, target: float | None, n: int, method: str, **more: Any) -> Any:
    rounded = None if value is None else round(value, 4)
    said = {"area": AREA, "name": name, "value": rounded, "unit": unit, "better": "lower", "target": target}
    return {**said, "n": n, "method": method, **more}


# --- response and noise


def clean(wav: Path) -> list[dict[str, Any]]:
    with process("view", str(wav)) as viewer, process("send", "ours", LOOPBACK) as unit:
        connect(unit, viewer)
        ask(viewer, "play")
        time.sleep(3)  # the buffer settles
        ask(viewer, "counts")
        exact = [measured(*tapped(ask(viewer, "tap", 1.3)["answer"])) for _ in range(REPEATS)]
        opus = [track(ask(viewer, "ordinary", 3)["answer"]) for _ in range(REPEATS)]
        said = ask(viewer, "counts")
        microphone = [track(ask(viewer, "microphone", 3)["answer"]) for _ in range(REPEATS)]
    with process("view", str(wav)) as viewer, process("send", "shipped", LOOPBACK) as unit:
        connect(unit, viewer)
        time.sleep(3)
        shipped = [track(ask(viewer, "ordinary", 3)["answer"]) for _ in range(REPEATS)]
    return [*response(exact, opus, microphone, shipped), *delay(said)]


Measured = tuple[Floats, float]  # change of each tone, dB; all else against the tones, dB


def measured(samples: Floats, seconds: Floats) -> Measured:
    """By least squares; `seconds`: the instant of the source behind each sample."""
    waves = [wave(2 * np.pi * hz * seconds) for hz in TONES_HZ for wave in (np.cos, np.sin)]
    table = np.stack([*waves, np.ones(len(seconds))], axis=1)
    parts, *_ = np.linalg.lstsq(table, samples, rcond=None)
    levels = np.hypot(parts[:-1:2], parts[1:-1:2])
    rest = float(np.mean((samples - table @ parts) ** 2))
    change = 20 * np.log10(np.maximum(levels, 1e-9) / TONE)
    return np.asarray(change, np.float64), float(10 * np.log10(np.sum(levels**2) / 2 / max(rest, 1e-20)))


def tapped(pieces: list[list[str]]) -> tuple[Floats, Floats]:
    samples = np.concatenate([np.frombuffer(base64.b64decode(one), "<f4") for one, _ in pieces])
    positions = np.concatenate([np.frombuffer(base64.b64decode(one), "<f8") for _, one in pieces])
    return samples.astype(np.float64), positions / 8000


def track(said: dict[str, Any]) -> Measured:
    """Medians of windows of a quarter of a second: a track's own buffer now and then leaves a piece out."""
    samples = np.concatenate([np.frombuffer(base64.b64decode(one), "<f4") for one in said["pieces"]])
    width = said["rate"] // 4
    seconds = np.arange(width) / said["rate"]
    starts = range(0, len(samples) - width + 1, width)
    runs = [measured(samples[at : at + width].astype(np.float64), seconds) for at in starts]
    return np.median([run[0] for run in runs], axis=0), median(run[1] for run in runs)


def response(exact: list[Measured], opus: list[Measured], *others: list[Measured]) -> list[dict[str, Any]]:
    """The worst tone of each way, medians of the repeats."""
    microphone, shipped = ([worst(run) for run in runs] for runs in others)
    method = (
        f"eight tones at once, {TONE:g} of full scale each, from a card at {CARD_HZ} Hz, through the unit, the data "
        "channel and the viewer's own AudioWorklet at 48 kHz in headless Chromium, before filter and volume; least "
        "squares over 1.3 s; the tone that changed most"
    )
    peers = (
        "; the same tones through {}, from Chromium's remote track, medians of windows of 0.25 s. "
        f"Medians of {REPEATS} stretches, one connection"
    )
    value = median(worst(run) for run in exact)
    rows = [
        row(
            f"exact path, {TONES_HZ[0]}-{TONES_HZ[-1]} Hz, worst change of level",
            value,
            "dB",
            0.1,
            REPEATS,
            method + peers.format(name),
            peer=name,
            peer_value=round(median(peer), 2),
        )
        for name, peer in ((MICROPHONE, microphone), (SHIPPED, shipped))
    ]
    noise = median(run[1] for run in exact)
    rows.append(row("exact path, tones above all else", noise, "dB", 90.0, REPEATS, method, better="higher"))
    rows[-1] |= {"peer": SHIPPED, "peer_value": round(median(run[1] for run in others[1]), 1)}
    heard = "the Opus track of the same call, as Chromium's track gives it"
    rows.append(
        row(
            f"Opus track, {TONES_HZ[0]}-{TONES_HZ[-1]} Hz, worst change of level",
            median(worst(run) for run in opus),
            "dB",
            0.2,
            REPEATS,
            heard + peers.format(SHIPPED),
            peer=SHIPPED,
            peer_value=round(median(shipped), 2),
        )
    )
    return rows


def worst(run: Measured) -> float:
    return float(np.max(np.abs(run[0])))


def delay(said: dict[str, Any]) -> list[dict[str, Any]]:
    """From the capture of a sample until it is heard, and whether every block was what the unit sent."""
    counts, ahead_ms = said["answer"], said["ahead_ms"]
    heard = [at - ahead_ms - capture_ms + counts["latency_ms"] for at, capture_ms in counts["heard"]]
    method = (
        "loopback, one clock: from the capture of a sample until the worklet gives it out, and the output's own "
        f"latency as Chromium says it ({counts['latency_ms']:.0f} ms in this run, headless)"
    )
    (stream,) = counts["streams"]
    wrong = stream["blocks"] - counts["proven"] + counts["corrupt"]
    exact = "every block's SHA-256 (8 bytes) computed in the page and compared with the unit's; those that differ"
    return [
        row("chest-piece to headphone, clean LAN, p95", quantiles(heard, n=20)[-1], "ms", 120.0, len(heard), method),
        row("blocks that are not bit-exact", wrong, "", 0.0, stream["blocks"], exact),
    ]


# --- a bad way


def lossy(wav: Path) -> list[dict[str, Any]]:
    """Ours, then the peer, each with all losses in one connection."""
    runs, missing = each_loss(wav, ordered=False)
    peers, _ = each_loss(wav, ordered=True)
    rows = [one for loss in LOSSES for one in at_loss(loss, runs[loss], peers[loss])]
    method = "what is missing of all that was sent, 10 s after the last of these; a single run"
    return [*rows, row("samples lost after backfill, 0 to 10 % loss", missing, "samples", 0.0, 1, method)]


def each_loss(wav: Path, ordered: bool) -> tuple[dict[float, list[dict[str, Any]]], int]:
    with way(Weather()) as between, ends(between, wav) as (unit, viewer):
        connect(unit, viewer, ordered)
        ask(viewer, "play")
        runs = {}
        for loss in LOSSES:
            between.set(Weather(loss=loss))
            time.sleep(3)
            runs[loss] = stretches(viewer)
        between.set(Weather())
        time.sleep(10)
        counts = ask(viewer, "counts")["answer"]
    return runs, sum(one["missing"] for one in counts["streams"]) + 160 * counts["gone"]


def stretches(viewer: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What the page counted, stretch by stretch, after one that is left out."""
    ask(viewer, "counts")
    found = []
    for _ in range(REPEATS):
        before = ask(viewer, "counts")["answer"]["report"]
        time.sleep(WINDOW_S)
        found.append({**ask(viewer, "counts")["answer"], "before": before})
    return found


def at_loss(loss: float, ours: list[dict[str, Any]], ordered: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks that came later than the most that the player ever holds back, against the quickest of their stretch."""
    reports = [(run["before"], run["report"]) for run in ours]
    silent = [now["gap"] + now["skipped"] - old["gap"] - old["skipped"] for old, now in reports]
    method = (
        f"25 ms each way, loss both ways, {REPEATS} stretches of {WINDOW_S:g} s, medians; the share of blocks that "
        f"came more than {BUFFER_MS:g} ms after the quickest; the peer carries the same in a connection of its own"
    )
    name = f"at {100 * loss:g} % loss"
    value = median(past(run["late"]["stethoscope"]) for run in ours)
    came = [run["late"]["ordered"] for run in ordered if run["late"]["ordered"]]
    # A peer's connection that ended is no figure of an ordered channel.
    peer = {"peer": ORDERED, "peer_value": round(median(map(past, came)), 3)} if came else {}
    slowest = max((max(late) - min(late) for late in came), default=0.0)
    stalls = REPEATS - len(came)
    lost = "samples that were silence in the player, or jumped over; median of the same stretches, the worst: "
    held = 1000 * max(now["target_s"] for _, now in reports)
    said = f"{method} (the peer's slowest: {slowest:.0f} ms; stretches in which none of its came: {stalls})"
    target = 0.0 if loss < 0.1 else 0.1
    return [
        row(f"blocks past the buffer {name}", value, "%", target, REPEATS, said, **peer),
        row(f"samples not heard {name}", median(silent), "samples", None, REPEATS, f"{lost}{max(silent)}"),
        row(f"sound held back {name}", held, "ms", BUFFER_MS, REPEATS, "the most that the player wanted in hand"),
    ]


def past(late_ms: list[float]) -> float:
    if not late_ms:
        return 100.0
    return 100 * sum(one - min(late_ms) > BUFFER_MS for one in late_ms) / len(late_ms)


def outage(wav: Path) -> list[dict[str, Any]]:
    """The way is down for so long that the connection dies; another one brings what was captured meanwhile."""
    with way(Weather()) as between, ends(between, wav) as (unit, viewer):
        connect(unit, viewer)
        ask(viewer, "play")
        time.sleep(5)
        between.set(Weather(down=True))
        time.sleep(OUTAGE_S)
        between.set(Weather())
        connect(unit, viewer)
        back_s, waited_s = time.monotonic(), 0.0
        while waited_s < 120:
            time.sleep(1)
            waited_s = time.monotonic() - back_s
            counts = ask(viewer, "counts")["answer"]
            missing = sum(one["missing"] for one in counts["streams"])
            if waited_s > 5 and missing == 0:
                break
    (stream,) = counts["streams"]
    method = (
        f"the way down for {OUTAGE_S:g} s, then another connection; of the samples from the first to the newest, those "
        "that did not come or differ from what the unit hashed; a single run"
    )
    lost = missing + 160 * counts["gone"] + 160 * counts["corrupt"]
    received = stream["received"] / 8000
    return [
        row("samples lost after 40 s without a way", lost, "samples", 0.0, 1, method),
        row("until the 40 s are whole again", waited_s, "s", None, 1, f"{method}; {received:.0f} s were received"),
    ]


# --- processes


@contextmanager
def ends(between: Way, wav: Path) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    with ExitStack() as stack:
        unit = stack.enter_context(process("send", "ours", HERE, within=between.within(0)))
        yield unit, stack.enter_context(process("view", str(wav), within=between.within(1)))


@contextmanager
def process(*arguments: str, within: list[str] | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [*(within or []), sys.executable, "-m", "tests.bench.sound_call", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            stream.close()


def connect(unit: subprocess.Popen[str], viewer: subprocess.Popen[str], ordered: bool = False) -> None:
    offer = exchange(unit, {"ordered": ordered})
    tell(unit, ask(viewer, "answer", offer)["answer"])
    time.sleep(2)


def ask(viewer: subprocess.Popen[str], name: str, value: Any = None) -> dict[str, Any]:
    return exchange(viewer, {"do": name, "with": value})


def exchange(child: subprocess.Popen[str], what: dict[str, Any]) -> dict[str, Any]:
    tell(child, what)
    assert child.stdout is not None
    said: dict[str, Any] = json.loads(child.stdout.readline())
    return said


def tell(child: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(what) + "\n")
    child.stdin.flush()
