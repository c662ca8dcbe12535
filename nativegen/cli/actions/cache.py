"""``cache path|stats|rebuild|trim``."""

from __future__ import annotations

from nativegen.cache.location import cache_root
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

SYNTAX = Syntax(
    (
        Switch("max-size", "SIZE", "trim: what the cache may have afterwards: 500M, 2G"),
        Switch("older-than", "AGE", "trim: compiled methods not used for so long: 12h, 30d"),
        Switch("builds", "DIR", "stats, trim: of this cache of builds (SCons' NativeCacheDir) instead"),
    ),
    positionals=(1, 1),
    arguments="path|stats|rebuild|trim [options]",
)


def run(parsed: Parsed, output: Output) -> int:
    root = cache_root(explicit=parsed.value("cache"))
    actions = {"path": _path, "stats": _stats, "rebuild": _rebuild}
    name = parsed.positionals[0].lower()
    if parsed.flag("builds"):
        return _of_builds(name, parsed, output)
    if name == "trim":
        return _trim(root, parsed, output)
    action = actions.get(name)
    if action is None:
        raise UsageError(f"cache takes path, stats, rebuild or trim, not {parsed.positionals[0]!r}")
    if parsed.flag("max-size") or parsed.flag("older-than"):
        raise UsageError(f"--max-size and --older-than belong to cache trim, not to cache {name}")
    return action(root, output)


def _trim(root: str, parsed: Parsed, output: Output) -> int:
    from nativegen.cache.location import check_trust
    from nativegen.cache.store import Cache
    from nativegen.cache.trim import Trimmed, trim
    from nativegen.operations.view import remove_all_views

    most, oldest = _limits(parsed)
    result = Trimmed(0, 0, 0)
    if check_trust(root):
        with Cache(root) as cache:
            remove_all_views(root)
            result = trim(cache, most, oldest)
    output.document({"path": root, **{name: getattr(result, name) for name in ("before", "after", "images")}})
    output.say(f"{(result.before - result.after) / 1e6:.1f} MB freed, {result.after / 1e6:.1f} MB left.")
    if most is not None and result.after > most:
        output.warn(f"{root}: warning: the rest is images of roots: nativegen uninstall removes those")
    return 0


def _limits(parsed: Parsed) -> tuple[int | None, float | None]:
    """Values of --max-size and --older-than."""
    from nativegen.cache.trim import parse_age, parse_size

    size, age = parsed.value("max-size"), parsed.value("older-than")
    try:
        return parse_size(size) if size else None, parse_age(age) if age else None
    except ValueError as error:
        raise UsageError(str(error)) from None


def _of_builds(name: str, parsed: Parsed, output: Output) -> int:
    """Actions on a cache that belongs to builds and knows no roots."""
    from nativegen.cache.entries import Entries

    folder = parsed.value("builds") or ""
    entries = Entries(folder)
    if name == "trim":
        removed = entries.trim(*_limits(parsed))
        left = entries.stats()
        output.document({"path": folder, "removed": removed, "entries": left.entries, "size": left.size})
        output.say(f"{removed / 1e6:.1f} MB freed, {left.size / 1e6:.1f} MB left.")
    elif name == "stats":
        stats = entries.stats()
        output.document({"path": folder, **stats._asdict()})
        rows = [("cache", folder), ("entries", stats.entries), ("size", f"{stats.size / 1e6:.1f} MB")]
        rows += [
            ("bad entries set aside", stats.quarantined),
            *((f"  {event}", n) for event, n in stats.events.items()),
        ]
        for words, value in rows:
            output.answer(f"{words.ljust(34)} {value}")
    else:
        raise UsageError(f"--builds belongs to cache stats and cache trim, not to cache {name}")
    return 0


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
    facts = {"images": result.images, "roots": result.roots, "damaged": list(result.damaged), "kept": result.kept}
    output.document({"path": root, **facts})
    output.say(f"{result.images} native images recovered.")
    for path in result.damaged:
        output.warn(f"{path}: removed, it was damaged")
    if result.kept:
        output.say(f"The damaged index was kept as {result.kept}.")
    if result.roots:
        output.say(f"The index was sound: its {result.roots} roots are kept.")
    else:
        output.say("Roots are not recorded in images: install them again; nothing gets compiled anew.")
    return 0
