"""The counters of the cache: one for each thing that can happen to a wanted image, as in ccache.

Names are stored in the index and never renamed. Order is the order of ``cache stats``.
"""

from __future__ import annotations

COMPILED = "compiled"
DOWNLOADED = "downloaded"
REUSED = "reused"
FACADE = "facade"
FAILED = "failed"
UNINSTALLED = "removed"

COUNTERS: dict[str, str] = {
    COMPILED: "images compiled",
    DOWNLOADED: "images from a shared cache",
    REUSED: "images found current",
    FACADE: "assemblies without code",
    FAILED: "assemblies that failed",
    UNINSTALLED: "images removed",
}
"""name -> words."""
