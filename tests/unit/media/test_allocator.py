"""The C library's word on how memory is kept; what it is worth is measured by the bench."""

from __future__ import annotations

import ctypes

from appliance.media.allocator import bound_memory


def test_memory_is_bounded_where_the_c_library_has_a_say() -> None:
    assert bound_memory() == hasattr(ctypes.CDLL(None), "mallopt")
