"""The encodings one by one: values worked out by hand or read off other tools, round trips, limits."""

from __future__ import annotations

import pickle
import random

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata.elements import ET
from nativegen.readytorun.bitstream import BitReader, BitWriter, unsigned_size
from nativegen.readytorun.enums import (
    ElementType,
    FixupKind,
    GenericsContext,
    Helper,
    Register,
    ReturnKind,
    SlotBase,
    SlotFlags,
)
from nativegen.readytorun.gcinfo import (
    GcInfo,
    Range,
    RegisterSlot,
    SafePoint,
    StackSlot,
    Transition,
    decode_gc_info,
    encode_gc_info,
    in_table_order,
)
from nativegen.readytorun.imports import decode_gc_ref_map, decode_gc_ref_maps, encode_gc_ref_map, encode_gc_ref_maps
from nativegen.readytorun.manifest import ManifestAssembly, decode_manifest_metadata, encode_manifest_metadata
from nativegen.readytorun.methods import MethodEntry, decode_entry, decode_fixups, encode_entry, encode_fixups
from nativegen.readytorun.native_format import (
    array_length,
    decode_signed,
    decode_unsigned,
    encode_array,
    encode_hashtable,
    encode_unsigned,
    find_in_hashtable,
    hashtable_bucket_count,
    iterate_array,
    iterate_hashtable,
)
from nativegen.readytorun.structs import compress, decompress
from nativegen.readytorun.targets import (
    TARGETS,
    require_tested,
    target_for_r2r_version,
    target_for_runtime_version,
    target_named,
)

EDGES = [0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1FFFFF, 0x200000, 0xFFFFFFF, 0x10000000]


@pytest.mark.parametrize("value", [*EDGES, 0xFFFFFFFF])
def test_native_unsigned(value: int) -> None:
    encoded = encode_unsigned(value)
    assert decode_unsigned(b"\xee" + encoded, 1) == (value, 1 + len(encoded))


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("fe", -1),
        ("7e", 63),
        ("80", -64),
        ("fdff", -1),
        ("01fd", -192),
        ("03 00 80", -0x100000),
        ("07000080", -0x8000000),
        ("0fffffffff", -1),
        ("0f00000080", -0x80000000),
    ],
)
def test_native_signed(encoded: str, value: int) -> None:
    data = bytes.fromhex(encoded)
    assert decode_signed(data, 0) == (value, len(data))


@pytest.mark.parametrize("value", EDGES)
def test_compressed_integers(value: int) -> None:
    encoded = compress(value)
    assert decompress(encoded, 0) == (value, len(encoded))


def test_compressed_integers_have_a_limit() -> None:
    with pytest.raises(ValueError, match="too large"):
        compress(1 << 29)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 1000, 20000])
def test_sparse_arrays(length: int, density: float) -> None:
    source = random.Random(length + int(density * 100))
    elements = [
        bytes([source.randrange(256)]) * source.randrange(1, 9) + b"." if source.random() < density else None
        for _ in range(length)
    ]
    data = b"pad" + encode_array(elements)
    assert array_length(data, 3) == length
    found = dict(iterate_array(data, 3))
    assert found.keys() == {index for index, element in enumerate(elements) if element is not None}
    for index, at in found.items():
        element = elements[index]
        assert element is not None
        assert data[at : at + len(element)] == element


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_hash_tables(count: int) -> None:
    source = random.Random(count)
    entries = [(source.getrandbits(32), bytes([index & 0xFF, index >> 8])) for index in range(count)]
    data = b"x" + encode_hashtable(entries)
    buckets = hashtable_bucket_count(data, 1)
    found = [(bucket, low, data[at : at + 2]) for bucket, low, at in iterate_hashtable(data, 1)]
    assert sorted(found) == sorted((value >> 8 & (buckets - 1), value & 0xFF, payload) for value, payload in entries)
    lows = [(bucket, low) for bucket, low, _ in found]
    assert lows == sorted(lows)
    every = list(iterate_hashtable(data, 1))
    for value in (*[value for value, _ in entries], source.getrandbits(32)):
        place = (value >> 8 & (buckets - 1), value & 0xFF)
        assert list(find_in_hashtable(data, 1, value)) == [entry for entry in every if entry[:2] == place]


def test_element_types_are_those_of_signatures() -> None:
    shared = {name: value for name, value in vars(ET).items() if name in ElementType.__members__}
    assert shared == {name: ElementType[name].value for name in shared} and len(shared) > 30


def test_fixup_blob_of_known_bytes() -> None:
    # section 2, slots 1 and 9; section 5, slot 0: nibbles 2, 1, 1|8 0, 0, 3, 0, 0, 0, low nibble first
    fixups = ((2, 1), (2, 9), (5, 0))
    assert encode_fixups(fixups).hex() == "1209300000"
    assert decode_fixups(bytes.fromhex("1209300000"), 0) == (fixups, 5)


def test_fixup_blobs_round_trip() -> None:
    source = random.Random(1)
    for _ in range(300):
        pairs = {(source.randrange(8), source.choice((0, 1, 7, 8, 63, 64, 9000, 70000))) for _ in range(9)}
        fixups = tuple(sorted(pairs))
        blob = encode_fixups(fixups)
        assert decode_fixups(b"\xff" + blob, 1) == (fixups, 1 + len(blob))
        entry = MethodEntry(source.randrange(1 << 20), fixups)
        assert decode_entry(encode_entry(entry), 0)[0] == entry


def test_entry_with_shared_fixups() -> None:
    """The form with a back reference, which only other compilers write."""
    blob = encode_fixups(((1, 3),))
    data = blob + encode_unsigned(7 << 2 | 3) + encode_unsigned(len(blob) + 1)
    assert decode_entry(data, len(blob)) == (MethodEntry(7, ((1, 3),)), len(data))


@pytest.mark.parametrize(
    ("references", "encoded"),
    [((), "00"), (((0, 1),), "01"), (((0, 1), (1, 2)), "09"), (((13, 1),), None), (((0, 3), (5, 2), (20, 1)), None)],
)
def test_gc_ref_maps(references: tuple[tuple[int, int], ...], encoded: str | None) -> None:
    data = encode_gc_ref_map(references)
    if encoded is not None:
        assert data.hex() == encoded
    assert decode_gc_ref_map(data, 0) == (references, len(data))


def test_gc_ref_maps_of_many_cells() -> None:
    maps = [tuple((position, 1) for position in range(index % 7)) for index in range(3000)]
    data = b"?" + encode_gc_ref_maps([encode_gc_ref_map(each) for each in maps])
    assert decode_gc_ref_maps(data, 1, 3000) == tuple(maps)
    with pytest.raises(ValueError, match="GCRefMap of cell 1024"):
        decode_gc_ref_maps(data[:5] + b"\0" + data[6:], 1, 3000)


def test_bit_streams() -> None:
    writer = BitWriter()
    numbers = [0, 1, 5, 63, 64, 1000, 123456789]
    for base in (1, 3, 8):
        for number in numbers:
            before = writer.bit_count
            writer.write_unsigned(number, base)
            assert writer.bit_count - before == unsigned_size(number, base)
            writer.write_signed(number, base)
            writer.write_signed(-number, base)
    reader = BitReader(b"z" + writer.to_bytes(), 1)
    for base in (1, 3, 8):
        for number in numbers:
            assert reader.read_unsigned(base) == number
            assert reader.read_signed(base) == number
            assert reader.read_signed(base) == -number
    with pytest.raises(ValueError, match="ends early"):
        reader.read(64)


FRAME, SP, CALLER = SlotBase.FRAME_REGISTER, SlotBase.SP, SlotBase.CALLER_SP
GC_INFOS = {
    "leaf": GcInfo(1),
    "returns object": GcInfo(300, ReturnKind.OBJECT),
    "returns two objects": GcInfo(300, ReturnKind.OBJECT_OBJECT),
    "funclets": GcInfo(900, frame_register=Register.rbp, psp_symbol=0, report_only_leaf=True, outgoing_area=64),
    "context": GcInfo(
        77,
        generics_context=GenericsContext.METHOD_DESC,
        generics_context_slot=-40,
        prolog_size=9,
        frame_register=Register.rbp,
    ),
    "homes": GcInfo(
        500,
        frame_register=Register.rbp,
        untracked=in_table_order(
            StackSlot(FRAME, -8 * n, SlotFlags.INTERIOR if n % 3 == 0 else SlotFlags.BASE) for n in range(2, 40)
        ),
    ),
    "safe points": GcInfo(
        4000,
        registers=(
            RegisterSlot(Register.rax, SlotFlags.INTERIOR),
            RegisterSlot(Register.rbx),
            RegisterSlot(Register.r12),
        ),
        tracked=(StackSlot(SP, 8), StackSlot(SP, 16), StackSlot(CALLER, 24)),
        safe_points=tuple(SafePoint(20 + 7 * n, n * 5 & 0x3F) for n in range(200)),
    ),
    "few distinct states of many slots": GcInfo(
        4000,
        tracked=tuple(StackSlot(SP, 8 * n) for n in range(60)),
        safe_points=tuple(SafePoint(20 + 7 * n, (1 << 60) - 1 if n % 2 else 0xFF << 20) for n in range(50)),
    ),
    "ranges": GcInfo(
        451,
        frame_register=Register.rbp,
        untracked=(StackSlot(FRAME, -24, SlotFlags.PINNED),),
        ranges=(Range(30, 438),),
    ),
    "transitions": GcInfo(
        600,
        registers=(RegisterSlot(Register.rbx), RegisterSlot(Register.r14)),
        ranges=(Range(10, 100), Range(200, 580)),
        transitions=(
            Transition(10, 0, True),
            Transition(50, 0, False),
            Transition(60, 1, True),
            Transition(200, 1, False),
            Transition(500, 0, True),
        ),
    ),
    "everything else": GcInfo(
        5000,
        gs_cookie_slot=-16,
        prolog_size=33,
        epilog_size=7,
        edit_and_continue_area=3,
        reverse_pinvoke_slot=-64,
        has_varargs=True,
        security_object_slot=-32,
        frame_register=Register.rbx,
    ),
}


@pytest.mark.parametrize("name", GC_INFOS)
def test_gc_info_round_trip(name: str) -> None:
    info = GC_INFOS[name]
    encoded = encode_gc_info(info)
    decoded = decode_gc_info(b"\xaa\xbb" + encoded + b"\xcc", 2)
    assert decoded.info == info
    assert len(encoded) - decoded.size in (0, 1)  # an empty table of chunks behind untracked slots is not read


def test_gc_info_of_known_bytes() -> None:
    """A fully interruptible loop with one pinned home, as it ran in both runtimes."""
    info = decode_gc_info(bytes.fromhex("8180e1010090e76a10a64f7f02")).info
    assert (info.code_length, info.ranges, info.frame_register) == (451, (Range(30, 438),), Register.rbp)
    assert [slot.flags for slot in info.untracked] == [SlotFlags.PINNED] * 2
    assert encode_gc_info(info).hex() == "8180e1010090e76a10a64f7f02"


def test_gc_info_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="prolog_size"):
        encode_gc_info(GcInfo(9, generics_context=GenericsContext.THIS, generics_context_slot=-8))
    with pytest.raises(ValueError, match="behind the last range"):
        late = (Transition(5, 0, True),)
        encode_gc_info(GcInfo(9, registers=(RegisterSlot(Register.rbx),), ranges=(Range(1, 3),), transitions=late))
    with pytest.raises(ValueError, match="bytes of code"):
        decode_gc_info(bytes(8))  # a method of length 0


def test_manifest_metadata() -> None:
    assemblies = (
        ManifestAssembly("Core", (1, 2, 3, 4), "de", bytes(range(8))),
        ManifestAssembly("Other"),
    )
    assert decode_manifest_metadata(encode_manifest_metadata(assemblies)) == assemblies
    assert decode_manifest_metadata(encode_manifest_metadata()) == ()


def test_targets_by_name_version_and_image() -> None:
    assert target_for_runtime_version("3.1.23").name == "3.1"
    assert target_for_runtime_version("9.0.5-servicing.1").name == "9.0"
    for target in TARGETS.values():
        assert pickle.loads(pickle.dumps(target)) is target
        assert target_for_r2r_version(target.r2r_major) is target
        assert len(set(target.helpers.values())) == len(target.helpers)
        assert target.helper_name(target.helper_id(Helper.Throw)) == "Throw"
        assert FixupKind.TypeHandle in target.fixup_kinds
    assert target_for_r2r_version(8) is None


@pytest.mark.parametrize("version", ["7.0.11", "3.10.1", "9.1.0", ""])
def test_runtimes_without_target_are_refused(version: str) -> None:
    with pytest.raises(NativegenError, match="NGEN3102"):
        target_for_runtime_version(version)


def test_unknown_target_names_are_refused() -> None:
    with pytest.raises(NativegenError, match=r"NGEN3101: unknown target 7\.0; remedy: use one of: 3\.1, 9\.0"):
        target_named("7.0")


def test_an_untested_target_is_refused_unless_the_user_insists() -> None:
    untested = [target for target in TARGETS.values() if target.untested]
    assert [target.name for target in untested] == ["8.0"]
    with pytest.raises(NativegenError, match=r"NGEN3111: target 8\.0 was never tested .* --untested-target"):
        require_tested(untested[0], False)
    assert require_tested(untested[0], True) is untested[0]
    assert require_tested(target_named("10.0"), False).name == "10.0"
