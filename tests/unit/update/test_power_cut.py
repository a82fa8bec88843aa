"""Power lost at each write of an update: the next attempt ends with the signed files in the other slot."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.crash_states import calls, replay, state
from tests.unit.update.releases import ROOT, VERITY, Maker, machine, updater
from updater.sources import Folder

TOP = Path(__file__).parents[3]
STATES = int(os.environ.get("CHEVET_UPDATE_STATES", "60"))

pytestmark = [pytest.mark.fault, pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")]


def test_every_cut_ends_in_the_signed_files(tmp_path: Path) -> None:
    maker, place = Maker(), tmp_path / "unit"
    old, stick = maker.release(tmp_path / "old", "1.0", 1), maker.release(tmp_path / "stick", "1.1", 2)
    machine(place, "1.0", old)
    (place / "update-state").mkdir()
    shim, record = tmp_path / "recording.so", tmp_path / "record"
    subprocess.run(
        ("cc", "-shared", "-fPIC", "-o", shim, TOP / "tests" / "faults" / "recording_disk.c", "-ldl"), check=True
    )
    told = {"LD_PRELOAD": str(shim), "RECORDED": str(place / "update-state"), "RECORDING": str(record)}
    command = (sys.executable, "-m", "tests.unit.update.test_power_cut", str(tmp_path))
    subprocess.run(command, env=os.environ | told, cwd=TOP, check=True, timeout=120)
    done, rng = list(calls(record)), random.Random(1816)
    assert len(done) > 10
    names = [f"chevet_1.1_{ROOT}.root.raw", f"chevet_1.1_{VERITY}.root-verity.raw"]
    for number in range(STATES):
        cut = tmp_path / f"cut{number}"
        here = machine(cut, "1.0", old)
        replay(state(done[: rng.randrange(len(done) + 1)], rng), place / "update-state", cut / "update-state")
        again = updater(cut, here, maker)
        again.run(Folder(stick), restart=False)
        assert {path.name: path.read_bytes() for path in (cut / "slot").iterdir()} == {
            name: (stick / name).read_bytes() for name in names
        }
        kernel = (here.entries / "chevet_1.1+2.efi").read_bytes()
        assert kernel == (stick / "chevet_1.1.efi").read_bytes()
        assert again.state().trying == "1.1"
        shutil.rmtree(cut)


def main(folder: Path) -> None:
    """One update, as it is recorded."""
    here = machine(folder / "unit", "1.0", folder / "old")
    updater(folder / "unit", here, Maker()).run(Folder(folder / "stick"), restart=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
