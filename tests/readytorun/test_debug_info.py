"""Section 105: Microsoft's images decode and re-encode byte for byte; ours too; garbage is refused."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nativegen.readytorun.debug_info import (
    OPERAND_COUNT,
    PROLOG,
    Bound,
    BoundSource,
    DebugInfo,
    LocationType,
    Variable,
    decode_debug_info,
    encode_code_bounds,
    encode_debug_info,
    encode_debug_info_section,
    iterate_debug_info_section,
)
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.native_format import decode_unsigned, iterate_array
from nativegen.readytorun.reader import ReadyToRunImage
from tests.readytorun.test_oracle import framework_images
from tests.support.paths import TARGETS, TestInputs


def _check(path: Path) -> int:
    """Number of methods whose information was decoded and encoded again to the same bytes."""
    image = ReadyToRunImage.open(path)
    section = image.section(SectionType.DebugInfo)
    if section is None:
        return 0
    starts = set(image.method_starts)
    count = 0
    for index, at in iterate_array(image.memory, section.rva):
        back, following = decode_unsigned(image.memory, at)
        start = at - back if back else following
        info, end = decode_debug_info(image.memory, start)
        assert encode_debug_info(info) == image.memory[start:end]
        assert index in starts
        size = image.compiled_method(index).size
        assert info.bounds[0][:2] == (0, PROLOG)
        assert all(a.native <= b.native <= size for a, b in zip(info.bounds, info.bounds[1:], strict=False))
        assert all(0 <= each.start <= each.end <= size for each in info.variables)
        count += 1
    infos = image.debug_infos
    assert len(infos) == count
    blobs = {index: encode_debug_info(info) for index, info in infos.items()}
    encoded = encode_debug_info_section(blobs, image.debug_info_length)
    assert dict(iterate_debug_info_section(encoded, 0)) == infos
    return count


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["System.Linq", "System.Collections"])
def test_microsofts_images(inputs: TestInputs, target: str, name: str) -> None:
    assert _check(inputs.framework(target) / f"{name}.dll") > 700


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_all_of_microsofts_images(target: str) -> None:
    counts = [_check(path) for path in framework_images(target)]
    print(target, len(counts), "images,", sum(counts), "methods")
    assert sum(counts) > 60_000


_NUMBER = st.integers(0, 0xFFFFFFFF)
_VARIABLES = st.sampled_from(LocationType).flatmap(
    lambda type: st.builds(
        lambda start, length, number, operands: Variable(start, start + length, number, type, operands),
        _NUMBER,
        st.integers(0, 1000),
        st.integers(-4, 300),
        st.tuples(*[st.integers(0, 40)] * OPERAND_COUNT[type]),
    )
)
_BOUNDS = st.lists(st.tuples(st.integers(0, 1000), st.integers(-3, 0xFFFFFF), st.sampled_from(BoundSource)))


@given(_BOUNDS, st.lists(_VARIABLES))
def test_what_is_written_is_read(bounds: list[tuple[int, int, BoundSource]], variables: list[Variable]) -> None:
    native = 0
    placed = []
    for distance, il, source in bounds:
        native += distance
        placed.append(Bound(native, il, source))
    info = DebugInfo(tuple(placed), tuple(variables))
    blob = encode_debug_info(info)
    assert decode_debug_info(b"?" + blob, 1) == (info, len(blob) + 1)
    known = BoundSource.CALL_INSTRUCTION | BoundSource.STACK_EMPTY  # all that packed bounds keep
    info = DebugInfo(tuple(bound._replace(source=bound.source & known) for bound in info.bounds), info.variables)
    blob = encode_debug_info(info, packed=True)
    assert decode_debug_info(b"?" + blob, 1, packed=True) == (info, len(blob) + 1)


@given(st.binary(max_size=60), st.booleans())
def test_garbage_is_an_error_or_small(data: bytes, packed: bool) -> None:
    try:
        info, end = decode_debug_info(data, 0, packed=packed)
    except (ValueError, IndexError):
        return
    assert end <= len(data) and len(info.bounds) + len(info.variables) <= 2 * len(data)


@pytest.mark.parametrize("packed", [False, True])
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 1 << 16), st.sampled_from((0, 2, 16))), max_size=9),
    st.booleans(),
)
def test_bounds_of_compiled_code(packed: bool, steps: list[tuple[int, int, int]], has_variable: bool) -> None:
    natives = accumulate(step[0] for step in steps)
    bounds = [(native, il, source) for native, (_, il, source) in zip(natives, steps, strict=True)]
    variables = (Variable(0, 9, 1, LocationType.STK, (5, -8)),) * has_variable
    others = (Bound(native, il, BoundSource(source)) for native, il, source in bounds)
    info = DebugInfo((Bound(0, PROLOG, BoundSource.STACK_EMPTY), *others), variables)
    assert encode_code_bounds(bounds, variables, packed=packed) == encode_debug_info(info, packed=packed)
