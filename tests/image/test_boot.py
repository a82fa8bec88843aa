"""The image boots to a running unit under Secure Boot and a TPM; a good update stays, a bad one goes back by itself."""

from __future__ import annotations

import pytest

from tests.image.machine import BUILD, Machine, disk, media, why_not

pytestmark = [pytest.mark.image, pytest.mark.skipif(why_not() is not None, reason=why_not() or "")]

FIRST_BOOT_S, AGAIN_S = 600, 600
# Each boot of the history does what it finds here: `update` is what the updater does with a verified release.
UPDATES = """#!/bin/sh
version=$1 before=$2
update() {
  mkdir -p /run/chevet-update
  mount --bind "/run/chevet-test/$1" /run/chevet-update
  /usr/lib/systemd/systemd-sysupdate update "$1" || echo "FACT wrong=sysupdate $?"
  echo "FACT updated=$1"
  sync
  systemctl reboot
}
case "$version:$before" in
0.1:*0.2*) echo "FACT wrong=back on 0.1"; systemctl poweroff ;;
0.1:*) update 0.2 ;;
0.2:*0.2*) echo "FACT end=1"; sync; systemctl poweroff ;;
0.2:*) update 0.3 ;;
*) echo "FACT reached=$version" ;;
esac
"""


def test_first_boot_is_a_unit_that_runs() -> None:
    machine = Machine("boot")
    machine.make("0.1")
    (facts,) = machine.run(FIRST_BOOT_S)
    assert facts["version"] == "0.1"
    assert facts["state"] == "running", facts
    assert facts["failed"] == ""
    assert facts["secureboot"].startswith("enabled")
    assert facts["root"].startswith("/dev/mapper/root erofs ro,")
    assert facts["verity"] == "1"
    assert facts["var"] == "/dev/mapper/data"
    assert facts["luks"] == "LUKS2"
    assert facts["health"] == "well"
    # The name service's own, on loopback; and the unit's page, on loopback.
    assert set(facts["listening"].split()) == {"127.0.0.1:8080", "127.0.0.53%lo:53", "127.0.0.54:53"}


@pytest.mark.skipif(not disk("0.3").exists(), reason="no second and third version was built: run `make image-test`")
def test_a_good_update_stays_and_a_bad_one_goes_back_by_itself() -> None:
    machine = Machine("update")
    machine.make("0.1")
    second = media(BUILD / "releases", {"0.2": "", "0.3": ""}, UPDATES)
    history = machine.run(FIRST_BOOT_S + 4 * AGAIN_S, second)
    check_history(history)


def check_history(history: list[dict[str, str]]) -> None:
    told = [(boot["version"], boot.get("updated"), boot.get("end")) for boot in history]
    tried = ("0.3", None, None)  # twice: it ends before it can tell more, because its service does not start
    assert told == [("0.1", "0.2", None), ("0.2", "0.3", None), tried, tried, ("0.2", None, "1")], history
    assert history[-1]["state"] == "running"
    assert history[-1]["luks"] == "LUKS2"  # opened although the kernel image had changed
    assert "chevet_0.2.efi" in history[-1]["entries"]  # blessed: it has no counter any more
    assert "chevet_0.3+0-2.efi" in history[-1]["entries"]  # tried twice, and left
