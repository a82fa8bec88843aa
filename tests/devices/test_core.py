"""Claims, units, notices and captures: the tables that the drivers stand on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.core.capture import CaptureError, packet_line, parse, written
from drivers.core.claims import gatt_driver, overlap, usb_driver
from drivers.core.driver import Driver, File, Gatt, Listener, Uart
from drivers.core.gatt import channel
from drivers.core.measured import measured
from drivers.core.model import Validity
from drivers.core.notices import NOTICES
from drivers.core.units import convert, plausible
from drivers.core.vocab import GLUCOSE, METRICS, PLETH, SYSTOLIC, TEMPERATURE, WEIGHT
from drivers.registry import DRIVERS

HEAD = "# driver: x\n# device: d\n# source: s\n# licence: l\n# evidence: made\n"


def named(services: list[str], name: str | None) -> str | None:
    found = gatt_driver(DRIVERS.values(), services, name)
    return found.name if found else None


def test_a_peripheral_is_known_by_its_service_and_a_quirk_by_its_name() -> None:
    assert named(["180a", "1810"], "UA-651BLE") == "ble-blood-pressure"
    assert named(["1810"], None) == "ble-blood-pressure"
    assert named(["1810"], "BM85") == "ble-blood-pressure-beurer-bm85"
    assert named(["1810"], "bm85 4711") == "ble-blood-pressure-beurer-bm85"
    assert named(["1810"], "BM850") == "ble-blood-pressure"
    assert named(["1809"], "BM85") == "ble-thermometer"
    assert named(["180a"], "BM85") is None


def test_a_serial_device_is_known_by_usb_ids_of_its_own() -> None:
    own = Driver("own", "scale", Uart(9600, usb=((0x1234, 0x5678),)), decoder=list)  # type: ignore[arg-type]
    generic = Driver("generic", "scale", Uart(9600), decoder=list)  # type: ignore[arg-type]
    assert usb_driver([generic, own], 0x1234, 0x5678) is own
    assert usb_driver([generic, own], 0x10C4, 0xEA60) is None


def test_claims_overlap_where_nothing_decides_between_them() -> None:
    assert overlap(Gatt("1810", ("2a35",)), Gatt("1810", ("2a35", "2a36")))
    assert overlap(Gatt("1810", (), "BM"), Gatt("1810", (), "bm"))
    assert not overlap(Gatt("1810", ()), Gatt("1810", (), "BM85"))
    assert not overlap(Gatt("1810", (), "BM54"), Gatt("1810", (), "BM85"))
    assert not overlap(Gatt("1810", ()), Gatt("1809", ()))
    assert overlap(Uart(9600, usb=((1, 2), (3, 4))), Uart(115200, usb=((3, 4),)))
    assert not overlap(Uart(9600), Uart(9600))
    assert overlap(File((".scp",)), File((".dcm", ".scp")))
    assert overlap(Listener("hl7"), Listener("hl7"))
    assert not overlap(Listener("hl7"), File((".scp",)))


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "text"),
    [
        ("16.0", "kPa", "mm[Hg]", "120.01"),
        ("98.6", "[degF]", "Cel", "37.00"),
        ("104.0", "[degF]", "Cel", "40.00"),
        ("176.37", "[lb_av]", "kg", "80.00"),
        ("6.2", "mmol/L", "mg/dL", "111.70"),
        ("36.60", "Cel", "Cel", "36.60"),
    ],
)
def test_units_are_converted_exactly(value: str, unit: str, wanted: str, text: str) -> None:
    assert f"{convert(Decimal(value), unit, wanted):.2f}" == text


def test_units_that_do_not_measure_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="no way from kPa to kg"):
        convert(Decimal(1), "kPa", "kg")


def test_plausible_whatever_the_unit() -> None:
    assert plausible(SYSTOLIC, Decimal(300), "mm[Hg]")
    assert not plausible(SYSTOLIC, Decimal(301), "mm[Hg]")
    assert plausible(SYSTOLIC, Decimal(16), "kPa")
    assert not plausible(SYSTOLIC, Decimal(120), "kPa")
    assert not plausible(TEMPERATURE, Decimal(37), "[degF]")
    assert plausible(GLUCOSE, Decimal("6.2"), "mmol/L")
    assert plausible(PLETH, Decimal(10**9), "1")  # a row without bounds


def test_a_value_out_of_range_is_kept_and_not_valid() -> None:
    numeric = measured(WEIGHT, Decimal("0.05"))
    assert (numeric.value, numeric.unit, numeric.validity) == (Decimal("0.05"), "kg", Validity.INVALID)
    assert measured(WEIGHT, None).validity is Validity.INVALID
    assert measured(WEIGHT, Decimal(70), validity=Validity.QUESTIONABLE).validity is Validity.QUESTIONABLE


def test_every_notice_has_both_languages() -> None:
    for code, sentence in NOTICES.items():
        assert code == code.lower().replace("_", "-").replace(" ", "-")
        assert sentence.en.endswith(".")
        assert sentence.fr.endswith(".")
        assert sentence.en != sentence.fr
        assert "'" not in sentence.en + sentence.fr  # typewriter apostrophes look careless


def test_the_vocabulary_has_no_double() -> None:
    codes = [metric.mdc for metric in METRICS.values() if metric.mdc is not None]
    assert len(codes) == len(set(codes))
    assert all(name == metric.name for name, metric in METRICS.items())
    assert all(metric.plausible is None or metric.plausible[0] < metric.plausible[1] for metric in METRICS.values())


def test_channels_are_named_in_one_way() -> None:
    assert channel("00002A35-0000-1000-8000-00805F9B34FB") == "2a35"
    assert channel("2A35") == "2a35"
    assert channel("6E400003-B5A3-F393-E0A9-E50E24DCCA9E") == "6e400003-b5a3-f393-e0a9-e50e24dcca9e"


def test_a_capture_is_read() -> None:
    capture = parse(HEAD + '@0 2a35 00ff\n= a\n@1.5 "A\\r\\u00ff"\n01 02 # note\n= b\n')
    assert [(p.data, p.channel, p.at_s) for p in capture.packets] == [
        (b"\x00\xff", "2a35", Decimal(0)),
        (b"A\r\xff", "", Decimal("1.5")),
        (b"\x01\x02", "", None),
    ]
    assert capture.expected == ("a", "b")
    assert capture.driver == "x"


def test_what_the_host_wrote_is_in_the_talk_and_no_packet() -> None:
    capture = parse(HEAD + "> @0.1 2a52 0106\n@0.25 2a18 00ff\n> 01\n")
    assert [(p.data, p.channel, p.at_s, p.from_host) for p in capture.talk] == [
        (b"\x01\x06", "2a52", Decimal("0.1"), True),
        (b"\x00\xff", "2a18", Decimal("0.25"), False),
        (b"\x01", "", None, True),
    ]
    assert [p.data for p in capture.packets] == [b"\x00\xff"]
    assert [written(p) for p in capture.talk] == ["> @0.1000 2a52 0106", "@0.2500 2a18 00ff", "> 01"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# driver: x\n01", "no line '# device: ...' before the first packet"),
        (HEAD.replace("made", "guess"), "evidence is 'guess', wanted one of real, made"),
        (HEAD + "012", "line 6: '012' is neither hex nor a JSON string of bytes"),
        (HEAD + '"Ā"', "line 6: '\"Ā\"' is neither hex nor a JSON string of bytes"),
        (HEAD + '"open', "line 6: '\"open' is neither hex nor a JSON string of bytes"),
        (HEAD + "@soon 01", "line 6: 'soon' is no time in seconds"),
        (HEAD + "@-1 01", "line 6: '-1' is no time in seconds"),
        (HEAD + "@nan 01", "line 6: 'nan' is no time in seconds"),
    ],
)
def test_a_capture_that_cannot_be_read_says_where(text: str, message: str) -> None:
    with pytest.raises(CaptureError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_lines_without_a_packet() -> None:
    assert packet_line("") is None
    assert packet_line("  # 01 02") is None
    assert packet_line("= heart-rate 60 /min valid") is None


def test_single_measurements_among_streams() -> None:
    oximeter = DRIVERS["ble-pulse-oximeter"]
    assert oximeter.streams("2a5f")
    assert not oximeter.streams("2a5e")
    assert not DRIVERS["ble-blood-pressure"].streams("2a35")
