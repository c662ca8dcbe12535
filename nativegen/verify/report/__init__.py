"""Reports of a verification, one module per format; each has ``render(verification) -> str``.

JSON is the complete one; the others show what their readers can show.
"""

from __future__ import annotations

import importlib
from typing import cast

from nativegen.verify.model import Verification

FORMATS = ("text", "json", "junit", "sarif", "github", "msbuild")


def render(verification: Verification, format: str) -> str:
    """The report in one of :data:`FORMATS`."""
    module = importlib.import_module(f"nativegen.verify.report.{format}")
    return cast(str, module.render(verification))
