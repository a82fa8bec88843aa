"""The configuration: what is wrong is said in a sentence that names file, key, got and wanted."""

from pathlib import Path

import pytest

from appliance.config import ConfigError, load

DEVICE = """
[[devices]]
key = "cuff"
name = "Cuff"
kind = "blood-pressure"
driver = "ble-blood-pressure"
link = "replay:cuff"
"""


def loaded(folder: Path, text: str) -> str:
    path = folder / "chevet.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sever]\nport = 1", ["sever", "did you mean 'server'"]),
        ("[server]\nprot = 1", ["server.prot", "did you mean 'port'"]),
        ("[server]\nport = 70000", ["server.port", "65535", "70000"]),
        ('[server]\nport = "eighty"', ["server.port", "integer", "eighty"]),
        ('[unit]\nplace = "moon"', ["unit.place", "moon", "officine"]),
        (DEVICE + DEVICE, ["'cuff'", "twice"]),
        (DEVICE.replace("replay:cuff", "/dev/ttyUSB0"), ["devices.0.link", "/dev/ttyUSB0"]),
        ('[platform]\nurl = "ftp://x"', ["platform.url", "ftp://x"]),
        ("[server\nport = 1", ["not TOML"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: list[str]) -> None:
    said = loaded(tmp_path, text)
    assert "chevet.toml" in said
    for word in words:
        assert word in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "chevet.toml")


def test_defaults_are_safe_and_paths_belong_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "chevet.toml"
    path.write_text(DEVICE, encoding="utf-8")
    settings = load(path)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.state == tmp_path / "state"
    assert not settings.care.allow_test_identities
    assert settings.devices[0].driver == "ble-blood-pressure"


CAMERA = '[[sources]]\nkey = "otoscope"\nname = "Otoscope"\nkind = "video"\nfrom = "{}"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CAMERA.format("v4l2:/dev/video0"), "v4l2:/dev/video0 is a number that changes at the next plug"),
        (CAMERA.format("alsa:hw:1,0"), "alsa:hw:1,0 is a number that changes at the next plug"),
        (CAMERA.format("v4l2:usb:1-1.4") + "width = 640\n", "width and height go together"),
        ('[[buttons]]\nsource = "otoscope"\n', "a button takes stills of 'otoscope', and no camera has that key"),
    ],
)
def test_inputs_are_named_by_what_does_not_change(tmp_path: Path, text: str, words: str) -> None:
    assert words in loaded(tmp_path, text)


def test_a_pedal_and_a_camera_by_its_port_are_taken(tmp_path: Path) -> None:
    pedal = '[[buttons]]\ndevice = "usb:1-1.3"\nkey = "KEY_B"\nsource = "otoscope"\n'
    path = tmp_path / "chevet.toml"
    path.write_text(CAMERA.format("v4l2:usb:1-1.4") + pedal, encoding="utf-8")
    settings = load(path)
    assert (settings.buttons[0].key, settings.sources[0].use) == ("KEY_B", "exam")
