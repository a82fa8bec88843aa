"""What is shipped: the wheel, also when it is made from the sdist, carries the screens and starts by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 120


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "kiosk_ui" / "dist" / "index.html").is_file():
        pytest.skip("the screens are not built: run `make ui`")
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the unpacked sdist, where there is no Node: what is built need not be built again."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(sdist, folder)
    return build("wheel", folder / sdist.name.removesuffix(".tar.gz"), folder, PATH="")


def build(target: str, source: Path, into: Path, **env: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=source, env=os.environ | env, check=True, capture_output=True, timeout=LIMIT_S)
    (made,) = [path for path in into.iterdir() if path.suffix in (".gz", ".whl")]
    return made


def test_the_wheel_holds_the_screens_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {"appliance/ui/index.html", "appliance/ui/viewer.js"} <= names
    packages = {"appliance", "drivers", "provisioning", "updater"}
    assert {name.split("/")[0] for name in names} == packages | {"chevet-0.1.0.dist-info"}
    licences = {"chevet-0.1.0.dist-info/licenses/LICENSE", "chevet-0.1.0.dist-info/licenses/THIRD_PARTY_NOTICES.md"}
    assert licences <= names


def test_the_sdist_holds_nothing_that_was_made_here(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"Makefile", "requirements.lock", "kiosk_ui/package-lock.json", "tests/unit/test_packaging.py"} <= names
    assert [name for name in names if name.startswith((".venv", "build", ".git/")) or "node_modules" in name] == []


def test_an_installed_wheel_lists_its_drivers(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    python = str(home / "bin" / "python")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=LIMIT_S)
    # The dependencies are those of this environment; chevet itself is not on that path, only in the wheel.
    env = os.environ | {"PYTHONPATH": sysconfig.get_path("purelib")}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, check=True, capture_output=True, text=True, timeout=LIMIT_S
        )
        return done.stdout

    assert run(python, "-c", "import appliance; print(appliance.__file__)").startswith(str(home))
    assert "ble-blood-pressure" in run(str(home / "bin" / "chevet"), "drivers")
    where = run(python, "-c", "from appliance.screens import built_ui; print(built_ui())").strip()
    assert where.startswith(str(home))
    assert where.endswith("/appliance/ui")
