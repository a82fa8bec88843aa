"""An I/O error is the last thing that is written: no later write pretends, and a restart has what was acknowledged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.records.store import Store
from tests.making import result

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The calls that fail, compiled."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make a failing disk with")
    made = tmp_path_factory.mktemp("failing") / "failing_disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, HERE / "failing_disk.c", "-ldl"], check=True)
    return made


def run(preload: Path, folder: Path, call: str) -> dict[str, Any]:
    """What the unit saw until it died."""
    flag = folder / "fails"
    program = [sys.executable, "-m", "tests.faults.failing_disk", str(folder / "state"), str(flag), call]
    environment = os.environ | {"LD_PRELOAD": str(preload), "FAILING_DISK": str(flag)}
    ended = subprocess.run(
        program, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == -9, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


@pytest.mark.fault
@pytest.mark.parametrize("call", ["sync", "pwrite"])
async def test_nothing_is_written_after_an_io_error_and_a_restart_has_what_was_saved(
    preload: Path, tmp_path: Path, call: str
) -> None:
    said = run(preload, tmp_path, call)
    assert "disk has failed" in said["fault"]
    assert said["storage"]["state"] == "failed"
    assert said["storage"]["unsaved"] == 2
    assert said["storage"]["works"] == ["held", "live"]
    stored, unsaved = "stored", "unsaved"
    assert said["delivery"] == {"121": stored, "122": stored, "123": stored, "130": unsaved, "131": unsaved}
    assert said["refused"] == ["broken", "broken"]
    assert said["read"] == 3
    store = Store.open(tmp_path / "state")
    assert store.set_aside is None
    kept = [str(one.result.numerics[0].value) for one in await store.results(said["ref"])]
    assert kept[:3] == ["121", "122", "123"]
    # The one whose fsync failed may be there: nobody was told that it was saved. What came after may not.
    assert kept[3:] in ([], ["130"])
    assert await store.audit_break() is None
    assert await store.keep(result(said["ref"]), None)
    await store.close()
