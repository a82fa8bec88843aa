"""The Bluetooth link around scripted peripherals; the real stack below it is tried in the virtual machine's bench."""

from __future__ import annotations

from datetime import datetime

import anyio
import pytest
from bleak.exc import BleakError

from drivers.core.driver import Gatt
from drivers.core.errors import LinkError, LinkLost
from drivers.links import ble
from drivers.links import radio as radio_module
from drivers.links.ble import BleLink
from drivers.links.radio import Radio
from drivers.registry import DRIVERS
from tests.devices.peripherals import Air, Peripheral

BP = Gatt("1810", ("2a35",))
MEASUREMENT = bytes.fromhex("167c0056006100e807060f11111b33000000")
NOON = datetime(2026, 11, 23, 12, 0, 0)  # noqa: DTZ001 - a device's clock has no zone


def cuff(address: str = "AA:BB:CC:00:00:01", name: str = "UA-651BLE") -> Peripheral:
    """As an A&D: its clock is Date Time, inside its own service."""
    return Peripheral(
        address,
        name,
        "1810",
        {
            "2a35": (("indicate",), b""),
            "2a08": (("read", "write"), bytes.fromhex("da070101000000")),
            "2a29": (("read",), b"A&D Medical"),
            "2a25": (("read",), b"518041"),
            "2a19": (("read",), b"\x5c"),
        },
    )


def link(air: Air, address: str = "any", claim: Gatt = BP, radio: Radio | None = None) -> BleLink:
    return BleLink(address, claim, radio or Radio(scanner=air.scanner, client=air.client), clock=lambda: NOON)


async def test_it_is_found_by_its_claim_and_says_who_it_is() -> None:
    air = Air([cuff()])
    with anyio.fail_after(3):
        async with link(air) as open_link:
            chunks = open_link.chunks()
            first = [await anext(chunks) for _ in range(4)]
    assert [(chunk.channel, chunk.data) for chunk in first] == [
        ("2a08", bytes.fromhex("da070101000000")),
        ("2a29", b"A&D Medical"),
        ("2a25", b"518041"),
        ("2a19", b"\x5c"),
    ]
    assert not air.scanned_while_connecting
    assert air.scanning == 0
    assert air.peripherals[0].client is not None
    assert not air.peripherals[0].client.connected


async def test_an_indication_arrives_and_the_clock_is_set_after_it() -> None:
    air = Air([cuff()])
    with anyio.fail_after(3):
        async with link(air) as open_link:
            while "read 2a19" not in air.peripherals[0].order:
                await anyio.sleep(0.01)
            await anyio.sleep(0.05)
            assert air.peripherals[0].written == []  # the clock that stamped the measurement is left as it is
            air.peripherals[0].say("2a35", MEASUREMENT)
            async for chunk in open_link.chunks():
                if chunk.channel == "2a35":
                    assert chunk.data == MEASUREMENT
                    break
            while not air.peripherals[0].written:
                await anyio.sleep(0.01)
    assert air.peripherals[0].written == [("2a08", bytes.fromhex("ea070b170c0000"))]
    order = air.peripherals[0].order
    assert order.index("read 2a08") < order.index("listen 2a35") < order.index("write 2a08")


async def test_the_clock_is_set_without_a_measurement_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "UNASKED_S", 0.05)
    scale = Peripheral(
        "AA:BB:CC:00:00:02",
        "scale",
        "181d",
        {"2a9d": (("indicate",), b""), "2a2b": (("read", "write"), bytes.fromhex("da07010100000005000000")[:10])},
    )
    air = Air([scale])
    with anyio.fail_after(3):
        async with link(air, claim=Gatt("181d", ("2a9d", "2a9c"))):
            while not scale.written:
                await anyio.sleep(0.01)
    assert scale.written == [("2a2b", bytes.fromhex("ea070b170c0000010000"))]
    assert "listen 2a9c" not in scale.order  # a characteristic that this one does not have


async def test_a_unit_that_does_not_know_the_time_sets_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "UNASKED_S", 0.01)
    air = Air([cuff()])
    radio = Radio(scanner=air.scanner, client=air.client)
    async with BleLink("any", BP, radio, clock=lambda: None):
        await anyio.sleep(0.1)
    assert air.peripherals[0].written == []


async def test_the_link_is_lost_when_the_device_goes() -> None:
    air = Air([cuff()])
    with anyio.fail_after(3):
        async with link(air) as open_link:
            air.peripherals[0].say("2a35", MEASUREMENT)
            air.peripherals[0].drop()
            heard = []
            with pytest.raises(LinkLost, match="the connection ended"):
                async for chunk in open_link.chunks():
                    heard.append(chunk.channel)  # noqa: PERF401 - what came before the loss counts too
            assert "2a35" in heard
            with pytest.raises(LinkLost):
                await open_link.write(b"\x01\x01", "2a52")


async def test_an_address_means_this_device_alone() -> None:
    air = Air([cuff("AA:BB:CC:00:00:01"), cuff("AA:BB:CC:00:00:02")])
    async with link(air, "aa:bb:cc:00:00:02"):
        assert air.peripherals[0].client is None
        assert air.peripherals[1].client is not None


async def test_a_name_in_the_claim_decides() -> None:
    air = Air([cuff("AA:BB:CC:00:00:01", "BM850"), cuff("AA:BB:CC:00:00:02", "BM85 4711")])
    async with link(air, claim=Gatt("1810", ("2a35",), name="BM85")):
        assert air.peripherals[0].client is None
        assert air.peripherals[1].client is not None


BM85 = DRIVERS["ble-blood-pressure-beurer-bm85"].claim
CLAIMS = [driver.claim for driver in DRIVERS.values() if isinstance(driver.claim, Gatt)]


@pytest.mark.parametrize("names", [("BM85 4711", "UA-651BLE"), ("UA-651BLE", "BM85 4711")])
async def test_any_leaves_to_another_what_that_one_names(names: tuple[str, str]) -> None:
    air = Air([cuff("AA:BB:CC:00:00:01", names[0]), cuff("AA:BB:CC:00:00:02", names[1])])
    radio = Radio(scanner=air.scanner, client=air.client)
    assert isinstance(BM85, Gatt)
    for claims in (CLAIMS, CLAIMS[::-1]):
        for claim, wanted in ((BP, "UA-651BLE"), (BM85, "BM85 4711")):
            async with BleLink("any", claim, radio, clock=lambda: NOON, claims=claims):
                connected = [one.name for one in air.peripherals if one.client is not None and one.client.connected]
                assert connected == [wanted]


async def test_any_waits_for_the_name_where_a_name_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "FIND_S", 0.05)
    air = Air([cuff(name="")])
    radio = Radio(scanner=air.scanner, client=air.client)
    with pytest.raises(LinkError, match="not heard"):
        async with BleLink("any", BP, radio, claims=CLAIMS):
            pass
    assert [heard.said.name for heard in radio.heard()] == [None]
    async with BleLink("any", BP, radio):  # nobody else asks for a name
        pass
    air.peripherals[0].name = "UA-651BLE"
    async with BleLink("any", BP, radio, claims=CLAIMS):
        pass


async def test_any_waits_rather_than_take_what_another_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "FIND_S", 0.05)
    air = Air([cuff(name="BM85 4711")])
    radio = Radio(scanner=air.scanner, client=air.client)
    with pytest.raises(LinkError, match="not heard"):
        async with BleLink("any", BP, radio, claims=CLAIMS):
            pass
    async with BleLink("AA:BB:CC:00:00:01", BP, radio, claims=CLAIMS):  # an address is a person's word
        pass


async def test_connections_are_made_one_at_a_time_and_never_while_scanning() -> None:
    air = Air([cuff(f"AA:BB:CC:00:00:0{number}") for number in range(4)])
    radio = Radio(scanner=air.scanner, client=air.client)

    async def come_and_go(address: str) -> None:
        async with link(air, address, radio=radio):
            pass

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for peripheral in air.peripherals:
                tasks.start_soon(come_and_go, peripheral.address)
    assert all(peripheral.client is not None for peripheral in air.peripherals)
    assert air.most_connecting == 1
    assert not air.scanned_while_connecting
    assert air.scanning == 0


async def test_a_device_that_is_not_there_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "FIND_S", 0.05)
    air = Air([cuff()])
    air.peripherals[0].on_air = False
    with pytest.raises(LinkError, match=r"not heard for 0\.05 s"):
        async with link(air):
            pass
    assert air.scanning == 0


async def test_a_device_of_another_unit_is_told_in_words() -> None:
    air = Air([cuff()])
    air.peripherals[0].refuses = BleakError("[org.bluez.Error.AuthenticationFailed] Authentication Failed")
    with pytest.raises(LinkError, match="the device is bound to another unit"):
        async with link(air):
            pass


async def test_an_adapter_that_does_not_work_is_an_error() -> None:
    air = Air([cuff()], broken=BleakError("adapter 'hci0' not found"))
    with pytest.raises(LinkError, match="Bluetooth does not work: adapter 'hci0' not found"):
        async with link(air):
            pass


async def test_a_device_without_the_characteristic_is_refused() -> None:
    air = Air([cuff()])
    with pytest.raises(LinkError, match="it has none of 2a1c"):
        async with link(air, "AA:BB:CC:00:00:01", Gatt("1809", ("2a1c",))):
            pass
    assert air.peripherals[0].client is not None
    assert not air.peripherals[0].client.connected


async def test_a_claim_that_wants_a_bond_is_paired_before_anything_else() -> None:
    air = Air([cuff()])
    async with link(air, claim=Gatt("1810", ("2a35",), bond=True)):
        assert air.peripherals[0].order[0] == "pair"


async def test_a_device_that_wants_no_bond_is_not_paired() -> None:
    air = Air([cuff()])
    async with link(air):
        pass
    assert "pair" not in air.peripherals[0].order


async def test_a_characteristic_that_refuses_is_paired_for() -> None:
    air = Air([cuff()])
    air.peripherals[0].protects = ("2a35",)
    async with link(air):
        pass
    assert [step for step in air.peripherals[0].order if step in ("listen 2a35", "pair", "unpair")] == [
        "listen 2a35",
        "pair",
        "listen 2a35",
    ]


async def test_a_bond_that_the_device_has_lost_is_made_anew_once() -> None:
    air = Air([cuff()])
    one = air.peripherals[0]
    one.protects, one.bonded_here, one.bonded_there = ("2a35",), True, ""
    async with link(air):
        pass
    assert one.forgotten == 1
    assert one.bonded_here
    assert one.bonded_there == "us"


async def test_a_device_of_another_unit_is_told_in_words_after_one_repair() -> None:
    air = Air([cuff()])
    one = air.peripherals[0]
    one.protects, one.bonded_here, one.bonded_there = ("2a35",), True, "another"
    with pytest.raises(LinkError, match="the device is bound to another unit: remove the bond there"):
        async with link(air):
            pass
    assert one.forgotten == 1
    assert one.client is not None
    assert not one.client.connected


async def test_a_bonded_device_that_hangs_up_keeps_its_bond_until_it_has_done_so_three_times() -> None:
    air = Air([cuff()])
    one = air.peripherals[0]
    one.bonded_here, one.bonded_there, one.hangs_up = True, "us", 3
    radio = Radio(scanner=air.scanner, client=air.client)
    for _ in range(2):
        with pytest.raises(LinkError, match="device disconnected"):
            async with link(air, radio=radio):
                pass
    assert one.forgotten == 0
    async with link(air, radio=radio):
        pass
    assert one.forgotten == 1


async def test_a_free_device_that_hangs_up_is_never_forgotten() -> None:
    air = Air([cuff()])
    air.peripherals[0].hangs_up = 5
    radio = Radio(scanner=air.scanner, client=air.client)
    for _ in range(5):
        with pytest.raises(LinkError, match="device disconnected"):
            async with link(air, radio=radio):
                pass
    assert air.peripherals[0].forgotten == 0


async def test_words_go_to_the_claims_control_point() -> None:
    meter = Peripheral(
        "AA:BB:CC:00:00:03", "meter", "1808", {"2a18": (("notify",), b""), "2a52": (("write", "indicate"), b"")}
    )
    air = Air([meter])
    async with link(air, claim=Gatt("1808", ("2a18", "2a52"), control="2a52")) as open_link:
        await open_link.write(b"\x01\x06")
    assert meter.written == [("2a52", b"\x01\x06")]
    with pytest.raises(LinkError, match="names no characteristic"):
        async with link(Air([cuff()])) as open_link:
            await open_link.write(b"\x01")


async def test_who_advertises_is_known_and_whether_somebody_looks_for_it() -> None:
    air = Air([cuff(), Peripheral("AA:BB:CC:00:00:09", "X" * 99, "1809", {"2a1c": (("indicate",), b"")})])
    radio = Radio(scanner=air.scanner, client=air.client)
    with anyio.fail_after(3):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(radio.find, lambda said: False, 60.0)
            async with link(air, radio=radio):
                pass
            while len(radio.heard()) < 2:
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    found = {heard.said.address: heard for heard in radio.heard()}
    assert found["AA:BB:CC:00:00:01"].matched
    assert not found["AA:BB:CC:00:00:09"].matched
    assert found["AA:BB:CC:00:00:09"].said.services == ("1809",)
    assert found["AA:BB:CC:00:00:09"].said.name == "X" * 32


async def test_who_is_known_is_bounded() -> None:
    air = Air([cuff(f"AA:BB:CC:00:01:{number:02X}") for number in range(80)])
    radio = Radio(scanner=air.scanner, client=air.client)
    with pytest.raises(LinkError, match="not heard"):
        await radio.find(lambda said: False, 0.1)
    assert len(radio.heard()) == 64
    assert radio.heard()[-1].said.address == "AA:BB:CC:00:01:4F"


async def test_an_adapter_that_is_pulled_is_an_error_soon_and_back_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radio_module, "SILENT_S", 0.05)
    air = Air([cuff()])
    air.peripherals[0].on_air = False
    radio = Radio(scanner=air.scanner, client=air.client)
    with anyio.fail_after(3):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pull, air)
            with pytest.raises(LinkError, match="Bluetooth does not work: adapter 'hci0' not found"):
                await radio.find(lambda said: True, 60.0)
    air.broken, air.peripherals[0].on_air = None, True
    with anyio.fail_after(3):
        async with link(air, radio=radio):
            pass


async def pull(air: Air) -> None:
    await anyio.sleep(0.02)
    air.broken = BleakError("adapter 'hci0' not found")


async def test_what_is_connected_is_known_to_the_radio() -> None:
    air = Air([cuff()])
    radio = Radio(scanner=air.scanner, client=air.client)
    async with link(air, radio=radio):
        with pytest.raises(LinkError, match="1 devices are connected"):
            await radio.reset()
        air.peripherals[0].drop()
        with pytest.raises(LinkError, match="no way to BlueZ"):
            await radio.reset()
