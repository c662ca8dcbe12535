"""The rows of the cache's index, as immutable tuples.

Named tuples, not dataclasses: ``display`` and ``cache stats`` read them, and importing ``dataclasses`` alone would take
longer than those commands do.

>>> key = RootKey("/opt/app.dll", "9.0", NORMAL)
>>> key.config
''
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from nativegen.cache.light import NamedTuple

NORMAL = "normal"
DEBUG = "debug"
PROFILE = "profile"
DEBUG_PROFILE = "debug+profile"
SCENARIOS = (NORMAL, DEBUG, PROFILE, DEBUG_PROFILE)


def scenario(debug: bool, profile: bool) -> str:
    """Name of the scenario of ``/Debug`` and ``/Profile``.

    >>> scenario(True, False)
    'debug'
    """
    return SCENARIOS[int(debug) + 2 * int(profile)]


class RootKey(NamedTuple):
    """What tells one root from another: the file, the target, the scenario and the configuration it was installed with.

    ``config`` is canonical text of ``/ExeConfig`` and ``/AppBase``, empty without them.
    """

    path: str
    target: str
    scenario: str
    config: str = ""


class Root(NamedTuple):
    """An assembly that a user installed.

    ``options`` is the JSON text of everything needed to install it again (``update``); ``id`` is the row number.
    """

    id: int
    key: RootKey
    display_name: str
    options: str

    @property
    def name(self) -> str:
        """Simple name."""
        return self.display_name.partition(",")[0]


class Dependency(NamedTuple):
    """A reference of an image: display name, kind (``app``, ``framework``, ``missing``), file ('' when missing)."""

    display_name: str
    kind: str
    path: str


class Image(NamedTuple):
    """A native image in the cache.

    Args:
        target, name, key: where it is: ``NativeImages_<target>/<name>/<key>/<name>.ni.dll``.
        display_name: of the assembly it was made from.
        scenario: one of :data:`SCENARIOS`.
        source: path of the IL assembly it was made from.
        content: that assembly's content signature; mvid: its module version id.
        sha256: of the key manifest; checksum: xxh3-128 of the image file.
        size: of the image in bytes; methods: with CIL; native: with code in the image.
    """

    target: str
    name: str
    key: str
    display_name: str
    scenario: str
    source: str
    content: str
    mvid: str
    sha256: str
    checksum: str
    size: int
    methods: int
    native: int

    @property
    def image_key(self) -> ImageKey:
        """The part that identifies it."""
        return ImageKey(self.target, self.name, self.key)


class ImageKey(NamedTuple):
    """The part of an :class:`Image` that identifies it."""

    target: str
    name: str
    key: str


class Totals(NamedTuple):
    """What ``cache stats`` prints. ``counters``: event name -> how often (see ``statistics.COUNTERS``)."""

    roots: int
    images: int
    image_bytes: int
    methods: int
    native: int
    images_by_target: Mapping[str, int]
    counters: Mapping[str, int]
