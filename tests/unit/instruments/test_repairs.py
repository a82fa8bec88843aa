"""The power of a USB port, in a sysfs made of files as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Device
from appliance.instruments.repairs import CannotHere, Hardware
from drivers.core.errors import LinkError

OXIMETER = Device(key="oximeter", name="Oximeter", kind="oximeter", driver="contec-cms50", link="serial:/dev/ttyUSB0")
CUFF = Device(key="cuff", name="Cuff", kind="blood-pressure", driver="ble-blood-pressure", link="ble:any")


def plugged(sys: Path, *ttys: str, kind: str = "00", switch: bool = True) -> Path:
    """A converter in port 2 of hub 1-1: its `disable` file."""
    hub = sys / "devices/pci0/usb1/1-1"
    port = hub / "1-1:1.0/1-1-port2"
    usb = hub / "1-1.2"
    port.mkdir(parents=True)
    for number, tty in enumerate(ttys):
        interface = usb / f"1-1.2:1.{number}"
        (interface / tty / "tty" / tty).mkdir(parents=True)
        place = sys / "class/tty" / tty
        place.mkdir(parents=True)
        (place / "device").symlink_to(interface / tty)
    (usb / "idVendor").write_text("0403\n")
    (usb / "bDeviceClass").write_text(f"{kind}\n")
    (usb / "port").symlink_to(port)
    (hub / "idVendor").write_text("1d6b\n")
    (hub / "bDeviceClass").write_text("09\n")
    if switch:
        (port / "disable").write_text("0\n")
    return port / "disable"


def hardware(sys: Path) -> Hardware:
    return Hardware(lambda device: device.link.partition(":")[2], sys=sys, off_s=0.0)


async def test_its_own_port_goes_off_and_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = plugged(tmp_path, "ttyUSB0")
    written: list[tuple[Path, str]] = []
    real = Path.write_text

    def noted(path: Path, text: str) -> int:
        written.append((path.resolve(), text))
        return real(path, text)

    monkeypatch.setattr(Path, "write_text", noted)
    await hardware(tmp_path).power_cycle(OXIMETER)
    assert written == [(switch.resolve(), "1"), (switch.resolve(), "0")]


async def test_a_port_that_others_share_is_left_alone(tmp_path: Path) -> None:
    switch = plugged(tmp_path, "ttyUSB0", "ttyUSB1")
    with pytest.raises(CannotHere, match="several ports"):
        await hardware(tmp_path).power_cycle(OXIMETER)
    assert switch.read_text() == "0\n"


async def test_a_hub_is_left_alone(tmp_path: Path) -> None:
    plugged(tmp_path, "ttyUSB0", kind="09")
    with pytest.raises(CannotHere, match="others are on it"):
        await hardware(tmp_path).power_cycle(OXIMETER)


async def test_a_hub_that_cannot_switch(tmp_path: Path) -> None:
    plugged(tmp_path, "ttyUSB0", switch=False)
    with pytest.raises(CannotHere, match="cannot switch"):
        await hardware(tmp_path).power_cycle(OXIMETER)


async def test_no_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(tmp_path, "ttyUSB0")

    def refused(path: Path, text: str) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refused)
    with pytest.raises(CannotHere, match="Permission denied"):
        await hardware(tmp_path).power_cycle(OXIMETER)


async def test_no_usb_and_no_tty(tmp_path: Path) -> None:
    with pytest.raises(CannotHere, match="not on USB"):
        await hardware(tmp_path).power_cycle(OXIMETER)
    with pytest.raises(CannotHere, match="ble link"):
        await hardware(tmp_path).power_cycle(CUFF)


async def test_the_radio_is_reset_for_who_is_heard_by_it(tmp_path: Path) -> None:
    resets: list[str] = []

    async def reset() -> None:
        resets.append("reset")

    async def refuses() -> None:
        raise LinkError("the adapter is not reset: 2 devices are connected")

    def with_radio(reset_radio: object) -> Hardware:
        return Hardware(lambda _: "", reset_radio)  # type: ignore[arg-type]

    await with_radio(reset).reset_adapter(CUFF)
    assert resets == ["reset"]
    with pytest.raises(CannotHere, match="not heard by a radio"):
        await with_radio(reset).reset_adapter(OXIMETER)
    with pytest.raises(CannotHere, match="2 devices"):
        await with_radio(refuses).reset_adapter(CUFF)
