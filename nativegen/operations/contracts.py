"""Contract signatures for planning, remembered in the cache's index.

Computing a contract means decoding every type of an assembly, so it is done once per content. The entries behind a
signature are kept too: they let ``why`` name the changed member.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from nativegen.cache.index import Index
from nativegen.plan.decide import Candidate


class ContractSource(Protocol):
    """Computes contracts; see :mod:`nativegen.typesystem.contract`."""

    def entries(self, path: str) -> tuple[str, str, Mapping[str, str]]:
        """Of the assembly at ``path``: its content and contract signatures, and the entries: member -> description."""
        ...

    def difference(self, old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
        """The first difference between two contracts' entries, in words."""
        ...


class StoredContracts:
    """The ``Contracts`` that planning asks, over the index of a cache.

    Args:
        version: of whatever defines contracts: the compiler's fingerprint.
        source: makes the source; called when the first contract is not remembered.
    """

    def __init__(self, index: Index, version: str, source: Callable[[], ContractSource]) -> None:
        self._index = index
        self._version = version
        self._make_source = source
        self._source: ContractSource | None = None

    def signature(self, candidate: Candidate) -> str:
        """The contract signature of an assembly, computed at most once per content."""
        content = f"{self._version}:{candidate.content}"
        known = self._index.contract(content)
        if known is not None:
            return known[0]
        read, signature, entries = self._contracts().entries(candidate.il)
        if read != candidate.content:
            return signature  # it changed since it was bound: compiling it will fail
        packed = zlib.compress(json.dumps(dict(entries), separators=(",", ":")).encode())
        self._index.put_contract(content, signature, packed)
        return signature

    def detail(self, name: str, old: str, new: str) -> str | None:
        """What differs between two signatures, when the entries of both are still remembered."""
        before, after = self._index.contract_entries(old), self._index.contract_entries(new)
        if before is None or after is None:
            return None
        return self._contracts().difference(_unpack(before), _unpack(after))

    def _contracts(self) -> ContractSource:
        if self._source is None:
            self._source = self._make_source()
        return self._source


def _unpack(packed: bytes) -> dict[str, str]:
    entries: dict[str, str] = json.loads(zlib.decompress(packed))
    return entries
