"""How soon the picture is back after the network was down, or the unit's address is another one."""

from __future__ import annotations

import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from tests.bench.way import HERE, Way, Weather, way, why_not

LIMIT_S = 900.0
TARGET_S = 1.5
SIGNALS_S = 0.5  # after the network, the platform's link is back
ELSEWHERE = "10.77.0.3"
PATIENCE_S, REPLAY_S = 30.0, 90.0


class End:
    """One end of the call, in its namespace; what it says is read by a thread."""

    def __init__(self, made: Way, which: int, name: str) -> None:
        command = [*made.within(which), sys.executable, "-m", "tests.bench.recovery_call", name]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.said.put(json.loads(line))

    def ask(self, **what: Any) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(what) + "\n")
        self.child.stdin.flush()


class Bench:
    """A call over a way, and a platform between that is reached over the same network."""

    def __init__(self, made: Way) -> None:
        self.way, self.unit, self.doctor = made, End(made, 0, "unit"), End(made, 1, "doctor")
        self.open, self.told = True, {}  # type: bool, dict[str, Any]
        self.states: list[tuple[str, float]] = []

    def carry(self, seconds: float) -> None:
        """Relay signals for so long; while the network is down they are lost."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for here, there in ((self.unit, self.doctor), (self.doctor, self.unit)):
                while not here.said.empty():
                    said = here.said.get()
                    if "state" in said:
                        self.states.append((said["state"], said["at_s"]))
                    elif "pictures_s" in said:
                        self.told = said
                    elif self.open:
                        there.ask(**said)
            time.sleep(0.01)

    def look(self) -> dict[str, Any]:
        self.told = {}
        self.doctor.ask(tell=1)
        while not self.told:
            self.carry(0.05)
        return self.told

    def flowing(self, since_s: float) -> float:
        """The instant of the first picture since then. `TimeoutError`."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            later = [at_s for at_s in self.look()["pictures_s"] if at_s > since_s]
            if later:
                return float(later[0])
            self.carry(0.1)
        raise TimeoutError(f"no picture for {PATIENCE_S} s")

    def noticed_s(self, since_s: float) -> float:
        return next((at_s - since_s for state, at_s in self.states if state == "lost" and at_s > since_s), float("nan"))

    def down(self, seconds: float) -> float:
        """Cut the way for so long; the seconds from its being back to the first picture."""
        self.way.set(Weather(down=True))
        self.open = False
        self.carry(seconds)
        self.way.set(Weather())
        up_s = time.monotonic()
        self.carry(SIGNALS_S)
        self.open = True
        self.unit.ask(heard=1)
        return self.flowing(up_s) - up_s

    def moved(self) -> float:
        """Give the unit another address; the seconds to the first picture."""
        prefix = [*self.way.within(0), "ip", "addr"]
        subprocess.run([*prefix, "del", f"{HERE}/24", "dev", "way"], check=True)
        subprocess.run([*prefix, "add", f"{ELSEWHERE}/24", "dev", "way"], check=True)
        at_s = time.monotonic()
        return self.flowing(at_s + 0.1) - at_s  # what was under way has arrived by then

    def missing(self) -> int:
        """Blocks of the stethoscope that did not come, after they were asked for again."""
        self.carry(1.0)
        end_s = time.monotonic() + REPLAY_S
        while (missing := int(self.look()["missing"])) and time.monotonic() < end_s:
            self.doctor.ask(backfill=1)
            self.carry(2.0 + min(missing, 1000) / 40)  # they come at the pace of the sound, beside it
        return missing

    def close(self) -> None:
        for end in (self.unit, self.doctor):
            end.child.kill()
            end.child.wait()


def run(case: str) -> tuple[float, int]:
    """Seconds to the picture, and blocks that are missing for good."""
    with way(Weather()) as made:
        bench = Bench(made)
        try:
            bench.flowing(0.0)
            bench.carry(2.0)
            seconds = bench.moved() if case == "moved" else bench.down(float(case))
            return seconds, bench.missing()
        finally:
            bench.close()


CASES = {"5": ("down 5 s", 3), "40": ("down 40 s", 1), "moved": ("another address", 3)}


def figures() -> list[dict[str, Any]]:
    rows = []
    why = why_not()
    for case, (name, times) in CASES.items():
        row = {"area": "recovery", "unit": "s", "better": "lower", "n": times, "target": TARGET_S}
        told = f"two namespaces, 25 ms each way, {times} runs, aiortc as the doctor; platform back {SIGNALS_S} s after"
        if why is not None:
            rows.append({**row, "name": f"picture back, {name}", "value": None, "method": told, "error": why})
            continue
        done = [run(case) for _ in range(times)]
        missing = max(lost for _, lost in done)
        value = statistics.median(seconds for seconds, _ in done)
        rows.append({**row, "name": f"picture back, {name}", "value": value, "method": told})
        lost = {"unit": "blocks", "value": float(missing), "target": 0.0, "method": f"{told}; worst run"}
        rows.append({**row, **lost, "name": f"stethoscope missing after replay, {name}"})
    return rows


if __name__ == "__main__":
    print(run(sys.argv[1]))
