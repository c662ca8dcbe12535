"""LINQ, collections and CoreLib of both runtimes by us, with at least the instances that Microsoft's images carry.

Long (9.0's CoreLib alone has 25,000 such instances), hence only in the sweep.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.reader import ReadyToRunImage
from tests.acceptance.rejections import audit_images
from tests.framework.replacement import Framework
from tests.framework.test_framework12 import assert_same
from tests.support.paths import TARGETS, TestInputs

pytestmark = [pytest.mark.runtime, pytest.mark.sweep]

ASSEMBLIES = ("System.Linq", "System.Collections", "System.Collections.Immutable", "System.Private.CoreLib")
PROGRAMS = ("Collecting", "Uris", "Everything", "Json")


@pytest.fixture(scope="module", params=TARGETS)
def framework(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Framework:
    target: str = request.param
    return Framework.create("carried", ASSEMBLIES, tmp_path_factory.mktemp("carried"), target, carried_instances=True)


def instances(path: Path) -> set[bytes]:
    """The signatures of the instances of an image's own generics."""
    return {
        bytes(entry.signature)
        for entry in ReadyToRunImage.open(path).instance_entries
        if entry.method.module is None and not entry.method.flags & MethodSigFlags.MemberRefToken
    }


def test_no_instance_is_lost(framework: Framework, inputs: TestInputs) -> None:
    for name in ASSEMBLIES:
        theirs = instances(inputs.framework(framework.target) / f"{name}.dll")
        ours = instances(framework.images.images[name])
        report = framework.images.reports[name]
        print(f"{framework.target} {name}: {report.native} of {report.methods} methods native")
        print(f"    instances: Microsoft's {len(theirs)}, of which ours has {len(theirs & ours)}; ours {len(ours)}")
        assert len(theirs - ours) <= 0.05 * len(theirs)


def test_programs_behave_the_same(framework: Framework) -> None:
    runs = []
    for name in PROGRAMS:
        done = framework.run(name)
        assert_same(done.microsoft, done.ours)
        runs.append(done)
    print(f"\n{framework.table(runs)}")
    assert [done.rejected for done in runs if done.rejected] == []


def test_the_runtime_takes_every_method(framework: Framework) -> None:
    images = {name: framework.runtime.framework_dir / f"{name}.dll" for name in ASSEMBLIES}
    audit = audit_images(None, images, framework.root)
    assert audit.prepared > 15_000
    assert audit.rejected == 0, "\n".join(audit.explain())


@pytest.mark.parametrize("name", PROGRAMS)
def test_under_gc_stress_and_with_tiering(name: str, framework: Framework) -> None:
    expected = framework.run(name).microsoft
    assert_same(expected, framework.stressed(name))
    assert_same(expected, framework.tiered(name))
