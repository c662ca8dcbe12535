"""The MSBuild package: ``build/`` and ``buildTransitive/`` with ``nativegen.props`` and ``nativegen.targets``.

``python -m nativegen.msbuild FOLDER`` writes ``nativegen.<version>.nupkg`` there, which ``dotnet add package`` takes
from a local source; a project may also import the two files by path. The files hold targets only, no tasks of our
own: they call ``nativegen compile`` once.
"""

from __future__ import annotations

import os

PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "package")
"""Folder of the package's files."""
