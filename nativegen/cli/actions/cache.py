"""``cache path|stats|rebuild``."""

from __future__ import annotations

from nativegen.cache.location import cache_root
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Syntax, UsageError

SYNTAX = Syntax(positionals=(1, 1), arguments="path|stats|rebuild")


def run(parsed: Parsed, output: Output) -> int:
    root = cache_root(explicit=parsed.value("cache"))
    actions = {"path": _path, "stats": _stats, "rebuild": _rebuild}
    action = actions.get(parsed.positionals[0].lower())
    if action is None:
        raise UsageError(f"cache takes path, stats or rebuild, not {parsed.positionals[0]!r}")
    return action(root, output)


def _path(root: str, output: Output) -> int:
    output.answer(root)
    output.document({"path": root})
    return 0


def _stats(root: str, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.records import Totals
    from nativegen.cache.statistics import COUNTERS

    index = open_for_reading(root)
    totals = Totals(0, 0, 0, 0, 0, {}, {}) if index is None else index.totals()
    output.document({"path": root, **totals._asdict()})
    rows = [("cache", root), ("roots", totals.roots), ("native images", totals.images)]
    rows += [(f"  for {target}", count) for target, count in totals.images_by_target.items()]
    rows += [("size", f"{totals.image_bytes / 1e6:.1f} MB"), ("methods with CIL", totals.methods)]
    rows += [("methods native", totals.native)]
    rows += [(words, totals.counters.get(name, 0)) for name, words in COUNTERS.items()]
    for words, value in rows:
        output.answer(f"{words.ljust(34)} {value}")
    return 0


def _rebuild(root: str, output: Output) -> int:
    from nativegen.cache.rebuild import rebuild

    result = rebuild(root)
    output.document({"path": root, "images": result.images, "damaged": list(result.damaged), "kept": result.kept})
    output.say(f"{result.images} native images recovered.")
    for path in result.damaged:
        output.warn(f"{path}: removed, it was damaged")
    if result.kept:
        output.say(f"The damaged index was kept as {result.kept}.")
    output.say("Roots are not recorded in images: install them again; nothing gets compiled anew.")
    return 0
