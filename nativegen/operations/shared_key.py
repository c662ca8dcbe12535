"""The key of a compilation in a shared cache: everything that its result depends on, by content, and nothing else.

Not the key of the local cache: that one forgives body edits of dependencies, which is right for the question whether an
image may stay; here the question is whether two machines would make the same bytes. So every assembly that the compiled
one reaches by references counts with its content. There are no paths and no times in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from nativegen.binding.trusted import CORE_LIBRARY
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.pipeline.request import CompileRequest
from nativegen.plan.manifest import canonical_json

SCHEMA = 1


class SharedKeys:
    """Makes keys; looks at each file once.

    Args:
        compiler: the fingerprint.

    Attributes:
        contents: of what it has looked at: path -> content signature.
    """

    def __init__(self, compiler: str) -> None:
        self._compiler = compiler
        self.contents: dict[str, str] = {}
        self._known: dict[str, tuple[str, tuple[str, ...]] | None] = {}

    def manifest(self, request: CompileRequest) -> bytes:
        """Canonical JSON of what a request's result depends on.

        Raises:
            NativegenError: the input cannot be read; NGEN3002: a file has another content than the request says.
        """
        assembly = Assembly.open(request.input)
        self._note(request, request.input, assembly.content_signature)
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "compiler": self._compiler,
            "target": request.target,
            "options": request.options.as_json(),
            "partial": None if request.partial is None else sorted(request.partial),
            "assembly": {"identity": assembly.identity.display_name, "content": assembly.content_signature},
            "references": self._reached(request, [reference.name for reference in assembly.assembly_refs]),
        }
        return canonical_json(document)

    def _reached(self, request: CompileRequest, names: Iterable[str]) -> dict[str, str | None]:
        """Simple name -> content signature, None: there is no such file."""
        found: dict[str, str | None] = {}
        pending = [CORE_LIBRARY, *names]
        while pending:
            name = pending.pop()
            if name in found:
                continue
            path = request.references.get(name)
            known = self._look(path)
            if path is not None and known is not None:
                self._note(request, path, known[0])
            found[name] = None if known is None else known[0]
            if known is not None:
                pending += known[1]
        return found

    def _note(self, request: CompileRequest, path: str, content: str) -> None:
        self.contents[path] = content
        if request.contents.get(path, content) != content:
            raise NativegenError("NGEN3002", path)

    def _look(self, path: str | None) -> tuple[str, tuple[str, ...]] | None:
        if path is None:
            return None
        if path not in self._known:
            try:
                assembly = Assembly.open(path)
                references = tuple(reference.name for reference in assembly.assembly_refs)
                self._known[path] = assembly.content_signature, references
            except NativegenError:
                self._known[path] = None
        return self._known[path]


def shared_key(manifest: bytes) -> str:
    """SHA-256 of the manifest: where the entry is."""
    return hashlib.sha256(manifest).hexdigest()
