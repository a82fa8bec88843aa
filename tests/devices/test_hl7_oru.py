"""HL7 reports of bedside monitors: what the captures cannot show; and the messages, their ends and their answers."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.core import hl7
from drivers.core.errors import PacketError
from drivers.core.model import Packet
from drivers.devices.hl7_oru import DRIVER
from tests.devices.captures import lines, outcome

HEAD = r"MSH|^~\&|MON^1^EUI-64|WARD|CHEVET|HOME|{}||{}|77|P|2.6|||{}||UNICODE UTF-8"
TO_SIX = datetime(2026, 9, 12, 18, 0, 5)  # noqa: DTZ001 - as the monitors write it
PERCENT, BEATS, MMHG = "262688^MDC_DIM_PERCENT^MDC", "264864^MDC_DIM_BEAT_PER_MIN^MDC", "266016^MDC_DIM_MMHG^MDC"
CELSIUS = "268192^MDC_DIM_DEGC^MDC"
SPO2 = "150456^MDC_PULS_OXIM_SAT_O2^MDC"
SYSTOLIC, DIASTOLIC = "150301^MDC_PRESS_CUFF_SYS^MDC", "150302^MDC_PRESS_CUFF_DIA^MDC"


def head(kind: str = "ORU^R01^ORU_R01", at: str = "20260912120000", wanted: str = "AL|NE") -> str:
    return HEAD.format(at, kind, wanted)


def seen(code: str, value: str, unit: str = PERCENT, flags: str = "", status: str = "F", at: str = "") -> str:
    return f"OBX|1|NM|{code}|1.1.1|{value}|{unit}||{flags}|||{status}|||{at}"


def bare(*segments: str) -> bytes:
    return "".join(f"{segment}\r" for segment in segments).encode()


def enveloped(*segments: str) -> bytes:
    return b"\x0b" + bare(*segments) + b"\x1c\r"


def said(*packets: bytes) -> list[str]:
    """What numerics and notices there are."""
    found = lines(outcome(DRIVER, [Packet(packet) for packet in packets]))
    return [line for line in found if not line.startswith(("identity", "clock"))]


# --- values


@pytest.mark.parametrize("ended", ["\r", "\n", "\r\n", "\r\r"])
def test_with_and_without_an_envelope(ended: str) -> None:
    segments = [head(), seen(SPO2, "98")]
    assert said(enveloped(*segments)) == ["oxygen-saturation 98 % valid"]
    assert said("".join(segment + ended for segment in segments).encode()) == ["oxygen-saturation 98 % valid"]


@pytest.mark.parametrize(
    "nothing", ["", " ", "-100", "-1", "-99.9", "-999", "8388607", "1E2", "--", "NaN", "9~8", '""']
)
def test_what_is_no_value(nothing: str) -> None:
    without = bare(head(), seen(SPO2, nothing))
    assert said(without) == []
    assert said(bare(head(), seen(SPO2, "98")), without) == [
        "oxygen-saturation 98 % valid",
        "oxygen-saturation - % invalid",
    ]


@pytest.mark.parametrize("status", ["X", "D", "W", "N"])
def test_a_status_without_a_value(status: str) -> None:
    assert said(bare(head(), seen(SPO2, "98", status=status))) == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("INV", []),
        ("NAV", []),
        ("CALIB", ["notice calibrating"]),
        ("TEST", ["notice demonstration-data"]),
        ("N~DEMO", ["notice demonstration-data"]),
        ("QUES", ["oxygen-saturation 98 % questionable"]),
        ("N", ["oxygen-saturation 98 % valid"]),
        ("H", ["oxygen-saturation 98 % valid"]),
    ],
)
def test_flags(flags: str, expected: list[str]) -> None:
    assert said(bare(head(), seen(SPO2, "98", flags=flags))) == expected


def test_a_temperature_in_tenths_is_no_temperature_and_the_other_channel_is_one() -> None:
    right, wrong = (seen("150344^MDC_TEMP^MDC", value, CELSIUS) for value in ("38.5", "384.5"))
    for segments in ([right, wrong], [wrong, right]):
        assert said(bare(head(), *segments)) == ["body-temperature 38.5 Cel valid"]
    assert said(bare(head(), wrong)) == ["notice implausible"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("150456^SpO2^MDC", "oxygen-saturation"),
        ("tt-06^MDC_PULS_OXIM_SAT_O2^MDC", "oxygen-saturation"),
        ("160^SpO2", "oxygen-saturation"),
        ("150456", "oxygen-saturation"),
        ("150456^MDC_PULS_OXIM_SAT_O2_DIFF^MDC", ""),
        ("150456^MDC_PULS_OXIM_SAT_O2^99MNDRY", ""),
        ("160^PI", ""),
        ("", ""),
    ],
)
def test_codes(code: str, expected: str) -> None:
    assert [line.split()[0] for line in said(bare(head(), seen(code, "98")))] == [expected] * bool(expected)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("", "oxygen-saturation 98 % valid"),
        ("%", "oxygen-saturation 98 % valid"),
        ("MDC_DIM_PERCENT", "oxygen-saturation 98 % valid"),
        ("262688", "oxygen-saturation 98 % valid"),
        ("mmHg", ""),
        ("furlong", ""),
    ],
)
def test_units(unit: str, expected: str) -> None:
    assert said(bare(head(), seen(SPO2, "98", unit))) == [expected] * bool(expected)


def test_a_temperature_or_a_pressure_without_a_unit_is_not_read() -> None:
    assert said(bare(head(), seen("150344^MDC_TEMP^MDC", "38.5", ""))) == []
    assert said(bare(head(), seen(SYSTOLIC, "124", ""), seen(DIASTOLIC, "81", ""))) == []


def test_fahrenheit_by_its_name() -> None:
    oral = seen("150344^MDC_TEMP^MDC", "98.6", "268224^MDC_DIM_FAHR^MDC")
    assert said(bare(head(), oral)) == ["body-temperature 98.6 [degF] valid"]


def test_a_site() -> None:
    assert said(bare(head(), seen("188496^MDC_TEMP_AXIL^MDC", "36.1", CELSIUS))) == [
        "body-temperature 36.1 Cel valid site:armpit"
    ]


@pytest.mark.parametrize("kind", ["ORU^W01^ORU_W01", "ORU^R40^ORU_R40", "ADT^A08", "QRY^R02", "ACK^R01", ""])
def test_other_messages_say_nothing(kind: str) -> None:
    assert said(bare(head(kind), seen(SPO2, "98"))) == []


def test_wrong_pressures_are_told() -> None:
    swapped = bare(head(), seen(SYSTOLIC, "81", MMHG), seen(DIASTOLIC, "124", MMHG))
    assert [line.split()[-1] for line in said(swapped)[:2]] == ["invalid", "invalid"]
    doubtful = bare(head(), seen(SYSTOLIC, "124", MMHG, "QUES", at="20260912115500"), seen(DIASTOLIC, "81", MMHG))
    assert said(doubtful)[0] == "blood-pressure-systolic 124 mm[Hg] questionable 2026-09-12T11:55:00"


# --- times


def cuff(at: str = "", common: str = "", number: str = "124") -> bytes:
    return bare(head(), f"OBR|1||||||{common}", seen(SYSTOLIC, number, MMHG, at=at), seen(DIASTOLIC, "81", MMHG, at=at))


def systolic(*packets: bytes) -> list[str]:
    return [line for line in said(*packets) if "systolic" in line or "held" in line]


def test_a_cuff_measurement_is_known_by_its_own_time() -> None:
    first, second = cuff("20260912115500"), cuff("20260912115900")
    assert systolic(first, first, second) == [
        "blood-pressure-systolic 124 mm[Hg] valid 2026-09-12T11:55:00",
        "blood-pressure-systolic 124 mm[Hg] valid 2026-09-12T11:59:00",
    ]


def test_without_one_by_its_numbers() -> None:
    assert systolic(cuff(common="20260912115500"), cuff(common="20260912115600")) == [
        "blood-pressure-systolic 124 mm[Hg] valid 2026-09-12T11:55:00"
    ]
    assert systolic(cuff(), cuff(), cuff(number="131")) == [
        "blood-pressure-systolic 124 mm[Hg] questionable",
        "notice value-held",
        "blood-pressure-systolic 131 mm[Hg] valid",
    ]


def test_the_oldest_value_comes_first() -> None:
    spo2 = seen(SPO2, "98", at="20260912120000")
    mixed = bare(head(), spo2, seen(SYSTOLIC, "124", MMHG, at="20260912115500"), seen(DIASTOLIC, "81", MMHG))
    assert [line.split()[0] for line in said(mixed)][::2] == ["blood-pressure-systolic", "oxygen-saturation"]


@pytest.mark.parametrize(
    ("own", "taken"),
    [
        ("20260912115500", " 2026-09-12T11:55:00"),
        ("20260912115500.0000+0530", " 2026-09-12T11:55:00"),
        ("20260912062500+0000", ""),  # by another clock than the message
        ("20260231115500", ""),
        ("yesterday", ""),
    ],
)
def test_times(own: str, taken: str) -> None:
    found = said(bare(head(at="20260912120000+0530"), seen(SPO2, "98", at=own)))
    assert found == [f"oxygen-saturation 98 % valid{taken}"]


def test_the_identity_is_told_once_and_names_no_patient() -> None:
    message = bare(head(), "PID|1||SECRET^^^WARD||DOE^JANE", seen(SPO2, "98"))
    found = lines(outcome(DRIVER, [Packet(message), Packet(message)]))
    assert [line for line in found if line.startswith("identity")] == ['identity {"model": "MON"}']
    assert not any("SECRET" in line or "DOE" in line for line in found)


# --- messages


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\r",
        b"\x0b\x1c\r",
        b"OBX|1\r",
        b"MSH|^~\r",
        bare(head())[:-1],
        enveloped(head())[:-1],
        b"\x0b" + bare(head()),
    ],
)
def test_what_is_no_whole_message_is_refused(bad: bytes) -> None:
    with pytest.raises(PacketError) as error:
        hl7.messages(bad)
    assert "MON" not in str(error.value)


def test_other_separators() -> None:
    wire = bare(head(), seen(SPO2, "98")).replace(b"|", b"#").replace(b"^", b"!").replace(b"!~", b"!*")
    assert said(wire) == ["oxygen-saturation 98 % valid"]


@pytest.mark.parametrize(
    ("wanted", "refused", "code"),
    [
        ("|", False, "AA"),
        ("|", True, "AE"),
        ("AL|NE", False, "CA"),
        ("AL|NE", True, "CE"),
        ("SU|NE", False, "CA"),
        ("SU|NE", True, None),
        ("ER|NE", False, None),
        ("ER|NE", True, "CE"),
        ("NE|AL", False, None),
    ],
)
def test_acknowledgements(wanted: str, refused: bool, code: str | None) -> None:
    (message,) = hl7.messages(enveloped(head(wanted=wanted), seen(SPO2, "98")))
    reply = hl7.acknowledgement(message, TO_SIX, refused=refused)
    if code is None:
        assert reply is None
        return
    own_head = r"MSH|^~\&|CHEVET|HOME|MON^1^EUI-64|WARD|20260912180005||ACK^R01^ACK|77|P|2.6"
    assert reply == enveloped(own_head, f"MSA|{code}|77")
    (answer,) = hl7.messages(reply)
    assert hl7.acknowledgement(answer, TO_SIX) is None  # an answer is never answered


def test_a_message_with_hardly_a_head_is_answered_all_the_same() -> None:
    (message,) = hl7.messages(b"MSH|^~\\&|\r")
    reply = hl7.acknowledgement(message, TO_SIX)
    assert reply == b"\x0bMSH|^~\\&|||||20260912180005||ACK|||\rMSA|AA|\r\x1c\r"


# --- the connection


def cut(*pieces: bytes) -> tuple[list[bytes], int]:
    framer = hl7.Cut()
    return [message for piece in pieces for message in framer.feed(piece)] + framer.pause(), framer.skipped


ONE, TWO = enveloped(head(), seen(SPO2, "98")), enveloped(head(), seen(SPO2, "97"))
BARE = bare(head(), seen(SPO2, "96"))


def test_messages_are_cut() -> None:
    assert cut(ONE + TWO + BARE + BARE) == ([ONE, TWO, BARE, BARE], 0)
    assert cut(ONE[:-1] + b"\n" + TWO) == ([ONE, TWO], 0)  # an end without its CR
    assert cut(BARE + ONE) == ([BARE, ONE], 0)


def test_a_bare_message_is_not_given_in_the_middle_of_a_line() -> None:
    assert cut(BARE[:-1]) == ([], 0)


def test_what_is_no_message_is_left_out_and_counted() -> None:
    assert cut(b"hello\r\n" + ONE) == ([ONE], 5)
    assert cut(ONE[:40] + TWO) == ([TWO], 40)


@settings(max_examples=60, deadline=None)
@given(cuts=st.sets(st.integers(0, 700), max_size=12))
def test_how_the_connection_was_cut_is_invisible(cuts: set[int]) -> None:
    stream = b"M\rMS" + ONE + ONE[:30] + TWO + b"\n?" + BARE + BARE + ONE
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:stop] for start, stop in pairwise(places)]
    assert cut(*pieces) == cut(stream)


def test_what_never_ends_is_not_held_back() -> None:
    framer = hl7.Cut(cap=10_000)
    for _ in range(100):
        framer.feed(b"MSH|" + bytes(1000))
    assert framer.skipped > 80_000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["MSH|^~\\&|", "OBX|", "OBR|", "\r", "\x0b", "\x1c", "|", "^", "150456", "98", "é", "\udcff"])
    )
)
def test_garbled_text_raises_nothing_but_packet_errors(words: list[str]) -> None:
    wire = "".join(words).encode("utf-8", "surrogateescape")
    outcome(DRIVER, [Packet(wire)])
    for message in cut(wire)[0]:
        outcome(DRIVER, [Packet(message)])
