"""CoreLib of 3.1, recompiled by us and put in place of Microsoft's image: all that runtime and programs do runs on it.

Long (CoreLib alone has 25,000 methods), hence only in the sweep.
"""

from __future__ import annotations

import pytest

from tests.framework.replacement import PROGRAMS, Framework, twelve
from tests.framework.test_framework12 import assert_programs_same, assert_same
from tests.support.paths import TestInputs

pytestmark = [pytest.mark.runtime, pytest.mark.sweep]

CORELIB = "System.Private.CoreLib"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.cs"))
MINIMUM = 2000  # native methods of CoreLib that the programs together must run


@pytest.fixture(scope="module")
def framework(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Framework:
    return Framework.create("corelib", [CORELIB, *twelve()], tmp_path_factory.mktemp("corelib"))


def test_programs_behave_the_same(framework: Framework) -> None:
    # A program cannot load the core library by its path, so the runtime cannot be asked about each of its methods.
    runs = assert_programs_same(framework, NAMES)
    assert len(framework.executed(runs, CORELIB)) > MINIMUM


@pytest.mark.parametrize("name", NAMES)
def test_under_gc_stress_and_with_tiering(name: str, framework: Framework) -> None:
    expected = framework.run(name).microsoft
    assert_same(expected, framework.stressed(name))
    assert_same(expected, framework.tiered(name))
