"""``NamedTuple`` for modules that must load at once: importing ``typing`` takes longer than ``display`` does.

Modules write, so that type checkers see the real one::

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import NamedTuple
    else:
        from nativegen.cache.light import NamedTuple

>>> class Point(NamedTuple):
...     x: int
...     y: int = 2
>>> Point(1)
Point(x=1, y=2)
"""

from __future__ import annotations

from collections import namedtuple


class _Meta(type):
    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, object]) -> type:
        fields = list(namespace.get("__annotations__", ()))  # type: ignore[call-overload]
        defaults = [namespace.pop(field) for field in fields if field in namespace]
        base = namedtuple(name, fields, defaults=defaults)  # type: ignore[misc]
        return type(name, (base,), {**namespace, "__slots__": ()})


NamedTuple = type.__new__(_Meta, "NamedTuple", (), {})
