"""Makes whole method bodies, exception handling included.

>>> make_body(world, rng, callees, (I4,), I8, library=False)
Body(node=..., locals=[...], features=Counter(...))
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.generator.protected import Protected
from tests.generator.statements import Body
from tests.generator.types import CilType
from tests.generator.world import Callee, World


def make_body(
    world: World,
    rng: random.Random,
    callees: Sequence[Callee],
    parameters: Sequence[CilType],
    result: CilType | None,
    *,
    library: bool,
    this: CilType | None = None,
    statements: int = 6,
    budget: int = 110,
) -> Body:
    """A random body; ``this`` is the type of argument 0 of instance methods (a byref in structs)."""
    maker = Protected(world, rng, callees, library, budget, result)
    node = maker.body(parameters, this, statements, 3)
    return Body(node, maker.locals, maker.features)


def make_small_body(
    world: World,
    rng: random.Random,
    parameters: Sequence[CilType],
    result: CilType | None,
    *,
    library: bool,
    this: CilType | None = None,
) -> Body:
    """A random body of one expression that calls nothing."""
    maker = Protected(world, rng, [], library, 8, result)
    node = maker.small_body(parameters, this)
    return Body(node, maker.locals, maker.features)
