"""``why A``: what changed since the assembly was compiled."""

from __future__ import annotations

from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Syntax

SYNTAX = Syntax(positionals=(1, 1), arguments="assemblyName | assemblyPath")


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root
    from nativegen.cache.store import Cache
    from nativegen.operations.query import Query
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.operations.why import why

    target = parsed.positionals[0]
    root = cache_root(explicit=parsed.value("cache"))
    query = Query(target)
    index = open_for_reading(root)
    answers = []
    if index is not None:
        index.close()
        with Cache(root) as cache:
            answers = why(cache, query, NativeToolchain())
    if not answers:
        output.sentence(NOT_INSTALLED if query.exists else INVALID_FILE.format(target))
        return NOT_FOUND
    output.document(
        {
            "answers": [
                {
                    "root": answer.root.key.path,
                    "scenario": answer.root.key.scenario,
                    "path": answer.path,
                    "display_name": answer.display_name,
                    "valid": answer.because is None,
                    "because": answer.because,
                    "stays": answer.stays,
                }
                for answer in answers
            ]
        }
    )
    for answer in answers:
        if answer.because is not None:
            stays = "; its code uses nothing of that: update will not make its image again" if answer.stays else ""
            output.answer(f"{answer.path}: {answer.because}{stays}")
        else:
            output.detail(f"{answer.path}: valid")
    if all(answer.because is None for answer in answers):
        output.answer(f"{len(answers)} native images are valid: nothing changed.")
    return 0
