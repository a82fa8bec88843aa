"""Who owns which port: literal cases, and every history of plugs, people and pulls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.care.errors import Refused
from appliance.config import ConfigError, Device, Settings, parse
from appliance.instruments import kept
from appliance.instruments.roster import Roster, check_owners
from drivers.core.claims import CONVERTERS
from drivers.core.driver import Driver, Gatt, Uart
from drivers.core.errors import LinkError, NotThere
from drivers.links.ports import Port, Usb
from drivers.registry import DRIVERS

OWN = Driver("own-scale", "scale", Uart(9600, usb=((0x1234, 0x0001),)), decoder=list)  # type: ignore[arg-type]
KNOWN = {**DRIVERS, OWN.name: OWN}
FTDI = Usb(0x0403, 0x6001, "A100", "FTDI", "FT232R USB UART", 0, "1-2", "5")
BY_ID = "/dev/serial/by-id/usb-FTDI_A100-if00-port0"
CONVERTER = Port("serial", "/dev/ttyUSB0", "pci/usb2-2:0", (BY_ID,), "ftdi_sio", FTDI)
SCALE = Port(
    "serial", "/dev/ttyACM0", "pci/usb2-3:0", (), "cdc_acm", Usb(0x1234, 1, "", "Acme", "Scale 9", 0, "1-3", "6")
)
STRANGE = Port("serial", "/dev/ttyACM1", "pci/usb2-4:0", (), "cdc_acm", Usb(0xFFFF, 1, "", "X", "Y", 0, "1-4", "7"))


def configured(key: str, link: str, driver: str = "contec-cms50") -> Device:
    return Device(key=key, name=key, kind="oximeter", driver=driver, link=link)


def refused(code: str) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, check=lambda error: error.code == code)


def test_a_converter_is_listed_and_never_gets_a_driver_by_itself() -> None:
    roster = Roster(KNOWN)
    assert roster.plug(CONVERTER) == (None, False)
    (said,) = roster.unknown()
    assert {name: said[name] for name in ("id", "why", "name", "socket", "usb", "driver")} == {
        "id": "port:pci/usb2-2:0",
        "why": "converter",
        "name": "FTDI FT232R USB UART",
        "socket": "1-2",
        "usb": "0403:6001",
        "driver": None,
    }


def test_not_even_a_driver_that_claims_a_converter_gets_it() -> None:
    greedy = replace(OWN, name="greedy", claim=Uart(9600, usb=((0x0403, 0x6001),)))
    assert Roster({"greedy": greedy}).plug(CONVERTER) == (None, False)


def test_two_drivers_for_the_same_ids_are_none() -> None:
    assert Roster({"a": OWN, "b": replace(OWN, name="b")}).plug(SCALE) == (None, False)


def test_hardware_of_its_own_is_a_device_at_once_and_the_same_one_after_a_pull() -> None:
    roster = Roster(KNOWN)
    device, new = roster.plug(SCALE)
    assert device is not None
    assert new
    assert (device.kind, device.driver, device.name, device.link) == (
        "scale", "own-scale", "Scale 9", "serial:port:pci/usb2-3:0",
    )  # fmt: skip
    roster.unplug(SCALE.node)
    with pytest.raises(NotThere):
        roster.path(device)
    elsewhere = replace(SCALE, node="/dev/ttyACM5")
    assert roster.plug(elsewhere) == (device, False)
    assert roster.path(device) == "/dev/ttyACM5"


def test_a_serial_number_is_known_in_another_socket() -> None:
    link = "/dev/serial/by-id/usb-Acme_Scale_9_77"
    assert SCALE.usb is not None
    numbered = replace(SCALE, links=(link,), usb=replace(SCALE.usb, serial="77"))
    roster = Roster(KNOWN)
    device, _ = roster.plug(numbered)
    roster.unplug(numbered.node)
    assert roster.plug(replace(numbered, place="pci/usb2-9:0")) == (device, False)
    twin, new = roster.plug(replace(numbered, node="/dev/ttyACM7", place="pci/usb2-8:0"))
    assert new  # a clone with the same serial number is another device
    assert twin is not None
    assert twin.link == "serial:port:pci/usb2-8:0"


def test_one_port_under_two_names_is_the_first_ones_and_the_other_is_told_whose() -> None:
    first, second = configured("first", f"serial:{BY_ID}"), configured("second", "serial:port:pci/usb2-2:0")
    roster = Roster(KNOWN, (first, second))
    assert roster.plug(CONVERTER) == (first, False)
    assert roster.path(first) == "/dev/ttyUSB0"
    with pytest.raises(LinkError, match=r"second: port:pci/usb2-2:0 is /dev/ttyUSB0, .* the port of 'first'"):
        roster.path(second)


def test_a_by_id_link_is_followed_to_another_node() -> None:
    device = configured("oximeter", f"serial:{BY_ID}")
    roster = Roster(KNOWN, (device,))
    roster.plug(CONVERTER)
    roster.unplug(CONVERTER.node)
    roster.plug(replace(CONVERTER, node="/dev/ttyUSB1"))
    assert roster.path(device) == "/dev/ttyUSB1"


def test_a_technician_assigns_once_and_forgets() -> None:
    roster = Roster(KNOWN)
    roster.plug(CONVERTER)
    with refused("no-such-unknown"):
        roster.assign("port:elsewhere", DRIVERS["contec-cms50"], None)
    with refused("wrong-driver"):
        roster.assign("port:pci/usb2-2:0", DRIVERS["ble-weight"], None)
    device = roster.assign("port:pci/usb2-2:0", DRIVERS["contec-cms50"], "Oximètre")
    assert (device.name, device.link) == ("Oximètre", "serial:port:pci/usb2-2:0")
    assert roster.unknown() == []
    with refused("taken"):
        roster.assign("port:pci/usb2-2:0", DRIVERS["masimo-ascii1"], None)
    assert roster.forget(device.key) == [CONVERTER]
    assert roster.plug(CONVERTER) == (None, False)
    assert len(roster.unknown()) == 1


def test_hardware_of_its_own_cannot_be_assigned_another_driver_nor_be_forgotten_while_it_is_there() -> None:
    roster = Roster(KNOWN)
    device, _ = roster.plug(SCALE)
    assert device is not None
    with refused("still-there"):
        roster.forget(device.key)
    with refused("taken"):
        roster.assign("port:pci/usb2-3:0", DRIVERS["contec-cms50"], None)
    roster.unplug(SCALE.node)
    assert roster.forget(device.key) == []
    assert roster.devices() == []


def test_what_the_file_says_is_not_forgotten_by_a_touch() -> None:
    roster = Roster(KNOWN, (configured("oximeter", "serial:/dev/x"),))
    with refused("configured"):
        roster.forget("oximeter")


def test_a_strangers_cuff_is_listed_and_only_a_person_admits_it() -> None:
    roster = Roster(KNOWN)
    assert roster.hear("aa:bb:cc:dd:ee:01", "UA-651\x07", ("1810",)) is not None
    assert roster.hear("aa:bb:cc:dd:ee:02", "Headphones", ("110b",)) is None
    assert roster.devices() == []
    (said,) = roster.unknown()
    assert (said["id"], said["why"], said["name"], said["driver"]) == (
        "ble:AA:BB:CC:DD:EE:01", "not-admitted", "UA-651", "ble-blood-pressure",
    )  # fmt: skip
    with refused("wrong-driver"):
        roster.assign(said["id"], DRIVERS["ble-thermometer"], None)
    device = roster.assign(said["id"], DRIVERS["ble-blood-pressure"], None)
    assert (device.name, device.link) == ("UA-651", "ble:AA:BB:CC:DD:EE:01")
    assert roster.hear("aa:bb:cc:dd:ee:01", "UA-651", ("1810",)) is None  # it is one of ours now


def test_strangers_are_bounded() -> None:
    roster = Roster(KNOWN)
    for number in range(500):
        roster.hear(f"AA:BB:CC:DD:{number // 256:02X}:{number % 256:02X}", "x" * 500, ("1810",))
    assert len(roster.unknown()) == 64
    assert {len(said["name"]) for said in roster.unknown()} == {80}


def test_no_driver_claims_a_converter() -> None:
    claimed = {ids for driver in DRIVERS.values() if isinstance(driver.claim, Uart) for ids in driver.claim.usb}
    assert not claimed & CONVERTERS


# --- the file

LINK_TWICE: dict[str, object] = {
    "devices": [
        {"key": key, "name": key, "kind": "oximeter", "driver": "contec-cms50", "link": "serial:/dev/ttyX"}
        for key in ("one", "two")
    ]
}


def test_a_port_that_is_configured_twice_is_an_error_that_names_both() -> None:
    with pytest.raises(ConfigError, match=r"'one' and 'two' have the same link 'serial:/dev/ttyX'"):
        parse(LINK_TWICE, "chevet.toml")


def test_any_peripheral_beside_one_of_its_kind_is_an_error() -> None:
    one, other = (
        configured("a", "ble:any", "ble-blood-pressure"),
        configured("b", "ble:AA:BB:CC:DD:EE:FF", "ble-blood-pressure"),
    )
    with pytest.raises(ConfigError, match=r"devices.a and devices.b"):
        check_owners((one, other), DRIVERS)
    check_owners((one, configured("t", "ble:any", "ble-thermometer")), DRIVERS)


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    device = configured("oximeter-1", "serial:port:pci/usb2-2:0")
    kept.save(tmp_path, [device])
    assert kept.load(tmp_path, (), KNOWN) == [device]
    assert kept.load(tmp_path, (configured("mine", device.link),), KNOWN) == []  # the file goes first
    assert kept.load(tmp_path, (), {}) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version":2,"devices":[]}', '{"version":1,"devices":[{"key":1}]}'])
def test_a_broken_list_is_set_aside_and_the_unit_starts(tmp_path: Path, text: str) -> None:
    (tmp_path / "devices.json").write_text(text)
    assert kept.load(tmp_path, (), KNOWN) == []
    assert (tmp_path / "devices.json.damaged").read_text() == text


# --- every history

SOCKETS = ("2", "3", "4")
HARDWARE = ((0x0403, 0x6001), (0x1234, 0x0001), (0xFFFF, 0x0001))


def port(node: int, socket: str, ids: tuple[int, int], serial: str, plugged: int) -> Port:
    usb = Usb(*ids, serial, "M", "P", 0, f"1-{socket}", str(plugged))
    links = (f"/dev/serial/by-id/usb-{ids[0]:04x}-{serial}",) if serial else ()
    return Port("serial", f"/dev/ttyUSB{node}", f"pci/usb2-{socket}:0", links, "", usb)


PLUG = st.tuples(
    st.just("plug"),
    st.builds(
        port,
        st.integers(0, 2),
        st.sampled_from(SOCKETS),
        st.sampled_from(HARDWARE),
        st.sampled_from(["", "A", "B"]),
        st.integers(0, 9),
    ),
)
PULL = st.tuples(st.just("pull"), st.integers(0, 2))
ASSIGN = st.tuples(st.just("assign"), st.sampled_from(SOCKETS), st.sampled_from(["contec-cms50", "own-scale"]))
FORGET = st.tuples(st.just("forget"), st.integers(0, 5))
CONFIGURED = (
    configured("first", "serial:/dev/serial/by-id/usb-0403-A"),
    configured("second", "serial:port:pci/usb2-2:0", "masimo-ascii1"),
    configured("third", "serial:/dev/ttyUSB1", "bci-oximeter"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PLUG, PULL, ASSIGN, FORGET), max_size=30), st.sampled_from([(), CONFIGURED]))
def test_no_history_gives_one_port_two_drivers(history: list[tuple], files: tuple[Device, ...]) -> None:  # type: ignore[type-arg]
    roster = Roster(KNOWN, files)
    for step in history:
        take(roster, step)
        may_open: Counter[str] = Counter()
        for device in roster.devices():
            try:
                may_open[roster.path(device)] += 1
            except LinkError:
                continue
        there = Counter({node: count for node, count in may_open.items() if node in roster.ports})
        assert all(count == 1 for count in there.values()), there
        links, keys = ([getattr(device, name) for device in roster.devices()] for name in ("link", "key"))
        assert len(set(links)) == len(links)
        assert len(set(keys)) == len(keys)
        listed = {said["node"] for said in roster.unknown()}
        assert listed.isdisjoint(roster.owners)
        assert listed | set(roster.owners) == set(roster.ports)
        for node, key in roster.owners.items():
            owner, there_now = roster.device(key), roster.ports[node].usb
            assert owner is not None
            assert there_now is not None
            if (there_now.vendor, there_now.product) != (0x1234, 0x0001):
                assert owner not in roster.found  # nobody guessed
            elif owner not in files:
                assert owner.driver == "own-scale"  # hardware of its own has no other driver


def take(roster: Roster, step: tuple) -> None:  # type: ignore[type-arg]
    """One step of a history, as the service takes it."""
    try:
        if step[0] == "plug":
            roster.plug(step[1])
        elif step[0] == "pull":
            roster.unplug(f"/dev/ttyUSB{step[1]}")
        elif step[0] == "assign":
            roster.assign(f"port:pci/usb2-{step[1]}:0", KNOWN[step[2]], None)
        elif len(roster.devices()) > step[1]:
            for freed in roster.forget(roster.devices()[step[1]].key):
                roster.plug(freed)
    except Refused:
        return


def test_a_kept_device_with_settings_that_its_driver_refuses_is_left_out(tmp_path: Path) -> None:
    good = Device(key="s", name="S", kind="scale", driver="ble-weight", link="ble:any", settings={"consent": "1:4711"})
    bad = good.model_copy(update={"key": "t", "link": "ble:00:11:22:33:44:55", "settings": {"consent": "none"}})
    kept.save(tmp_path, [bad, good])
    assert kept.load(tmp_path, (), KNOWN) == [good]


def test_the_settings_take_a_socket_as_a_link() -> None:
    device = {
        "key": "s",
        "name": "S",
        "kind": "scale",
        "driver": "scale-and",
        "link": "serial:port:0000:00:14.0/usb2-2:0",
    }
    assert isinstance(parse({"devices": [device]}, "x"), Settings)
    assert isinstance(DRIVERS["ble-weight"].claim, Gatt)
