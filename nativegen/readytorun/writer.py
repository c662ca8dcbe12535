"""The image writer: merges compiled methods into one ReadyToRun image of an assembly.

:class:`ImageBuilder` collects method units; :meth:`ImageBuilder.build` prepares them
(:mod:`nativegen.readytorun.prepared`), which makes equal cells of all units one, and links them
(:mod:`nativegen.readytorun.link`). All passes are linear; nothing but struct packing is used, so 20,000 methods take a
second. What was prepared can be kept, and linked again after the units of some methods have been replaced.

Invariant: the bytes depend on the set of methods added, not on the order of adding.

>>> builder = ImageBuilder(assembly, target_named("9.0"), resolver, compiler_id="nativegen 0.1")  # doctest: +SKIP
>>> builder.add_method(6, unit)                                                                  # doctest: +SKIP
>>> open("App.ni.dll", "wb").write(builder.build())                                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nativegen.metadata import Assembly
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.check_unit import check_unit
from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.link import Linking
from nativegen.readytorun.manifest import ManifestAssembly
from nativegen.readytorun.manifest_rows import ManifestRows
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import MethodUnit, Symbol, TokenResolver


class Prepared(NamedTuple):
    """What :meth:`nativegen.readytorun.link.Linking.link` is given."""

    units: PreparedUnits
    table: CellTable
    manifest: bytes | None
    has_unrelated_code: bool


class ImageBuilder:
    """Collects compiled methods of one assembly and writes its image.

    Args:
        assembly: the input; IL only, or an image whose native code is to be replaced.
        target: the runtime that the image is for.
        resolver: gives the tokens of the units' symbols.
        image_base: preferred load address, a non-zero multiple of 64 KiB; None: that of the assembly, if its author
            chose one.
        identity: what a reference to an assembly says, by simple name; for units that name manifest rows.
        compiler_id: stored in section 100.
        encoded: final signatures that are known beforehand, by identity of their cells.

    Attributes:
        linking: what links.
        prepared: after :meth:`build`, what it linked.

    Raises:
        NativegenError: NGEN3105, the input cannot be made into an image; NGEN3107, bad image base.
    """

    def __init__(
        self,
        assembly: Assembly,
        target: Target,
        resolver: TokenResolver,
        *,
        image_base: int | None = None,
        identity: Callable[[str], ManifestAssembly] | None = None,
        compiler_id: str,
        encoded: Mapping[int, bytes] | None = None,
    ) -> None:
        self._assembly = assembly
        self._target = target
        self.linking = Linking(assembly, target, image_base=image_base, compiler_id=compiler_id)
        self._resolver = resolver
        self._identity = identity or ManifestAssembly
        self._encoded = encoded
        self._methods: dict[int, MethodUnit] = {}
        self._instances: list[tuple[int, tuple[int | bytes | Symbol, ...], MethodUnit]] = []
        self.prepared: Prepared | None = None

    def add_method(self, rid: int, unit: MethodUnit, *, is_checked: bool = False) -> None:
        """Give the MethodDef ``rid`` the compiled body ``unit``.

        Args:
            is_checked: :func:`check_unit` has seen it.

        Raises:
            ValueError: the unit is malformed, or the method has a body already.
        """
        if not is_checked:
            check_unit(unit)
        if rid in self._methods:
            raise ValueError(f"MethodDef {rid} already has a body")
        self._methods[rid] = unit

    def add_instance_entry(self, hash: int, signature: Sequence[int | bytes | Symbol], unit: MethodUnit) -> None:
        """Give an instantiated method a body.

        Args:
            hash: version-resilient hash of owner, name and type arguments (:mod:`nativegen.readytorun.hashing`).
            signature: method signature of the entry: flags, owner type, rid, type arguments.

        Raises:
            ValueError: the unit is malformed.
        """
        check_unit(unit)
        self._instances.append((hash, tuple(signature), unit))

    def build(self) -> bytes:
        """Link everything; the bytes of the image file.

        Raises:
            KeyError: the resolver does not know a symbol.
            ValueError: a unit uses the initial data of a field that has none.
        """
        manifest = rows_of_image(self._assembly, self._identity)
        table = CellTable(self._resolver, manifest, self._encoded)
        preparation = Preparation(table, has_packed_bounds=self._target.packed_debug_bounds)
        rids = sorted(self._methods)
        for rid in rids:
            preparation.add(self._methods[rid])
        instances = sorted(
            ((hash, table.signature(parts), unit) for hash, parts, unit in self._instances), key=lambda entry: entry[:2]
        )
        for _, _, unit in instances:
            preparation.add(unit)
        units = preparation.finish(rids, [(hash, signature) for hash, signature, _ in instances])
        is_unrelated = any(is_foreign(parts) for _, parts, _ in self._instances)
        rows = encoded_rows(manifest, self._target)
        self.prepared = Prepared(units, table, rows, is_unrelated)
        return self.linking.link(units, table, rows, has_unrelated_code=is_unrelated)


def rows_of_image(assembly: Assembly, identity: Callable[[str], ManifestAssembly]) -> ManifestRows:
    """The rows of an image's manifest metadata, before anything is named.

    Args:
        identity: see :class:`ImageBuilder`.
    """
    return ManifestRows([row.name for row in assembly.assembly_refs], identity)


def encoded_rows(manifest: ManifestRows, target: Target) -> bytes | None:
    """The manifest metadata of an image; None: it needs none."""
    return manifest.encode() if target.requires_manifest_metadata or not manifest.is_empty else None


def is_foreign(signature: Sequence[int | bytes | Symbol]) -> bool:
    """An instance of another module's generic: the runtime may have to look for it in all images."""
    flags = signature[0]
    return isinstance(flags, int) and bool(flags & MethodSigFlags.UpdateContext)
