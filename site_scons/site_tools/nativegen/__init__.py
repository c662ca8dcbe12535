"""SCons finds tools here; the tool itself lives in the package (``nativegen.scons``).

SCons registers this file as the module ``nativegen`` and puts its folder first on ``sys.path``, so the package of the
same name is imported with both out of the way; afterwards ``nativegen`` means the package again.
"""

import importlib
import os
import sys

_here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_root = os.path.dirname(os.path.dirname(_here))
_path = sys.path
sys.modules.pop("nativegen", None)
sys.path = [entry for entry in [_root, *_path] if os.path.abspath(entry) != _here]
try:
    _tool = importlib.import_module("nativegen.scons.tool")
finally:
    sys.path = _path
if os.path.isdir(os.path.join(_root, "nativegen")) and _root not in sys.path:
    sys.path.insert(0, _root)

exists, generate = _tool.exists, _tool.generate
