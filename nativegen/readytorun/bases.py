"""Preferred load addresses of images.

>>> chosen_base(0x400000) is None, hex(chosen_base(0x11000000))
(True, '0x11000000')
"""

from __future__ import annotations

DEFAULT_IMAGE_BASE = 0x1_8000_0000
"""Of images whose base nobody chose; the runtime picks the real one."""

IMAGE_BASE_ALIGNMENT = 0x1_0000

# What compilers write when nobody asks: 32-bit programs and libraries, 64-bit programs and libraries.
_DEFAULTS = (0x40_0000, 0x1000_0000, 0x1_4000_0000, 0x1_8000_0000)


def chosen_base(base: int) -> int | None:
    """The base of an IL assembly, if its author chose it (``/baseaddress``)."""
    return None if base in _DEFAULTS or base <= 0 or base % IMAGE_BASE_ALIGNMENT else base
