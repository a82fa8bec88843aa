"""The frame holds: locks with hashes and no addresses, a README that names what is there, pages of one page."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent.parent
PYTHON_LOCKS = [
    "requirements.lock",
    "requirements-dev.lock",
    "tools/build.lock",
    "tools/node.lock",
    "tools/systemd.lock",
]
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|--(?:extra-)?index-url|--find-links|--trusted-host", re.IGNORECASE)
REQUIREMENT = re.compile(r"^[a-z0-9][a-z0-9._-]*==[^ ]+( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
PAGE_WORDS = 600  # a page of prose


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files are tracked is unknown")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("name", PYTHON_LOCKS)
def test_lock_pins_by_hash_and_names_no_address(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if ADDRESS.search(line)] == []
    assert [line for line in lines if not (REQUIREMENT.match(line) or HASH.match(line))] == []
    requirements = [number for number, line in enumerate(lines) if REQUIREMENT.match(line)]
    assert requirements
    assert [lines[number] for number in requirements if not HASH.match(lines[number + 1])] == []


def pins(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.removesuffix(" \\") for line in lines if REQUIREMENT.match(line)}


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    assert pins("requirements.lock") - pins("requirements-dev.lock") == set()
    assert pins("tools/build.lock") - pins("requirements-dev.lock") == set()


def test_extra_and_build_hook_name_the_locked_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert pins("tools/systemd.lock") == set(project["project"]["optional-dependencies"]["systemd"])
    assert set(project["build-system"]["requires"]) < pins("tools/build.lock")
    (node,) = pins("tools/node.lock")
    assert f'NODE_WHEEL = "{node}"' in (ROOT / "hatch_build.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["kiosk_ui", "tests/peers/medplum"])
def test_npm_lock_has_hashes_and_no_addresses(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    installed = {place: facts for place, facts in packages.items() if place}

    assert installed
    assert [place for place, facts in installed.items() if "resolved" in facts] == []
    assert [place for place, facts in installed.items() if not facts.get("integrity", "").startswith("sha512-")] == []


def links_of(page: Path) -> set[str]:
    """The targets inside this repository that a page links to, as written."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    return {target for target in targets if ":" not in target}


def test_documents_link_to_what_is_there() -> None:
    pages = [path for path in tracked() if path.suffix == ".md"]
    broken = {f"{page.name}: {link}" for page in pages for link in links_of(page) if not (page.parent / link).exists()}
    assert broken == set()


def test_readme_maps_the_folders() -> None:
    rows = re.findall(r"^\| `([a-z_-]+)/` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert [folder for folder in rows if not (ROOT / folder).is_dir()] == []
    assert {"appliance", "docs", "drivers", "kiosk_ui", "os-image", "provisioning", "tests", "tools"} - set(
        rows
    ) == set()


def test_a_decision_fits_on_a_page() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    words = {page.name: len(page.read_text(encoding="utf-8").split()) for page in decisions}

    assert words
    assert {name: count for name, count in words.items() if count > PAGE_WORDS} == {}


def test_schemas_are_schemas() -> None:
    schemas = sorted((ROOT / "docs" / "schemas").glob("*.json"))

    assert schemas
    for schema in schemas:
        Draft202012Validator.check_schema(json.loads(schema.read_text(encoding="utf-8")))


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    # Put together here, so that this file is not its own finding.
    machine = re.compile("|".join(["/work" + "/", "/home" + r"/[a-z]", "/root" + "/", "/Users" + "/"]).encode())
    named = {str(path.relative_to(ROOT)) for path in tracked() if machine.search(path.read_bytes())}
    assert named == set()
