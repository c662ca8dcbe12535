"""``uninstall A [scenario] [config]``."""

from __future__ import annotations

from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED, UNINSTALLING
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

SYNTAX = Syntax(
    (
        Switch("Debug", help="only images for use under a debugger"),
        Switch("Profile", help="only images for use under a profiler"),
        Switch("ExeConfig", "EXE", "the configuration that the root was installed with"),
        Switch("AppBase", "DIR", "the application base that the root was installed with"),
        Switch("NoDependencies", help="accepted as in ngen; dependencies go when nobody needs them"),
    ),
    positionals=(1, 1),
    arguments="assemblyName | assemblyPath [scenario] [config]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root
    from nativegen.cache.records import scenario
    from nativegen.cache.store import Cache
    from nativegen.operations.query import Query
    from nativegen.operations.request import configuration
    from nativegen.operations.uninstall import uninstall

    output.banner()
    target = parsed.positionals[0]
    if target == "*":
        raise UsageError("uninstall * is no longer supported: name one assembly")
    root = cache_root(explicit=parsed.value("cache"))
    query = Query(target)
    wanted = None
    if parsed.flag("Debug") or parsed.flag("Profile"):
        wanted = scenario(parsed.flag("Debug"), parsed.flag("Profile"))
    index = open_for_reading(root)
    if index is None:
        output.sentence(NOT_INSTALLED if query.exists else INVALID_FILE.format(target))
        return NOT_FOUND
    index.close()
    with Cache(root) as cache:
        result = uninstall(cache, query, wanted, configuration(parsed.value("ExeConfig"), parsed.value("AppBase")))
    for other in result.other_configurations:
        output.warn(
            f"{other.key.path}: not removed: it was installed with {other.key.config or 'no /ExeConfig or /AppBase'}; "
            "give the same options"
        )
    output.document(
        {
            "roots": [{**r.key._asdict(), "display_name": r.display_name} for r in result.roots],
            "images": [{"display_name": i.display_name, "target": i.target, "key": i.key} for i in result.images],
        }
    )
    if not result.roots:
        output.sentence(NOT_INSTALLED if query.exists else INVALID_FILE.format(target))
        return NOT_FOUND
    for r in result.roots:
        output.say(UNINSTALLING.format(r.key.path))
    for image in result.images:
        output.detail(f"Removed native image {image.display_name} ({image.key})")
    return 0
