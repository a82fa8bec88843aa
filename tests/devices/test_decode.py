"""`chevet decode` and `chevet drivers`, as a person or a script meets them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers import decode, listing

CUFF = "167c0056006100e807060f11111b33000000"


def run(*args: str, given: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    status = decode.run(args, io.BytesIO(given), out, err)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def values(said: list[dict[str, Any]]) -> list[str | None]:
    return [event["value"] for event in said if event["kind"] == "numeric"]


def test_a_numeric_has_every_field() -> None:
    status, said, err = run("ble-blood-pressure", "-", given=f"2a35 {CUFF}\n".encode())
    assert (status, err) == (0, "")
    assert said[0] == {
        "kind": "numeric",
        "metric": "blood-pressure-systolic",
        "loinc": "8480-6",
        "mdc": 150021,
        "value": "124",
        "unit": "mm[Hg]",
        "validity": "valid",
        "taken": "2024-06-15T17:17:27",
        "from_memory": False,
    }


def test_a_waveform_and_a_notice() -> None:
    status, said, _ = run("contec-cms50", "-", given=b"01e185b396c1e1ffff")
    assert status == 0
    assert said[0] == {"kind": "waveform", "metric": "plethysmogram", "rate_hz": "60", "unit": "1", "samples": [None]}
    assert said[-1] == {"kind": "notice", "code": "no-finger"}


def test_it_goes_on_after_a_bad_packet() -> None:
    given = f"2a35 {CUFF[:16]}\nzz\n2a35 {CUFF}\n".encode()
    status, said, _ = run("ble-blood-pressure", "-", given=given)
    assert status == 1
    assert said[:2] == [
        {"kind": "error", "error": "PacketError", "message": "need 2 bytes at 7, packet has 8"},
        {
            "kind": "error",
            "error": "CaptureError",
            "message": "line 2: 'zz' is neither hex nor a JSON string of bytes",
        },
    ]
    assert values(said) == ["124", "86", "97", "51"]


@pytest.mark.parametrize(
    "line",
    [
        CUFF,
        f"2A35 {CUFF.upper()}",
        f"0x2A35: {CUFF}",
        "2a35 16 7c 00 56 00 61 00 e8 07 06 0f 11 11 1b 33 00 00 00",
        "16-7C-00-56-00-61-00-E8-07-06-0F-11-11-1B-33-00-00-00",
        "(0x) 16-7C-00-56-00-61-00-E8-07-06-0F-11-11-1B-33-00-00-00",
        "0x16, 0x7c, 0x00, 0x56, 0x00, 0x61, 0x00, 0xe8, 0x07, 0x06, 0x0f, 0x11, 0x11, 0x1b, 0x33, 0x00, 0x00, 0x00",
        "167c 0056 0061 00e8 0706 0f11 111b 3300 0000",
        f"00002A35-0000-1000-8000-00805F9B34FB {CUFF}",
        f"@12.5 2a35 {CUFF}  # after dinner",
        f"# a comment\n\n= an expectation\n{CUFF}",
    ],
)
def test_hex_is_read_however_it_is_written(line: str) -> None:
    status, said, _ = run("ble-blood-pressure", "-", given=line.encode())
    assert status == 0
    assert values(said) == ["124", "86", "97", "51"]


def test_another_characteristic_is_not_taken_for_the_main_one() -> None:
    status, said, _ = run("ble-blood-pressure", "-", given=f"2a49 {CUFF}".encode())
    assert status == 1
    assert said == [
        {"kind": "error", "error": "PacketError", "message": "no reader for characteristic 2a49"},
    ]


def test_lines_of_a_stream_are_one_stream() -> None:
    status, said, _ = run("contec-cms50", "-", given=b"01e085\nb396c1\ne1ffff01e085\nb096c1e1ffff")
    assert status == 0
    assert values(said) == ["97", "65", "97", "65"]


def test_bytes_and_text() -> None:
    assert values(run("ble-blood-pressure", "-", "--format", "bin", given=bytes.fromhex(CUFF))[1])[0] == "124"
    stream = bytes.fromhex("01e085b396c1e1ffff") * 1000
    assert values(run("contec-cms50", "-", "--format", "bin", given=stream)[1]) == ["97", "65"] * 1000
    line = b"01/02/13 10:00:00 SN=0000000000 SPO2=098% BPM=097 PI=03.60% ALARM=0000 EXC=000800\r\n"
    assert values(run("masimo-ascii1", "-", "--format", "text", given=line)[1])[:2] == ["98", "97"]


def test_a_stream_without_a_packet_is_an_error() -> None:
    status, said, _ = run("contec-cms50", "-", given=b"01e085b3")
    assert status == 1
    assert said == [{"kind": "error", "error": "PacketError", "message": "no whole packet in these bytes"}]
    assert run("contec-cms50", "-", given=b"# nothing\n") == (0, [], "")


def test_what_is_not_there_is_a_sentence_with_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "normal.capture").write_text(CUFF)
    status, said, err = run("ble-blood-presure", "-")
    assert (status, said) == (2, [])
    assert err.startswith("there is no driver 'ble-blood-presure'; near it: ble-blood-pressure")
    status, said, err = run("ble-blood-pressure", str(tmp_path / "normale.capture"))
    assert (status, said) == (2, [])
    assert err.endswith("No such file or directory; near it: normal.capture\n")
    status, _, err = run("ble-blood-pressure", str(tmp_path / "no" / "such"))
    assert status == 2
    assert run("ble-blood-pressure", str(tmp_path))[0] == 2
    status, _, err = run("ble-blood-pressure", "-", "--format", "octal")
    assert status == 2
    assert "octal" in err
    assert run()[0] == 2


def test_too_much_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "INPUT_CAP", 10)
    status, _, err = run("ble-blood-pressure", "-", given=b"0" * 11)
    assert status == 2
    assert err.startswith("standard input has more than")


def test_the_list_of_drivers() -> None:
    out = io.StringIO()
    assert listing.run(["--json"], out) == 0
    rows = {row["name"]: row for row in map(json.loads, out.getvalue().splitlines())}
    assert rows["contec-cms50"] == {
        "name": "contec-cms50",
        "claim": {"kind": "uart", "baud": 115200, "bits": 8, "parity": "N", "stop": 1},
        "tier": "captured",
        "continuous": True,
        "quiet_s": 0.7,
        "gives": ["oxygen-saturation", "pulse-rate", "plethysmogram"],
        "evidence": "a live stream of a CMS50D+",
    }
    assert rows["ble-blood-pressure-beurer-bm85"]["claim"]["name"] == "BM85"
    table = io.StringIO()
    assert listing.run([], table) == 0
    first, *others = table.getvalue().splitlines()
    assert first.split()[:2] == ["driver", "tier"]
    assert len(others) == len(rows)
    assert listing.run(["--xml"], io.StringIO(), io.StringIO()) == 2


def test_the_library_has_a_command_line_of_its_own() -> None:
    command = [sys.executable, "-m", "drivers", "decode", "ble-thermometer", "-"]
    done = subprocess.run(command, input=b"004c0e00fe\n00", capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
    assert [json.loads(line).get("value") for line in done.stdout.splitlines()] == ["36.60", None]
    assert done.stderr == b""
    nothing = subprocess.run([sys.executable, "-m", "drivers"], capture_output=True, timeout=30, check=False)
    assert (nothing.returncode, nothing.stdout) == (2, b"")
