"""The coverage baseline: how many methods of each assembly had code, as a JSON file kept with the sources.

``{"schema": 1, "native": {"App": 120, "Core": 77}}``, sorted, one assembly a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from nativegen.diagnostics import NativegenError
from nativegen.verify.model import SubjectResult

SCHEMA = 1


def read_baseline(path: str | None) -> Mapping[str, int]:
    """Simple name -> number of methods; empty without a file.

    Raises:
        NativegenError: NGEN5003, it cannot be used.
    """
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}, this version knows {SCHEMA}")
        return {str(name): int(count) for name, count in document["native"].items()}
    except OSError as error:
        raise NativegenError("NGEN5003", path, detail=error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NativegenError("NGEN5003", path, detail=str(error)) from error


def write_baseline(path: str, results: Iterable[SubjectResult]) -> None:
    """Write what the verified images have; those that cannot be read are left out.

    Raises:
        NativegenError: NGEN7004, the file cannot be written.
    """
    native: dict[str, int] = {}
    for result in results:
        try:
            count = result.subject.native_methods
        except NativegenError:
            continue
        # The same assembly may be there for several targets and scenarios: each must have as many as the least.
        name = result.subject.name
        native[name] = min(count, native.get(name, count))
    try:
        with open(path, "w", encoding="utf-8") as stream:
            json.dump({"schema": SCHEMA, "native": native}, stream, indent=1, sort_keys=True)
            stream.write("\n")
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error
