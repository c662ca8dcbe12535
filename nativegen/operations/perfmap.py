"""The perf map of a /Profile image: a text file beside it with the place, the size and the name of each method's code.

``<Name>.ni.r2rmap``, one line per method: RVA and size in hexadecimal, name; the form of crossgen's maps
without their header. Samplers see an address inside the mapped image file; the line with that RVA names the method.
"""

from __future__ import annotations

import os

from nativegen.diagnostics import NativegenError
from nativegen.readytorun.describe import code_symbols
from nativegen.readytorun.reader import ReadyToRunImage

SUFFIX = ".r2rmap"


def write_perf_map(image: str) -> str:
    """Write the map of an image beside it; returns its path.

    Raises:
        NativegenError: NGEN3001, it cannot be written.
    """
    path = os.path.splitext(image)[0] + SUFFIX
    lines = [f"{rva:08X} {size:04X} {name}\n" for rva, size, name in code_symbols(ReadyToRunImage.open(image))]
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise NativegenError("NGEN3001", path, detail=error.strerror or str(error)) from error
    return path
