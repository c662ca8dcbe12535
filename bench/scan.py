"""Opening and scanning the 192 assemblies of azmcp: identity, references, contract; relative to starting Python."""

from __future__ import annotations

import pathlib
import sys
import time
from collections.abc import Iterator

from bench.common import Row, median_pairs, process
from tests.support.paths import find_inputs


def measure(work: pathlib.Path) -> Iterator[Row]:
    from nativegen.metadata import Assembly
    from nativegen.typesystem.contract import contract

    del work
    python = median_pairs([lambda: process([sys.executable, "-c", "pass"])], pairs=10)[0]
    paths = sorted(find_inputs().azmcp.glob("*.dll"))
    start = time.perf_counter()
    assemblies = [Assembly.open(path) for path in paths]
    opened = time.perf_counter() - start
    start = time.perf_counter()
    references = sum(len(assembly.assembly_refs) for assembly in assemblies)
    signatures = {assembly.content_signature for assembly in assemblies}
    scanned = time.perf_counter() - start
    inputs = [assembly for assembly in assemblies if assembly.is_il_only]
    start = time.perf_counter()
    for assembly in inputs:
        contract(assembly)
    contracts = time.perf_counter() - start
    yield Row(
        "open",
        f"{1000 * opened / len(paths):.2f} ms each",
        f"{len(paths)} assemblies, {opened / python:.1f} x `python -c pass`",
    )
    yield Row(
        "references and content signature",
        f"{1000 * scanned / len(paths):.2f} ms each",
        f"{references} references, {len(signatures)} contents",
    )
    yield Row(
        "contract signature",
        f"{1000 * contracts / len(inputs):.1f} ms each",
        f"{len(inputs)} IL-only assemblies, {contracts:.1f} s together",
    )
