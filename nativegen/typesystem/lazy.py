"""``lazy``: a cached property of a type, method or field.

Metadata is decoded when it is first asked for, deep inside an expression of the importer; so that is where malformed
rows surface. :class:`lazy` turns every such failure into the one exception that callers of the type system know.

Invariant: costs nothing after the first access, as :func:`functools.cached_property`; a failure is not remembered.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from nativegen.diagnostics import NativegenError
from nativegen.typesystem.errors import TypeLoadError

if TYPE_CHECKING:
    lazy = cached_property
else:

    class lazy(cached_property):
        """A cached property that fails with :class:`TypeLoadError` only."""

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            try:
                return super().__get__(instance, owner)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
            except RecursionError:
                raise TypeLoadError(f"{self.attrname} of a type leads back to itself") from None
