"""LINQ, collections and CoreLib of both runtimes by us, with at least the instances that Microsoft's images carry.

Long (9.0's CoreLib alone has 25,000 such instances), hence only in the sweep.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.typesystem.system import CORE_LIBRARY
from tests.acceptance.rejections import audit_images
from tests.framework.replacement import Framework
from tests.framework.test_framework12 import assert_programs_same, assert_same
from tests.support.paths import TARGETS, TestInputs

pytestmark = [pytest.mark.runtime, pytest.mark.sweep]

ASSEMBLIES = ("System.Linq", "System.Collections", "System.Collections.Immutable", "System.Private.CoreLib")
PROGRAMS = ("Collecting", "Uris", "Everything", "Json")


@pytest.fixture(scope="module", params=TARGETS)
def framework(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Framework:
    target: str = request.param
    return Framework.create("carried", ASSEMBLIES, tmp_path_factory.mktemp("carried"), target, carried_instances=True)


def instances(path: Path) -> dict[bytes, int]:
    """Signature -> MethodDef rid of the instances of an image's own generics."""
    return {
        bytes(entry.signature): entry.method.number
        for entry in ReadyToRunImage.open(path).instance_entries
        if entry.method.module is None and not entry.method.flags & MethodSigFlags.MemberRefToken
    }


def test_no_instance_is_lost(framework: Framework, inputs: TestInputs) -> None:
    """But those of methods that the compiler leaves to the JIT: vectors of the processor, for the most part.

    And but a few over __Canon where the type parameter takes value types only: crossgen makes them, nothing uses them.
    """
    for name in ASSEMBLIES:
        theirs = instances(inputs.framework(framework.target) / f"{name}.dll")
        ours = instances(framework.images.images[name])
        report = framework.images.reports[name]
        refused = {method.rid for method in report.exclusions}
        refused |= {instance.rid for instance in report.instances if instance.code and not instance.assembly}
        missing = {signature: rid for signature, rid in theirs.items() if signature not in ours}
        lost = [signature for signature, rid in missing.items() if rid not in refused]
        print(f"{framework.target} {name}: {report.native} of {report.methods} methods native")
        print(f"    instances of Microsoft's image: {len(theirs)}; missing: {len(missing)}, unexplained: {len(lost)}")
        assert len(lost) < 0.01 * len(theirs), [signature.hex() for signature in lost[:5]]


def test_programs_behave_the_same(framework: Framework) -> None:
    assert_programs_same(framework, PROGRAMS)


def test_the_runtime_takes_every_method(framework: Framework) -> None:
    # A program cannot load the core library by its path; what it rejects of that shows in the traces of the programs.
    images = {name: framework.runtime.framework_dir / f"{name}.dll" for name in ASSEMBLIES if name != CORE_LIBRARY}
    audit = audit_images(None, images, framework.root)
    assert audit.prepared > 200
    assert audit.rejected == 0, "\n".join(audit.explain())


@pytest.mark.parametrize("name", PROGRAMS)
def test_under_gc_stress_and_with_tiering(name: str, framework: Framework) -> None:
    expected = framework.run(name).microsoft
    assert_same(expected, framework.stressed(name))
    assert_same(expected, framework.tiered(name))
