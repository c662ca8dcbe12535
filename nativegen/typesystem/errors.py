"""Why a type, member or layout cannot be had; internal exceptions, never shown to users as such.

The importer turns a :class:`TypeLoadError` into the exclusion of the method it is compiling: the runtime will throw (or
cope) when the method really runs.
"""

from __future__ import annotations


class TypeLoadError(Exception):
    """A missing assembly, type or member, malformed metadata, or a layout that cannot be predicted.

    Messages of layouts begin with ``layout:``, of calling convention classes with ``classification:``.
    """


class NotNameable(TypeLoadError):
    """A type or member exists, but the metadata of the module at hand has no row that names it."""


class UnknownSymbol(KeyError):
    """A symbol means nothing in this module's metadata (any more)."""
