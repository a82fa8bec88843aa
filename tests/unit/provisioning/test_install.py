"""`chevet install` and `chevet uninstall` on a root of our own: what comes, goes again, and nothing else with it."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning import install, machine, manifest, uninstall
from provisioning.tree import PART, Content, InstallError, Tree

PROGRAM = "/opt/chevet/bin/chevet"
CONFIG = "etc/chevet/chevet.toml"
SERVICE = "usr/local/lib/systemd/system/chevet.service"
KIOSK_LINK = "etc/systemd/system/graphical.target.wants/chevet-kiosk.service"
FIREWALL_LINK = "etc/systemd/system/sysinit.target.wants/chevet-firewall.service"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A little of a Debian, with an owner's own files beside ours."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power is cut here, and there are thousands
    made = tmp_path / "root"
    for folder in ("etc/systemd/system/multi-user.target.wants", "usr/local/lib", "etc/udev/rules.d", "var/lib"):
        (made / folder).mkdir(parents=True)
    (made / "etc/udev/rules.d/10-own.rules").write_text("# own\n")
    (made / "etc/systemd/system/multi-user.target.wants/own.service").symlink_to("/usr/lib/own.service")
    return made


def snapshot(root: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every path with its mode and content."""
    return {
        str(path.relative_to(root)): (
            stat.S_IMODE(path.lstat().st_mode),
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b"folder",
        )
        for path in sorted(root.rglob("*"))
    }


def installed(root: Path, *words: str) -> str:
    out = io.StringIO()
    assert install.run(["--root", str(root), "--program", PROGRAM, *words], out) == 0
    return out.getvalue()


def uninstalled(root: Path, *words: str) -> str:
    out = io.StringIO()
    assert uninstall.run(["--root", str(root), *words], out) == 0
    return out.getvalue()


def test_twice_in_and_twice_out_leaves_the_root_byte_for_byte(root: Path) -> None:
    before = snapshot(root)
    installed(root)
    once = snapshot(root)
    again = installed(root)

    assert snapshot(root) == once
    assert {line.split()[0] for line in again.splitlines()} == {"is"}  # is there
    assert once[KIOSK_LINK][1] == "/usr/local/lib/systemd/system/chevet-kiosk.service"
    assert once[SERVICE][0] == 0o644
    assert f"ExecStart={PROGRAM} run --config /etc/chevet/chevet.toml\n".encode() in bytes(once[SERVICE][1])  # type: ignore[arg-type]

    uninstalled(root)
    assert snapshot(root) == before
    assert uninstalled(root) == "nothing is installed here\n"
    assert snapshot(root) == before


def test_a_narrow_umask_does_not_hide_the_units_from_those_who_read_them(root: Path) -> None:
    old = os.umask(0o077)
    try:
        installed(root)
    finally:
        os.umask(old)
    assert (root / SERVICE).stat().st_mode & 0o777 == 0o644
    assert (root / "usr/local/lib/systemd").stat().st_mode & 0o777 == 0o755


class PowerCutError(Exception):
    pass


class CutTree(Tree):
    """The power goes at the `cut`-th change: what is written then is half there, under the name of its part."""

    def __init__(self, root: Path, cut: int) -> None:
        super().__init__(root)
        self._left = cut

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PowerCutError

    def put(self, path: str, content: Content) -> None:
        try:
            self._step()
        except PowerCutError:
            self._at(path + PART).write_bytes(b"half")
            raise
        super().put(path, content)

    def remove(self, path: str) -> None:
        if self.exists(path):
            self._step()
        super().remove(path)

    def make_folder(self, path: str) -> None:
        self._step()
        super().make_folder(path)

    def remove_folder(self, path: str) -> bool:
        self._step()
        return super().remove_folder(path)


def every_cut(root: Path, act: Callable[[Tree], None], after: Callable[[int], None]) -> int:
    """Do it with the power cut at the first change, at the second ... until it gets through; how often it was cut."""
    cut = 0
    while True:
        try:
            act(CutTree(root, cut))
        except PowerCutError:
            after(cut)
            cut += 1
        else:
            return cut


def whole_install(tree: Tree, program: str = PROGRAM) -> None:
    wanted = install.contents(install.shipped(), program)
    wanted |= install.started(tree, manifest.load(tree), None, None, lambda _: None)
    install.install(tree, wanted, install.Made(), lambda _: None)


def whole_uninstall(tree: Tree) -> None:
    uninstall.forget(tree, uninstall.uninstall(tree, False, lambda _: None))


def test_an_installation_cut_off_anywhere_is_taken_back(root: Path) -> None:
    before = snapshot(root)

    def taken_back(cut: int) -> None:
        whole_uninstall(Tree(root))
        assert snapshot(root) == before, f"after a cut at change {cut}"

    assert every_cut(root, whole_install, taken_back) > 25


def test_an_installation_cut_off_anywhere_is_completed_by_the_next(root: Path, tmp_path: Path) -> None:
    before = snapshot(root)
    whole_install(Tree(root))
    whole = snapshot(root)
    whole_uninstall(Tree(root))

    def completed(cut: int) -> None:
        whole_install(Tree(root))
        assert snapshot(root) == whole, f"after a cut at change {cut}"
        whole_uninstall(Tree(root))
        assert snapshot(root) == before

    assert every_cut(root, whole_install, completed) > 25


def test_an_upgrade_cut_off_anywhere_is_taken_back(root: Path) -> None:
    before = snapshot(root)
    whole_install(Tree(root))

    def taken_back(cut: int) -> None:
        whole_uninstall(Tree(root))
        assert snapshot(root) == before, f"after a cut at change {cut}"
        whole_install(Tree(root))

    every_cut(root, lambda tree: whole_install(tree, "/opt/other/bin/chevet"), taken_back)


def test_taking_back_cut_off_anywhere_is_completed_by_the_next(root: Path) -> None:
    before = snapshot(root)
    whole_install(Tree(root))

    def completed(cut: int) -> None:
        whole_uninstall(Tree(root))
        assert snapshot(root) == before, f"after a cut at change {cut}"
        whole_install(Tree(root))

    assert every_cut(root, whole_uninstall, completed) > 25


def test_what_its_owner_changed_stays_and_is_told(root: Path) -> None:
    installed(root)
    (root / CONFIG).write_text("# ours now\n")

    assert f"left      /{CONFIG} is not as we made it: its owner's stays" in installed(root)
    told = uninstalled(root)
    assert f"kept      /{CONFIG}: its owner changed it" in told
    assert "kept      /etc/chevet: it holds what we did not put there" in told
    assert (root / CONFIG).read_text() == "# ours now\n"


@pytest.mark.parametrize("words", ["# settings from before\n", None])
def test_what_was_there_before_us_stays(root: Path, words: str | None) -> None:
    """Also where it is the same as ours by chance."""
    (root / CONFIG).parent.mkdir()
    (root / CONFIG).write_text(words or (install.shipped() / CONFIG).read_text())
    before = snapshot(root)

    installed(root)
    uninstalled(root)

    assert snapshot(root) == before


def test_an_upgrade_replaces_ours_and_removes_what_is_no_longer_shipped(root: Path) -> None:
    before = snapshot(root)
    tree = Tree(root)
    old: dict[str, Content] = {"/etc/chevet/old.conf": b"old\n", "/etc/chevet/kept.conf": b"1\n"}
    install.install(tree, old, install.Made(), lambda _: None)
    install.install(tree, {"/etc/chevet/kept.conf": b"2\n"}, install.Made(), lambda _: None)

    assert sorted(path.name for path in (root / "etc/chevet").iterdir()) == ["kept.conf"]
    assert (root / "etc/chevet/kept.conf").read_text() == "2\n"
    whole_uninstall(tree)
    assert snapshot(root) == before


def test_a_unit_that_its_owner_disabled_is_not_enabled_again(root: Path) -> None:
    installed(root)
    (root / KIOSK_LINK).unlink()
    assert f"left      /{KIOSK_LINK} was removed by its owner: the unit is not enabled again" in installed(root)
    assert not (root / KIOSK_LINK).is_symlink()


def test_what_starts_with_the_machine_stays_as_it_was_chosen(root: Path) -> None:
    installed(root, "--firewall", "--no-kiosk")
    installed(root)
    assert (root / FIREWALL_LINK).is_symlink()
    assert not (root / KIOSK_LINK).is_symlink()
    installed(root, "--no-firewall", "--kiosk")
    assert not (root / FIREWALL_LINK).is_symlink()
    assert (root / KIOSK_LINK).is_symlink()


def test_beside_a_display_manager_the_screens_are_not_started(root: Path) -> None:
    (root / "etc/systemd/system/display-manager.service").symlink_to("/usr/lib/systemd/system/gdm.service")
    assert "this machine has a display manager" in installed(root)
    assert not (root / KIOSK_LINK).is_symlink()


def test_a_dry_run_changes_nothing(root: Path) -> None:
    before = snapshot(root)
    told = installed(root, "--dry-run")
    assert told.startswith("nothing is changed; this is what would be done:\nwritten   /etc/chevet/chevet.toml\n")
    assert snapshot(root) == before

    installed(root)
    before = snapshot(root)
    assert f"removed   /{SERVICE}" in uninstalled(root, "--dry-run")
    assert snapshot(root) == before


def test_records_go_only_when_that_is_said_twice(root: Path) -> None:
    before = snapshot(root)
    installed(root)
    (root / "var/lib/chevet/blobs").mkdir(parents=True)
    (root / "var/lib/chevet/chevet.db").write_bytes(b"records")

    with pytest.raises(InstallError, match="say --state twice"):
        uninstall.run(["--root", str(root), "--state"], io.StringIO())
    assert (root / SERVICE).exists()
    assert "kept      /var/lib/chevet: --state --state removes it" in uninstalled(root)
    assert (root / "var/lib/chevet/chevet.db").read_bytes() == b"records"
    assert "removed   /var/lib/chevet" in uninstalled(root, "--state", "--state")
    assert snapshot(root) == before


def test_a_user_who_owns_records_stays_with_them_and_goes_with_them(root: Path) -> None:
    tree = Tree(root)
    install.install(tree, {"/etc/x": b"x"}, install.Made(users=("chevet",)), lambda _: None)
    (root / "var/lib/chevet").mkdir()

    assert uninstall.uninstall(tree, False, lambda _: None) == ()
    uninstall.forget(tree, ())
    assert uninstall.uninstall(tree, True, lambda _: None) == ("chevet",)
    uninstall.forget(tree, ("chevet",))
    assert not (root / "etc/chevet.installed.json").exists()


def test_a_link_out_of_the_root_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "usr/local/lib").rmdir()
    (root / "usr/local/lib").symlink_to(tmp_path / "outside")
    with pytest.raises(InstallError, match="leads out of it"):
        installed(root)
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("/tmp/venv/bin/chevet", "which the service may not see; install Chevet into a folder for all"),
        ("venv/bin/chevet", "an absolute one is wanted"),
    ],
)
def test_a_program_that_the_service_could_not_start(root: Path, program: str, says: str) -> None:
    with pytest.raises(InstallError, match=says):
        install.run(["--root", str(root), "--program", program], io.StringIO())


def test_a_folder_that_is_no_root(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="is not the root of a system: it has no folder etc"):
        installed(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is damaged"),
        ('{"version": 7}', "has version 7; this program knows 1"),
        ('{"version": 1, "files": {"/../../etc/passwd": []}}', "an absolute path is wanted"),
    ],
)
def test_a_manifest_that_cannot_be_believed(root: Path, text: str, says: str) -> None:
    (root / "etc/chevet.installed.json").write_text(text)
    with pytest.raises(InstallError, match=says):
        uninstalled(root)


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This machine, as if systemd ran it."""
    monkeypatch.setattr(machine, "BOOTED", tmp_path)
    monkeypatch.setattr(machine, "find_spec", lambda _: object())
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("debian")
def test_on_a_running_machine_it_tells_what_it_would_run() -> None:
    out = io.StringIO()
    install.run(["--dry-run", "--program", PROGRAM], out)
    assert [line.removeprefix("runs      ") for line in out.getvalue().splitlines() if line.startswith("runs")] == [
        "systemd-sysusers chevet.conf",
        "systemd-tmpfiles --create chevet.conf",
        "udevadm control --reload",
        "udevadm trigger --subsystem-match=usb --subsystem-match=tty --subsystem-match=video4linux",
        "systemctl daemon-reload",
    ]


@pytest.mark.usefixtures("debian")
@pytest.mark.parametrize("command", [install.run, uninstall.run])
def test_a_running_machine_is_changed_by_root_only(command: Callable[[list[str], io.StringIO], int]) -> None:
    with pytest.raises(InstallError, match="root's rights are needed, this is user 1000"):
        command(["--program", PROGRAM] if command is install.run else [], io.StringIO())


@pytest.mark.usefixtures("debian")
def test_without_systemd_python_the_service_would_never_be_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda _: None)
    with pytest.raises(InstallError, match="systemd-python is missing"):
        install.run(["--program", PROGRAM], io.StringIO())


@pytest.mark.parametrize("command", [install.run, uninstall.run])
def test_a_machine_without_systemd(
    command: Callable[[list[str], io.StringIO], int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "BOOTED", tmp_path / "no")
    with pytest.raises(InstallError, match="systemd does not run this machine"):
        command(["--program", PROGRAM] if command is install.run else [], io.StringIO())


def test_a_program_of_the_machine_that_fails_is_quoted() -> None:
    with pytest.raises(InstallError, match="failed with 3: no such user"):
        machine.execute([("sh", "-c", "echo no such user >&2; exit 3")], False, lambda _: None)
