"""``lazy``: a cached property of a type, method or field.

Metadata is decoded when it is first asked for, deep inside an expression of the importer; so that is where malformed
rows surface. :class:`lazy` turns every such failure into the one exception that callers of the type system know.

Invariant: costs nothing after the first access, as :func:`functools.cached_property` (which up to Python 3.11 takes a
lock at the first one, and has no place to convert exceptions); a failure is not remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nativegen.diagnostics import NativegenError
from nativegen.typesystem.errors import TypeLoadError

if TYPE_CHECKING:
    lazy = cached_property
else:

    class lazy:
        """A cached property that fails with :class:`TypeLoadError` only."""

        def __init__(self, compute: Callable[[Any], Any]) -> None:
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            try:
                value = instance.__dict__[self._name] = self._compute(instance)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
            except RecursionError:
                raise TypeLoadError(f"{self._name} of a type leads back to itself") from None
            return value
