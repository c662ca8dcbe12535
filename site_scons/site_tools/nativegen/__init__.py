"""SCons finds tools here; the tool itself lives in the package (``nativegen.scons``)."""

import pathlib
import sys

_root = str(pathlib.Path(__file__).resolve().parents[3])
if _root not in sys.path:
    sys.path.insert(0, _root)

from nativegen.scons import exists, generate  # noqa: E402

__all__ = ["exists", "generate"]
