"""Collections under an unmodified application: a startup hook compacts the heap from another thread all the time, the
allocation budget is tiny, and the whole heap is verified at each collection (a bad reference ends the process).

>>> stress = GcStress.create(tmp_path)
>>> run_app(app, environment=environment | stress.environment, settings=stress.settings, ...)
>>> stress.collections()
412
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.csharp import compile_csharp
from tests.support.differential import GC_STRESS_SETTINGS


@dataclass(frozen=True, slots=True)
class GcStress:
    """What to add to a run. One object serves one process at a time."""

    hook: Path
    count: Path

    @staticmethod
    def create(folder: Path) -> GcStress:
        """Build the hook in ``folder``."""
        source = Path(__file__).with_name("StressHook.cs")
        return GcStress(compile_csharp(source, folder, "stresshook", library=True), folder / "collections")

    @property
    def environment(self) -> dict[str, str]:
        return {"DOTNET_STARTUP_HOOKS": str(self.hook), "NATIVEGEN_STRESS_COUNT": str(self.count)}

    @property
    def settings(self) -> Mapping[str, str]:
        # The collector raises the budget when much survives, unless told the limit too.
        return {**GC_STRESS_SETTINGS, "GCgen0MaxBudget": GC_STRESS_SETTINGS["GCgen0size"]}

    def collections(self) -> int:
        """How many collections the hook forced in the last process; 0 when it did not end by itself."""
        return int(self.count.read_text()) if self.count.is_file() else 0
