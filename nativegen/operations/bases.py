"""Preferred load addresses: what an image asks for, and which images ask for the same (research N11).

A base is *chosen* when ``--base`` gave it or when the author of the assembly did (``/baseaddress`` of the compiler):
then it is other than what compilers and our writer put there by themselves. Two chosen ranges that overlap defeat their
purpose: only one of the images can be there in a process. Light: ``display`` imports this.
"""

from __future__ import annotations

from collections.abc import Iterable

from nativegen.readytorun.bases import DEFAULT_IMAGE_BASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from nativegen.cache.light import NamedTuple


class Span(NamedTuple):
    """Addresses that an image asks for. ``image``: path of its file."""

    image: str
    base: int
    size: int

    @property
    def end(self) -> int:
        return self.base + self.size

    @property
    def is_chosen(self) -> bool:
        return self.base != DEFAULT_IMAGE_BASE


def span_of(image: str) -> Span | None:
    """Of a PE32+ file, from its optional header: ImageBase at 24, SizeOfImage at 56; None when it cannot be read."""
    try:
        with open(image, "rb") as file:
            header = file.read(4096)
    except OSError:
        return None
    optional = int.from_bytes(header[0x3C:0x40], "little") + 24
    base, size = header[optional + 24 : optional + 32], header[optional + 56 : optional + 60]
    return Span(image, int.from_bytes(base, "little"), int.from_bytes(size, "little"))


def overlaps(images: Iterable[str], others: Iterable[str] = ()) -> list[tuple[Span, Span]]:
    """Pairs with chosen bases that overlap, in order of address.

    Args:
        others: compared with the images, but not with one another.
    """
    wanted = set(images)
    spans = [span for span in map(span_of, {*wanted, *others}) if span is not None and span.is_chosen]
    spans.sort(key=_place)
    pairs = []
    open_spans: list[Span] = []  # that reach behind the base of the next one
    for span in spans:
        open_spans = [other for other in open_spans if span.base < other.end]
        pairs += [(other, span) for other in open_spans if not wanted.isdisjoint((other.image, span.image))]
        open_spans.append(span)
    return sorted(pairs, key=lambda pair: (_place(pair[0]), _place(pair[1])))


def _place(span: Span) -> tuple[int, str]:
    return span.base, span.image
