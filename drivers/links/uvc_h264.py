"""Asking a camera that encodes H.264 by itself for a key frame: by the kernel's control, else by the camera's own.

Sources: V4L2 `V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME`; USB Device Class Definition for Video Devices: H.264 Payload 1.0,
section 3.3.9 (UVCX_PICTURE_TYPE_CONTROL); UVC 1.1 section 3.7.2.6 (extension unit descriptor).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from drivers.core.errors import LinkError
from drivers.links import v4l2

SET_CONTROL = 0xC008561C  # VIDIOC_S_CTRL
FORCE_KEY_FRAME = 0x009909E5  # V4L2_CID_CODEC_BASE + 229
QUERY = 0xC0107521  # UVCIOC_CTRL_QUERY, 64-bit
SET_CUR, PICTURE_TYPE, IDR_WITH_PARAMETERS = 0x01, 0x09, 2
GUID = bytes.fromhex("41769ea204dee3478b2bf4341aff003b")
CS_INTERFACE, EXTENSION_UNIT, GUID_AT = 0x24, 0x06, 4
SYSFS = Path("/sys/class/video4linux")
Ask = Callable[[int, bytes], bytes]


def request_key(device: str) -> bool:
    """Whether the camera at this node took the question. Blocking, some milliseconds."""
    try:
        with closing(v4l2.Node(device)) as node:
            return _by_kernel(node.ask) or _by_camera(node.ask, unit_of(device))
    except LinkError:
        return False


def _by_kernel(ask: Ask) -> bool:
    try:
        ask(SET_CONTROL, struct.pack("=Ii", FORCE_KEY_FRAME, 1))
    except OSError:
        return False  # a UVC camera: the kernel knows no such control of it
    return True


def _by_camera(ask: Ask, unit: int | None) -> bool:
    if unit is None:
        return False
    wanted = struct.pack("<HH", 0, IDR_WITH_PARAMETERS)  # layer 0
    data = ctypes.create_string_buffer(wanted, len(wanted))
    try:
        ask(QUERY, struct.pack("@BBBHP", unit, PICTURE_TYPE, SET_CUR, len(wanted), ctypes.addressof(data)))
    except OSError:
        return False
    return True


def unit_of(device: str) -> int | None:
    """The number of the camera's H.264 extension unit; None where it has none."""
    try:
        found = SYSFS / Path(device).resolve().name / "device"
        return extension_unit((found.resolve().parent / "descriptors").read_bytes())
    except OSError:
        return None


def extension_unit(descriptors: bytes) -> int | None:
    """The bUnitID of the H.264 extension unit in a USB device's descriptors; None without one."""
    at = 0
    while at + 2 < len(descriptors) and descriptors[at] >= 2:
        one = descriptors[at : at + descriptors[at]]
        if one[1:3] == bytes([CS_INTERFACE, EXTENSION_UNIT]) and one[GUID_AT : GUID_AT + 16] == GUID:
            return one[3]
        at += descriptors[at]
    return None
