"""How many packets a second the decoders read, beside the shortest loop that takes the same numbers out by struct.

The bare loops cut the stream and make the same Decimals and instants. They prove nothing: no length, no bit 7, no
range, no special value, no status; and what comes out are tuples.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Any

from drivers.core.driver import Driver
from drivers.core.model import Packet
from drivers.registry import DRIVERS

LIMIT_S = 120
PACKETS = 6000
REPEATS = 9

CONTEC = bytes.fromhex("01e085b396c1e1ffff") * PACKETS
CUFF = bytes.fromhex("167c0056006100e807060f11111b33000000")
CHUNK = 54  # bytes a read gives at 60 packets/s, and a few

Numbers = list[tuple[object, ...]]


def figures() -> list[dict[str, Any]]:
    cases: list[tuple[str, Driver, Callable[[Driver], int], Callable[[], Numbers]]] = [
        ("oximeter stream", DRIVERS["contec-cms50"], stream, bare_stream),
        ("cuff indications", DRIVERS["ble-blood-pressure"], indications, bare_indications),
    ]
    rows: list[dict[str, Any]] = []
    for name, driver, ours, bare in cases:
        # Alternating, so that what else the machine does falls on both alike.
        runs = [(rate(lambda: ours(driver)), rate(bare)) for _ in range(REPEATS)]  # noqa: B023 - called at once
        value, peer = median(run[0] for run in runs), median(run[1] for run in runs)
        rows.append(
            {
                "area": "decoders",
                "name": name,
                "value": round(value),
                "unit": "packets/s",
                "better": "higher",
                "peer": "bare struct loop",
                "peer_value": round(peer),
                "ratio": round(value / peer, 3),
                "n": REPEATS,
                "method": f"{PACKETS} packets from bytes to judged events (framed, proven, in Decimal); "
                "peer: the same numbers by struct, unproven, as tuples; medians of alternating runs",
            }
        )
    return [*rows, share_of_a_core(rows[0]["value"])]


def share_of_a_core(packets_per_s: float) -> dict[str, Any]:
    return {
        "area": "decoders",
        "name": "one oximeter at 60 packets/s",
        "value": round(100 * 60 / packets_per_s, 3),
        "unit": "% of a core",
        "better": "lower",
        "target": 1.0,
        "n": REPEATS,
        "method": "60 / packets/s of the oximeter stream above",
    }


def rate(work: Callable[[], object]) -> float:
    """Packets a second."""
    begin = time.perf_counter()
    work()
    return PACKETS / (time.perf_counter() - begin)


def stream(driver: Driver) -> int:
    framer, decoder = driver.framer(), driver.decoder()
    count = 0
    for at in range(0, len(CONTEC), CHUNK):
        for data in framer.feed(CONTEC[at : at + CHUNK]):
            count += len(list(decoder(Packet(data))))
    if count != 3 * PACKETS:
        raise AssertionError(f"{count} events, wanted {3 * PACKETS}")
    return count


def bare_stream() -> Numbers:
    unpack = struct.Struct("9B").unpack
    found: Numbers = []
    buffer = b""
    for at in range(0, len(CONTEC), CHUNK):
        buffer += CONTEC[at : at + CHUNK]
        while len(buffer) >= 9:
            _, tops, _, pleth, _, pulse, spo2, _, _ = unpack(buffer[:9])
            buffer = buffer[9:]
            pulse, spo2 = pulse & 0x7F | tops << 4 & 0x80, spo2 & 0x7F | tops << 3 & 0x80
            found.append((pleth & 0x7F, Decimal(pulse), Decimal(spo2)))
    return found


def indications(driver: Driver) -> int:
    decoder = driver.decoder()
    count = 0
    for _ in range(PACKETS):
        count += len(list(decoder(Packet(CUFF, "2a35"))))
    if count != 4 * PACKETS:
        raise AssertionError(f"{count} events, wanted {4 * PACKETS}")
    return count


def bare_indications() -> Numbers:
    unpack = struct.Struct("<BHHHHBBBBBHH").unpack
    found: Numbers = []
    for _ in range(PACKETS):
        _, systolic, diastolic, mean, *when, pulse, _ = unpack(CUFF)
        taken = datetime(*when)  # noqa: DTZ001 - a device's clock has no zone
        found.append((taken, bare(systolic), bare(diastolic), bare(mean), bare(pulse)))
    return found


def bare(raw: int) -> Decimal:
    mantissa, exponent = raw & 0xFFF, raw >> 12
    return Decimal(mantissa - 4096 if mantissa > 2047 else mantissa).scaleb(exponent - 16 if exponent > 7 else exponent)
