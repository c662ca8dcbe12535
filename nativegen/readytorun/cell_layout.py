"""Where the cells of an image come to lie: which section each is in, and which slot of it.

Slots are given by first use, so the order of the units determines them. Two things change that order: the cells that
every image needs come first, and CHECK cells that reject a method without throwing come before those that may throw
(the runtime resolves a method's fixups in ascending order and stops at the first that fails).

>>> layout = CellLayout(units, table, target)                        # doctest: +SKIP
>>> layout.sections[CellKind.METHOD_CALL][:2], layout.slots[7]       # doctest: +SKIP
([7, 3], 0)
"""

from __future__ import annotations

from itertools import accumulate

from nativegen.readytorun.cells import SECTION_KINDS, CellTable, is_body_check
from nativegen.readytorun.enums import FixupKind, Helper
from nativegen.readytorun.prepared import PreparedUnits
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind


class CellLayout:
    """The cells that an image has.

    Args:
        units: of the image.
        table: of their cells.
        target: of the image.

    Attributes:
        module: the cell without which the runtime ignores the image.
        personality, filter_personality: what unwind information names; the latter only if there are filters.
        sections: the cells of each section, by slot.
        section_numbers: of the sections that are not empty.
        slots: by cell.
        counters: the cells that are entry counters, in the order of their units.
        field_data: those that are the initial data of fields.
    """

    def __init__(self, units: PreparedUnits, table: CellTable, target: Target) -> None:
        self._table = table
        self._target = target
        self.module = self.helper(Helper.Module)
        self.personality = self.helper(Helper.PersonalityRoutine)
        self.filter_personality: int | None = None
        used = units.used
        at = _end_of_first_filter(units)
        order = dict.fromkeys([self.module, self.personality])
        if at is not None:
            self.filter_personality = self.helper(Helper.PersonalityRoutineFilterFunclet)
            order.update(dict.fromkeys(used[:at]))
            order.setdefault(self.filter_personality)
            used = used[at:]
        order.update(dict.fromkeys(used))
        self.sections: dict[CellKind, list[int]] = {kind: [] for kind in SECTION_KINDS}
        self.counters: list[int] = []
        self.field_data: list[int] = []
        by_kind = {**self.sections, CellKind.COUNTER: self.counters, CellKind.FIELD_DATA: self.field_data}
        lists: list[list[int]] = [by_kind[kind] for kind in CellKind]
        kinds = table.kinds
        for cell in order:
            lists[kinds[cell]].append(cell)
        eager = self.sections[CellKind.EAGER_HELPER]
        for kind, section in self.sections.items():
            helper = SECTION_KINDS[kind].delay_load
            if helper is not None and section and (cell := self.helper(helper)) not in eager:
                eager.append(cell)
        self.sections[CellKind.CHECK].sort(key=lambda cell: not is_body_check(table.signatures[cell]))
        self.section_numbers = {
            kind: number for number, kind in enumerate(kind for kind, section in self.sections.items() if section)
        }
        self.slots = [0] * len(kinds)
        for section in (*self.sections.values(), self.counters):
            for slot, cell in enumerate(section):
                self.slots[cell] = slot

    def helper(self, helper: Helper) -> int:
        """The cell of a helper that is bound when the image is loaded."""
        return self._table.add(
            Cell(CellKind.EAGER_HELPER, (FixupKind.Helper, self._target.helper_id(helper)))
        )


def _end_of_first_filter(units: PreparedUnits) -> int | None:
    """How many of the used cells the units up to the first one with a filter use; None: there is no filter."""
    filters = {number for number, blob in enumerate(units.unwind_blobs) if blob.is_filter}
    if not filters:
        return None
    function = next((index for index, blob in enumerate(units.unwinds) if blob in filters), None)
    if function is None:
        return None
    unit = next(number for number, end in enumerate(accumulate(units.function_counts)) if end > function)
    return sum(units.cell_counts[: unit + 1])
