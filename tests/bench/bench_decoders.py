"""How many events a second every decoder gives, from wire bytes, beside the shortest code that takes the numbers out.

Ours is framed, proven, judged and in Decimal; what `bare.py` does is none of that, and is the same arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from drivers.core.attached import Attached
from drivers.core.driver import Driver, Listener
from drivers.registry import DRIVERS
from tests.bench import bare
from tests.devices.captures import CAPTURES, recorded

LIMIT_S = 120
ROUND_S, REPEATS = 0.02, 5
FLOOR = 1 / 15  # no decoder is slower than fifteen times the bare minimum

# Which message of which capture, and what takes its numbers out.
CASES: dict[str, tuple[str, int, bare.Bare]] = {
    "bci-oximeter": ("made-edges", 0, bare.bci),
    "bci-oximeter-ble": ("made-edges", 0, bare.bci),
    "ble-blood-pressure": ("normal", 0, bare.cuff),
    "ble-blood-pressure-beurer-bm85": ("normal", 0, bare.cuff_bm85),
    "ble-glucose": ("records", 0, bare.glucose),
    "ble-heart-rate": ("chest-strap", 0, bare.heart_rate),
    "ble-pulse-oximeter": ("spot-check-low-perfusion", 0, bare.plx),
    "ble-thermometer": ("armpit-or-body", 0, bare.thermometer),
    "ble-weight": ("beurer-bf720", 0, bare.weight),
    "contec-cms50": ("steady", 1, bare.contec),
    "ge-s5": ("waves", 0, bare.ge_waves),
    "hl7-oru": ("made-pcd01", 0, bare.hl7),
    "ivy-450c": ("one-message", 0, bare.ivy),
    "masimo-ascii1": ("made-edges", 0, bare.masimo),
    "microlife-cuff": ("made-edges", 6, bare.microlife),
    "nellcor-n560": ("made-lines", 3, bare.nellcor),
    "nonin-format-13": ("made-edges", 0, bare.nonin_13),
    "nonin-format-8": ("made-edges", 0, bare.nonin_8),
    "nonin-oem3": ("made-doubts", 0, bare.nonin_2),
    "nonin-oem3-format-7": ("made-edges", 0, bare.nonin_7),
    "omron-eeprom": ("hem-7142t2", 1, bare.omron),
    "omron-eeprom-be": ("hem-7600t", 0, bare.omron_be),
    "philips-intellivue": ("made-poll", 0, bare.intellivue),
    "scale-and": ("made-edges", 0, bare.scale_and),
    "scale-detecto": ("made-edges", 0, bare.scale_detecto),
    "scale-health-o-meter": ("made-edges", 0, bare.scale_health_o_meter),
    "scale-seca": ("made-edges", 0, bare.scale_seca),
    "scp-ecg": ("made-plain", 1, bare.scp),
    "viatom-o2ring": ("made-edges", 0, bare.o2ring),
    "viatom-o2ring-s": ("made-edges", 0, bare.o2ring_s),
    "viatom-pc60fw": ("four-packets", 0, bare.pc60fw),
    "yonker-cuff": ("one-measurement", 0, bare.yonker),
}


def figures() -> list[dict[str, Any]]:
    files = {
        name
        for name, driver in DRIVERS.items()
        if isinstance(driver.claim, Listener) and driver.claim.protocol == "dicom"
    }  # pydicom reads them
    left_out = DRIVERS.keys() - CASES.keys() - files
    if left_out:
        raise AssertionError(f"no case for {', '.join(sorted(left_out))}")
    rows = [row(DRIVERS[name], *case) for name, case in CASES.items()]
    return [*rows, fastest(rows)]


def row(driver: Driver, capture: str, index: int, barely: bare.Bare) -> dict[str, Any]:
    data, channel = recorded(CAPTURES[f"{driver.name}/{capture}"])[index]
    attached = Attached(driver)

    def ours() -> int:
        return sum(len(list(attached.events(packet))) for packet in attached.packets(data, channel))

    ours()  # what is said once, as the monitor's name, has been said
    events = ours()
    if not events:
        raise AssertionError(f"{driver.name}: nothing in {capture}")
    # Alternating, so that what else the machine does falls on both alike.
    runs = [(rate(ours), rate(lambda: barely(data))) for _ in range(REPEATS)]
    value, peer = median(run[0] for run in runs), median(run[1] for run in runs)
    return {
        "area": "decoders",
        "name": driver.name,
        "value": round(value * events),
        "unit": "events/s",
        "better": "higher",
        "peer": "bare minimum, the same numbers",
        "peer_value": round(peer * events),
        "ratio": round(value / peer, 3),
        "target": round(FLOOR, 3),
        "n": REPEATS,
        "method": f"{value * len(data) / 1e6:.2f} MB/s of wire; {events} events in a message of {len(data)} bytes; "
        "medians of alternating runs",
    }


def fastest(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Twenty Berry oximeters at 100 packets/s, of three events each."""
    berry = next(row for row in rows if row["name"] == "bci-oximeter-ble")
    return {
        "area": "decoders",
        "name": "twenty oximeters at 100 packets/s, framed and decoded",
        "value": round(100 * 20 * 100 * 3 / berry["value"], 2),
        "unit": "% of a core",
        "better": "lower",
        "target": 10.0,
        "n": REPEATS,
        "method": "20 x 100 x 3 events over the events/s of bci-oximeter-ble",
    }


def rate(work: Callable[[], object]) -> float:
    """Messages a second."""
    begin = end = time.perf_counter()
    count = 0
    while end - begin < ROUND_S:
        for _ in range(20):
            work()
        count += 20
        end = time.perf_counter()
    return count / (end - begin)
