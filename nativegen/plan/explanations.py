"""Why something is stale, in words, collected while planning.

Planning records a reason wherever it decides that an image must be made; callers that do not ask pass
:data:`NO_EXPLANATIONS`, so that planning code needs no conditions.

>>> explanations = Explanations()
>>> explanations.record("App", "Text.dll: contract changed")
>>> explanations.of("App")
('Text.dll: contract changed',)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final


class Explanations:
    """Reasons by item (simple name of an assembly), in the order in which they were found."""

    def __init__(self) -> None:
        self._reasons: dict[str, list[str]] = {}

    def record(self, item: str, reason: str) -> None:
        self._reasons.setdefault(item, []).append(reason)

    def of(self, item: str) -> tuple[str, ...]:
        return tuple(self._reasons.get(item, ()))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for item, reasons in self._reasons.items():
            for reason in reasons:
                yield item, reason


class _NoExplanations(Explanations):
    """The null object: forgets everything."""

    def record(self, item: str, reason: str) -> None:
        pass


NO_EXPLANATIONS: Final = _NoExplanations()
