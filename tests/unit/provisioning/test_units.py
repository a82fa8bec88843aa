"""The unit files, rules and filters that are shipped, by the tools of those who read them: systemd, udev, nftables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from appliance import config

ROOT = Path(__file__).parent.parent.parent.parent
FILES = ROOT / "os-image" / "files"
UNITS = FILES / "usr/local/lib/systemd/system"
LOCAL = FILES / "usr/local/lib"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# Exposure as `systemd-analyze security` counts it, times ten: 0 is locked in, 100 is open.
AT_MOST = {"chevet.service": 15, "chevet-firewall.service": 20, "chevet-kiosk.service": 30}


def tool(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"no {name} here")
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """As installed, but for programs that this machine need not have."""
    placed = tmp_path / str(request.param)
    text = (UNITS / placed.name).read_text().replace("@CHEVET@", "/bin/true").replace("/usr/sbin/nft", "/bin/true")
    placed.write_text(text)
    return placed


def test_every_unit_is_looked_at() -> None:
    assert sorted(path.name for path in UNITS.iterdir()) == sorted(AT_MOST)


@pytest.mark.parametrize("unit", AT_MOST, indirect=True)
def test_systemd_takes_the_unit_without_a_word(unit: Path) -> None:
    done = run(tool("systemd-analyze"), "verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(("unit", "at_most"), AT_MOST.items(), indirect=["unit"])
def test_the_sandbox_is_closed(unit: Path, at_most: int) -> None:
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", f"--threshold={at_most}", str(unit))
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) * 10 <= at_most, done.stdout
    assert done.returncode == 0


def test_the_service_reaches_these_devices_and_no_other() -> None:
    text = (UNITS / "chevet.service").read_text()
    assert re.findall(r"^DeviceAllow=(.*)$", text, re.MULTILINE) == [
        "char-188 rw",  # ttyUSB
        "char-166 rw",  # ttyACM
        "char-81 rw",  # video4linux
        "char-116 rw",  # alsa
        "char-13 r",  # input
    ]
    assert re.findall(r"^DevicePolicy=(.*)$", text, re.MULTILINE) == ["closed"]


@pytest.mark.parametrize(
    "line",
    ["Type=notify", "NotifyAccess=main", "WatchdogSec=20s", "Restart=always", "StartLimitIntervalSec=0", "LimitCORE=0"],
)
def test_the_service_comes_back_whatever_happens(line: str) -> None:
    assert line in (UNITS / "chevet.service").read_text().splitlines()


def test_under_pressure_the_screens_go_first() -> None:
    service, kiosk = (
        dict(re.findall(r"^(CPUWeight|OOMScoreAdjust)=(.*)$", (UNITS / name).read_text(), re.MULTILINE))
        for name in ("chevet.service", "chevet-kiosk.service")
    )
    assert (service, kiosk) == (
        {"CPUWeight": "1000", "OOMScoreAdjust": "-900"},
        {"CPUWeight": "100", "OOMScoreAdjust": "300"},
    )


def test_udev_takes_the_rules_without_a_word() -> None:
    udevadm = tool("udevadm")
    if run(udevadm, "verify", "--help").returncode != 0:
        pytest.skip("this udevadm has no `verify`: it came with systemd 254")
    done = run(udevadm, "verify", "--resolve-names=never", str(LOCAL / "udev/rules.d/72-chevet.rules"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", ["systemd-sysusers", "systemd-tmpfiles"])
def test_users_and_folders_come_into_a_root(program: str, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for folder in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(LOCAL / folder, tmp_path / "usr/local/lib" / folder)
    create = ["--create"] if program == "systemd-tmpfiles" else []
    done = run(tool(program), f"--root={tmp_path}", *create, "chevet.conf")
    assert done.returncode == 0, done.stderr
    if program == "systemd-sysusers":
        users = [line.split(":")[0] for line in (tmp_path / "etc/passwd").read_text().splitlines()]
        assert [name for name in users if name != "root"] == ["chevet", "chevet-kiosk"]
    else:
        assert (tmp_path / "etc/credstore.encrypted").stat().st_mode & 0o777 == 0o700


def in_a_network_of_its_own(script: str) -> str:
    """What a shell script prints that may load filters: they go with it."""
    tool("nft")
    done = run(tool("unshare"), "--user", "--map-root-user", "--net", "sh", "-euc", f"PATH={PATH}; {script}")
    if "unshare" in done.stderr or "Operation not supported" in done.stderr:
        pytest.skip(f"no filters here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nft_takes_the_filter() -> None:
    in_a_network_of_its_own(f"nft -c -f {LOCAL / 'chevet/firewall.nft'}")


def test_the_filter_drops_by_default_both_ways_and_is_loaded_anew(tmp_path: Path) -> None:
    """With the elements that the page for operators shows."""
    (shown,) = re.findall(r"```nft\n(.*?)```", (ROOT / "docs/operate.md").read_text(), re.DOTALL)
    site = tmp_path / "site.nft"
    site.write_text(shown)
    filters = tmp_path / "firewall.nft"
    text = (LOCAL / "chevet/firewall.nft").read_text()
    filters.write_text(text.replace("/etc/chevet/firewall.d/*.nft", str(site)))

    loaded = in_a_network_of_its_own(f"nft -f {filters}; nft -f {filters}; nft list ruleset")

    assert re.findall(r"hook (\w+) priority filter; policy (\w+);", loaded) == [
        ("input", "drop"),
        ("forward", "drop"),
        ("output", "drop"),
    ]
    assert loaded.count("table inet chevet") == 1
    assert "198.51.100.7 . tcp . 443" in loaded


def test_the_first_settings_are_good(tmp_path: Path) -> None:
    settings = config.load(FILES / "etc/chevet/chevet.toml")
    assert (str(settings.state), settings.server.host, settings.devices) == ("/var/lib/chevet", "127.0.0.1", ())


def test_what_the_kiosk_reads_can_be_read() -> None:
    share = FILES / "usr/local/share/chevet"
    assert json.loads((share / "chromium/chevet.json").read_text())["URLBlocklist"] == ["*"]
    assert ElementTree.parse(share / "labwc/rc.xml").getroot().tag == "labwc_config"
    assert run("/bin/sh", "-n", str(LOCAL / "chevet/kiosk")).returncode == 0


@pytest.mark.parametrize(
    "flag", ["--kiosk", "--no-sandbox", "--disable-web-security", "--use-fake-ui-for-media-stream"]
)
def test_the_browser_is_not_started_with(flag: str) -> None:
    words = [line for line in (LOCAL / "chevet/kiosk").read_text().splitlines() if not line.startswith("#")]
    assert flag not in " ".join(words).split()
