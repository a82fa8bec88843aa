"""Asking a camera for a key frame, by what the kernel and the camera offer."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

import pytest

from drivers.links import uvc_h264

# As a Logitech C920 describes it: header, camera terminal, its H.264 unit (number 12), then a processing unit.
DESCRIPTORS = bytes.fromhex(
    "12010002ef02014046 6d2d08110001020301".replace(" ", "")
    + "1b24060c41769ea204dee3478b2bf4341aff003b0a0103020fff0000"[:54]
    + "0b2405030100400 2 5b1700".replace(" ", "")
)


def test_the_unit_is_found_among_the_descriptors() -> None:
    assert uvc_h264.extension_unit(DESCRIPTORS) == 12
    assert uvc_h264.extension_unit(DESCRIPTORS.replace(b"\x41\x76\x9e", b"\x41\x76\x9f")) is None


@pytest.mark.parametrize("cut", range(0, len(DESCRIPTORS)))
def test_descriptors_that_end_early_harm_nothing(cut: int) -> None:
    assert uvc_h264.extension_unit(DESCRIPTORS[:cut]) in {None, 12}


def test_the_camera_is_asked_for_an_idr_with_its_parameters() -> None:
    asked: list[tuple[int, tuple[int, int, int, int], bytes]] = []

    def ask(request: int, question: bytes) -> bytes:
        unit, selector, query, size, address = struct.unpack("@BBBHP", question)
        asked.append((request, (unit, selector, query, size), ctypes.string_at(address, size)))
        return question

    assert uvc_h264._by_camera(ask, 12)
    assert asked == [(0xC0107521, (12, 9, 1, 4), b"\0\0\2\0")]
    assert not uvc_h264._by_camera(ask, None)


def test_the_kernels_own_control_goes_first() -> None:
    asked: list[tuple[int, bytes]] = []

    def ask(request: int, question: bytes) -> bytes:
        asked.append((request, question))
        return question

    def refuse(request: int, question: bytes) -> bytes:
        raise OSError(22, "Invalid argument")

    assert uvc_h264._by_kernel(ask)
    assert asked == [(0xC008561C, bytes.fromhex("e5099900 01000000"))]
    assert not uvc_h264._by_kernel(refuse)


def test_no_camera_is_no_answer(tmp_path: Path) -> None:
    assert uvc_h264.request_key(str(tmp_path / "video9")) is False
