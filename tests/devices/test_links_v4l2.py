"""What the kernel answers about a camera, byte by byte, and the names that stay when numbers change."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from drivers.core.errors import LinkError
from drivers.links import v4l2
from drivers.links.formats import Coding, Colour, Matrix
from drivers.links.named import Roots, event_nodes, sound_card, video_node, video_port


class Kernel:
    """Answers of uvcvideo: MJPG 1280x720 at 30 and 15, 640x480 at 30; YUYV by ranges; one format nobody knows."""

    def __init__(self, *colour: int) -> None:
        self.colour = colour or (8, 0, 0, 0, 0, 0)
        self.asked = 0

    def __call__(self, request: int, question: bytes) -> bytes:
        self.asked += 1
        index = struct.unpack_from("<I", question)[0]
        answers = {
            0xC0405602: self._formats, 0xC02C564A: self._sizes, 0xC034564B: self._rates, 0xC0D05604: self._format,
        }  # fmt: skip
        return answers[request](index, question)

    def _formats(self, index: int, question: bytes) -> bytes:
        assert len(question) == 64
        known = [b"MJPG", b"XXXX", b"YUYV"]
        if index >= len(known):
            raise OSError(22, "Invalid argument")
        return struct.pack("<3I32s4s", index, 1, 1, b"Motion-JPEG", known[index]).ljust(64, b"\0")

    def _sizes(self, index: int, question: bytes) -> bytes:
        assert len(question) == 44
        fourcc = question[4:8]
        if fourcc == b"YUYV":
            return struct.pack("<I4s7I", 0, fourcc, 3, 320, 1280, 16, 240, 720, 8).ljust(44, b"\0")
        sizes = [(1280, 720), (640, 480)]
        if index >= len(sizes):
            raise OSError(22, "Invalid argument")
        return struct.pack("<I4s3I", index, fourcc, 1, *sizes[index]).ljust(44, b"\0")

    def _rates(self, index: int, question: bytes) -> bytes:
        assert len(question) == 52
        fourcc, width, height = struct.unpack_from("<4s2I", question, 4)
        if fourcc == b"YUYV":
            return struct.pack("<I4s9I", 0, fourcc, width, height, 2, 1, 30, 1, 10, 1, 30).ljust(52, b"\0")
        rates = [(333333, 10000000), (1, 15)] if width == 1280 else [(1, 30), (0, 1)]
        if index >= len(rates):
            raise OSError(22, "Invalid argument")
        return struct.pack("<I4s5I", index, fourcc, width, height, 1, *rates[index]).ljust(52, b"\0")

    def _format(self, kind: int, question: bytes) -> bytes:
        assert (kind, len(question)) == (1, 208)
        space, private, flags, encoding, quantization, transfer = self.colour
        return struct.pack(
            "<I4xII4s9I", 1, 1280, 720, b"MJPG", 1, 0, 1843200, space, private, flags, encoding, quantization, transfer
        ).ljust(208, b"\0")


def test_what_a_camera_offers_is_read_from_the_kernels_structs() -> None:
    found = v4l2.offers(Kernel())
    assert [(o.coding, o.width, o.height) for o in found] == [
        (Coding.JPEG, 1280, 720),
        (Coding.JPEG, 640, 480),
        (Coding.YUYV422, 320, 240),
        (Coding.YUYV422, 640, 360),
        (Coding.YUYV422, 640, 480),
        (Coding.YUYV422, 1280, 720),
    ]
    assert found[0].rates_hz == (Fraction(15), Fraction(10000000, 333333))
    assert found[1].rates_hz == (Fraction(30),)  # an interval of 0 is nonsense
    assert found[2].rates_hz == (Fraction(10), Fraction(15), Fraction(25), Fraction(30))


def test_a_driver_that_never_ends_its_lists_does_not_hold_us() -> None:
    kernel = Kernel()

    def endless(request: int, question: bytes) -> bytes:
        return kernel(request, struct.pack("<I", 0) + question[4:])

    assert len(v4l2.offers(endless)) == 64 * 64
    assert kernel.asked < 300_000


@pytest.mark.parametrize(
    ("coding", "space", "encoding", "quantization", "wanted"),
    [
        (Coding.JPEG, 8, 0, 0, Colour(Matrix.BT601, full=True)),  # uvcvideo says sRGB of every MJPEG
        (Coding.JPEG, 7, 0, 0, Colour(Matrix.BT601, full=True)),
        (Coding.JPEG, 8, 2, 2, Colour(Matrix.BT709, full=False)),  # the driver says otherwise
        (Coding.YUYV422, 0, 0, 0, Colour(Matrix.BT601, full=False)),
        (Coding.YUYV422, 3, 0, 0, Colour(Matrix.BT709, full=False)),
        (Coding.YUYV422, 3, 1, 1, Colour(Matrix.BT601, full=True)),
        (Coding.YUYV422, 7, 0, 0, Colour(Matrix.BT601, full=True)),
        (Coding.NV12, 10, 0, 0, Colour(Matrix.BT2020, full=False)),
    ],
)
def test_colour_is_what_the_driver_says_else_what_the_format_is(
    coding: Coding, space: int, encoding: int, quantization: int, wanted: Colour
) -> None:
    assert v4l2.colour(Kernel(space, 0xFEEDCAFE, 0, encoding, quantization, 0), coding) == wanted


class Tree:
    """A /sys and a /dev with a camera, its button and a card in USB port 1-1.4, under numbers that a test chooses."""

    def __init__(self, folder: Path) -> None:
        self.roots = Roots(folder / "sys", folder / "dev")

    def plug(self, port: str, video: int, card: int, event: int, card_id: str) -> None:
        device = self.roots.sys / "devices/pci0000:00/usb1/1-1" / port
        for kind, name in (
            ("video4linux", f"video{video + 1}"),
            ("video4linux", f"video{video}"),
            ("sound", f"card{card}"),
            ("input", f"event{event}"),
        ):
            entry = device / f"{port}:1.0" / kind / name
            entry.mkdir(parents=True)
            (entry / "device").symlink_to(device / f"{port}:1.0")
            (entry / "index").write_text("0\n" if name == f"video{video}" else "1\n")
            (entry / "id").write_text(f"{card_id}\n")
            folder = self.roots.sys / "class" / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(entry)

    def unplug(self) -> None:
        for link in (self.roots.sys / "class").rglob("*"):
            if link.is_symlink():
                link.unlink()


def test_a_port_is_found_again_under_other_numbers(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.plug("1-1.3", video=0, card=0, event=3, card_id="Other")
    tree.plug("1-1.4", video=2, card=1, event=9, card_id="STE0001")
    dev = str(tree.roots.dev)
    assert video_node("usb:1-1.4", tree.roots) == f"{dev}/video2"
    assert sound_card("usb:1-1.4", tree.roots) == "hw:CARD=STE0001,DEV=0"
    assert list(event_nodes("1-1.4", tree.roots)) == [f"{dev}/input/event9"]
    assert video_port("/dev/video2", tree.roots) == "1-1.4"
    tree.unplug()
    with pytest.raises(LinkError, match=r"camera usb:1-1\.4: nothing is plugged into this port"):
        video_node("usb:1-1.4", tree.roots)
    with pytest.raises(LinkError, match=r"sound card usb:1-1\.4: nothing"):
        sound_card("usb:1-1.4", tree.roots)
    tree.plug("1-1.4.1", video=7, card=5, event=11, card_id="Wrong")  # behind a hub in that port: another device
    with pytest.raises(LinkError):
        video_node("usb:1-1.4", tree.roots)


def test_a_card_by_id_link_is_its_id_now(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.plug("1-1.4", video=0, card=4, event=0, card_id="STE0001")
    (tmp_path / "controlC4").touch()
    link = tmp_path / "usb-Bench_Stethoscope-00"
    link.symlink_to(tmp_path / "controlC4")
    assert sound_card(str(link), tree.roots) == "hw:CARD=STE0001,DEV=0"
    link.unlink()
    with pytest.raises(LinkError, match="not plugged in"):
        sound_card(str(link), tree.roots)
    assert sound_card("hw:CARD=STE0001,DEV=0", tree.roots) == "hw:CARD=STE0001,DEV=0"
