"""An image from the units of all its methods and instances: the long way, which every first build takes.

With a unit store, what is linked is kept with what the next build has to know of it (:class:`LinkReport`).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import Signature, instance_entry, may_need_instances, shared_instance
from nativegen.pipeline.fingerprint import compiler_fingerprint
from nativegen.pipeline.job import Job, Opened
from nativegen.pipeline.link_names import same_types
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.relink import Contents, LinkReport, takes_in
from nativegen.pipeline.request import ExcludedMethod, GenericInstance
from nativegen.pipeline.reuse import Reuse
from nativegen.pipeline.signature_facts import digest
from nativegen.pipeline.stages import spend
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.manifest import ManifestAssembly
from nativegen.readytorun.unit import ForeignUse
from nativegen.readytorun.writer import ImageBuilder
from nativegen.typesystem import TypeSystem


class LinkedImage(NamedTuple):
    """The bytes of an image, what is said of it, and :attr:`CompileReport.code`."""

    image: bytes
    contents: Contents
    code: str


def link_units(job: Job, opened: Opened) -> LinkedImage:
    """The image of a complete job; the unit store gets what is new.

    Raises:
        ValueError: a unit is malformed.
    """
    reuse = job.reuse
    if reuse is not None:
        reuse.save(job.new_results(), job.new_instances())
        if job.closure is not None:
            reuse.save_summary(job.closure.is_needless)
    start = time.process_time()
    builder = ImageBuilder(
        job.assembly,
        job.target,
        opened.names,
        image_base=job.request.options.image_base,
        identity=functools.partial(assembly_identity, opened.module.type_system),
        compiler_id=compiler_id(),
        encoded=None if reuse is None else reuse.encoded_cells(),
    )
    instances = _add_instances(job, opened, builder)
    methods = _add_methods(job, opened, builder, instances)
    image = builder.build()
    spend(job.seconds, "link", start)
    contents = Contents(tuple(methods.exclusions), methods.native, instances, _foreign_uses(job, methods))
    if reuse is None:
        return LinkedImage(image, contents, "")
    types = digest(same_types(opened.module))
    if job.closure is not None and job.is_lasting and not job.accidents:
        assert builder.prepared is not None
        report = _link_report(job, reuse, builder, contents, methods, types)
        reuse.save_linked(report, builder.prepared.units, builder.prepared.table)
    return LinkedImage(image, contents, reuse.units_signature(types))


def compiler_id() -> str:
    """Who made an image, as its section says."""
    return f"nativegen {compiler_fingerprint()}"


def assembly_identity(system: TypeSystem, name: str) -> ManifestAssembly:
    """What a reference to an assembly says.

    Raises:
        KeyError: there is no such assembly.
    """
    module = system.module_named(name)
    if module is None:
        raise KeyError(name)
    identity = module.assembly.identity
    token = "" if identity.public_key_token == "null" else identity.public_key_token
    return ManifestAssembly(identity.name, identity.version, identity.culture, bytes.fromhex(token))


def _add_instances(job: Job, opened: Opened, builder: ImageBuilder) -> tuple[GenericInstance, ...]:
    """Puts the generic instances over value types into the image; what became of each."""
    result = []
    for needed in job.needed:
        outcome = job.instances[needed.signature]
        code = detail = ""
        if outcome.unit is None:
            assert outcome.excluded is not None
            code, detail = outcome.excluded.code, outcome.excluded.detail
        else:
            unknown = opened.check.missing(outcome.unit)
            if unknown is not None:
                code, detail = Reason.NOT_NAMEABLE.code, unknown.name
            else:
                builder.add_instance_entry(needed.hash, needed.signature, outcome.unit)
        result.append(GenericInstance(needed.name, needed.rid, needed.needed_by, code, detail, needed.assembly))
    if job.closure is not None:
        result += job.closure.left_out
    return tuple(result)


@dataclass(slots=True)
class _Methods:
    """What became of the methods.

    Attributes:
        native: number of those that have code.
        exclusions: those that have none; instantiated: those that have code for some of their instances only.
        shared: hash, signature and method of the entries whose code reference types share.
        foreign: what the code uses of other assemblies.
    """

    native: int = 0
    exclusions: list[ExcludedMethod] = field(default_factory=list)
    instantiated: list[ExcludedMethod] = field(default_factory=list)
    shared: list[tuple[int, Signature, int]] = field(default_factory=list)
    foreign: set[ForeignUse] = field(default_factory=set)


def _add_methods(job: Job, opened: Opened, builder: ImageBuilder, instances: Sequence[GenericInstance]) -> _Methods:
    """Puts the methods into the image."""
    facts, names, check = opened
    instantiated = {instance.rid for instance in instances if not instance.code and not instance.assembly}
    generic = facts.own.generic_methods()
    methods = _Methods()
    for rid in job.rids:
        outcome = job.outcomes[rid]
        if outcome.excluded is not None:
            if rid in instantiated and shared_instance(facts.module, rid) is None:
                methods.instantiated.append(outcome.excluded)
                methods.native += 1
            else:
                methods.exclusions.append(outcome.excluded)
            continue
        assert outcome.unit is not None
        unknown = None if rid in job.reused else check.missing(outcome.unit)
        if unknown is not None:
            name = method_display_name(job.assembly, rid)
            methods.exclusions.append(ExcludedMethod(name, rid, Reason.NOT_NAMEABLE.code, unknown.name))
            continue
        instance = shared_instance(facts.module, rid) if rid in generic else None
        if instance is None:
            builder.add_method(rid, outcome.unit, is_checked=rid in job.reused)
        else:
            entry = instance_entry(names.symbols, instance)
            builder.add_instance_entry(*entry, outcome.unit)
            methods.shared.append((*entry, rid))
        methods.foreign.update(outcome.unit.foreign)
        methods.native += 1
    return methods


def _foreign_uses(job: Job, methods: _Methods) -> tuple[ForeignUse, ...]:
    """What the image uses of other assemblies."""
    units = [outcome.unit for outcome in job.instances.values() if outcome.unit is not None]
    return tuple(sorted(methods.foreign.union(*[unit.foreign for unit in units])))


def _link_report(
    job: Job, reuse: Reuse, builder: ImageBuilder, contents: Contents, methods: _Methods, types: bytes
) -> LinkReport:
    """What is kept of an image; ``types``: :attr:`LinkReport.same_types`."""
    assert builder.prepared is not None
    table = builder.prepared.table
    needy = () if job.closure is None else map(table.number, job.closure.needy())
    asking = [number for number, cell in enumerate(table.cells) if cell is not None and may_need_instances(cell)]
    entry_keys, excluded_instances = _keys_of_instances(job, reuse, table, contents.instances, methods)
    keys = [entry_keys.get(entry) for entry in builder.prepared.units.instances]
    return LinkReport(
        contents=contents,
        instantiated=tuple(methods.instantiated),
        fixed_cells=tuple(sorted(table.in_manifest.union(number for number in needy if number is not None))),
        fixed_rids=tuple([rid for rid in job.rids if (unit := job.outcomes[rid].unit) is not None and takes_in(unit)]),
        asking_cells=tuple(asking),
        entry_keys=tuple([key for key in keys if key is not None]) if None not in keys else (),
        excluded_instances=excluded_instances,
        manifest_cells=tuple(sorted(table.in_manifest)),
        foreign_of=_foreign_by_key(job, reuse, contents.foreign),
        from_metadata=builder.linking.from_metadata,
        manifest=builder.prepared.manifest,
        has_unrelated_code=builder.prepared.has_unrelated_code,
        same_types=types,
    )


def _keys_of_instances(
    job: Job, reuse: Reuse, table: CellTable, instances: Sequence[GenericInstance], methods: _Methods
) -> tuple[dict[tuple[int, bytes], bytes | None], dict[bytes, tuple[str, str]]]:
    """Keys by hash and final signature of an entry; reason code and detail of the instances without code, by key.

    Args:
        instances: what became of those that were needed, in the order of :attr:`Job.needed`, and of others.
    """
    entry_keys: dict[tuple[int, bytes], bytes | None] = {}
    excluded = {}
    for hash_, signature, rid in methods.shared:
        entry_keys[hash_, table.signature(signature)] = reuse.keys[rid]
    for needed, instance in zip(job.needed, instances, strict=False):
        key = reuse.known_instance_key(needed.signature)
        if not instance.code:
            entry_keys[needed.hash, table.signature(needed.signature)] = key
        elif key is not None:
            excluded[key] = (instance.code, instance.detail)
    return entry_keys, excluded


def _foreign_by_key(job: Job, reuse: Reuse, foreign: Sequence[ForeignUse]) -> dict[bytes, tuple[int, ...]]:
    """Which of these each unit uses, by its key."""
    if not foreign:
        return {}
    numbers = {use: number for number, use in enumerate(foreign)}
    outcomes = [(reuse.keys.get(rid), job.outcomes[rid]) for rid in job.rids]
    outcomes += [(reuse.known_instance_key(signature), each) for signature, each in job.instances.items()]
    return {
        key: tuple([numbers[use] for use in outcome.unit.foreign])
        for key, outcome in outcomes
        if key is not None and outcome.unit is not None and outcome.unit.foreign
    }
