"""The event stream: real traces, cut off, damaged, and with events dropped."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.runtime.events import PROVIDER, read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from nativegen.runtime.nettrace import TraceReader, read_utf16
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

pytestmark = pytest.mark.runtime

Traced = Callable[[str], RunResult]


def trace_of(result: RunResult) -> Path:
    assert result.trace is not None
    return result.trace


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_a_whole_trace(traced: Traced, target: str) -> None:
    reader = TraceReader(trace_of(traced(target)))
    counts = Counter((event.provider, event.id) for event in reader)
    assert counts[PROVIDER, 159] > 100
    assert counts[PROVIDER, 143] == counts[PROVIDER, 145] > 5
    assert reader.complete
    assert reader.dropped == 0


def test_selection_by_provider_and_number(traced: Traced) -> None:
    path = trace_of(traced("9.0"))
    everything = [event for event in TraceReader(path) if event.provider == PROVIDER and event.id in (143, 159)]
    assert list(TraceReader(path, PROVIDER, {143, 159})) == everything


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_a_cut_off_trace_ends_quietly_and_says_so(traced: Traced, tmp_path: Path, target: str) -> None:
    content = trace_of(traced(target)).read_bytes()
    whole = sum(1 for _ in TraceReader(trace_of(traced(target))))
    path = tmp_path / "cut.nettrace"
    for size in (40, 100, 1000, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        reader = TraceReader(path)
        assert sum(1 for _ in reader) <= whole
        assert not reader.complete


def test_damage_is_one_error_that_names_the_file(traced: Traced, tmp_path: Path) -> None:
    content = trace_of(traced("3.1")).read_bytes()
    path = tmp_path / "bad.nettrace"
    generator = random.Random(1)
    refused = 0
    for round_number in range(200):
        damaged = bytearray(content)
        region = len(damaged) // (20 if round_number % 2 else 1)  # the first blocks hold the metadata
        for _ in range(4):
            damaged[generator.randrange(region)] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            read_method_report(path)
        except NativegenError as error:
            refused += 1
            assert error.code == "NGEN6001"
            assert str(error).startswith(f"{path}: error NGEN6001: not a readable event trace")
    assert refused > 0


@pytest.mark.parametrize(
    ("content", "detail"),
    [(b"", "no Nettrace signature"), (b"Nettrace\x01\0\0\0x", "unknown serialization"), (None, "wrote no trace")],
)
def test_what_is_no_trace(tmp_path: Path, content: bytes | None, detail: str) -> None:
    path = tmp_path / "x.nettrace"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NativegenError, match=detail):
        list(TraceReader(path))


def test_dropped_events_are_counted(inputs: TestInputs, tmp_path: Path) -> None:
    """3.1 keeps a ring of one megabyte; the events of some thousand collections are more than that."""
    text = "class P { static void Main() { for (int i = 0; i < 8000000; i++) System.GC.KeepAlive(new P()); } }"
    app = compile_csharp(text, tmp_path / "app", "app")
    environment = clean_environment(tmp_path)
    everything = TraceRequest(tmp_path, keywords=0xFFFF_FFFF_FFFF, buffer_megabytes=1)
    settings = {"GCgen0size": "10000"}
    runtime = get_runtime("3.1")
    result = run_app(app, runtime=runtime, environment=environment, settings=settings, trace=everything)
    reader = TraceReader(trace_of(result))
    kept = sum(1 for _ in reader)
    assert reader.complete
    assert reader.dropped > kept > 0


def test_strings() -> None:
    assert read_utf16("aé\0b\0".encode("utf-16-le"), 0) == ("aé", 6)
    assert read_utf16("\u0100\0".encode("utf-16-le"), 0) == ("\u0100", 4)  # a zero byte that is no terminator
    assert read_utf16(b"\0\0x", 0) == ("", 2)
    with pytest.raises(ValueError, match="not found"):
        read_utf16(b"a\0b\0", 0)
