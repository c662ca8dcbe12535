"""``deploy APP.dll [--undo]``: images in place of the IL, in the application's own folder."""

from __future__ import annotations

import os

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Switch, Syntax

SYNTAX = Syntax(
    (*options.SCENARIO[:2], options.JOBS, Switch("undo", help="put the IL back")),
    positionals=(1, 1),
    arguments="APP.dll [options]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.records import scenario
    from nativegen.cli.running import shipped, valid_images
    from nativegen.operations.deploy import Deployed, deploy, undo

    output.banner()
    app = parsed.positionals[0]
    if not os.path.isfile(app):
        output.sentence(INVALID_FILE.format(app))
        return NOT_FOUND
    result: Deployed
    if parsed.flag("undo"):
        result = undo(app)
    else:
        found, cache = valid_images(parsed, output, runs=False)
        if found.root is None:
            output.sentence(NOT_INSTALLED)
            return NOT_FOUND
        with shipped(parsed, output, found, cache) as images:
            result = deploy(images, scenario(parsed.flag("Debug"), parsed.flag("Profile")), found.images)
    output.document(
        {
            "app": result.app,
            "replaced": list(result.replaced),
            "unchanged": list(result.unchanged),
            "kept": list(result.kept),
            "outside": list(result.outside),
        }
    )
    for path in result.replaced:
        output.detail(f"{path}: {'IL restored' if parsed.flag('undo') else 'replaced by its native image'}")
    for path in result.kept:
        output.warn(f"{path}: warning: changed since it was deployed: left as it is")
    for path in result.outside:
        output.warn(f"{path}: warning: outside the application's folder: it stays IL")
    what = "assemblies restored" if parsed.flag("undo") else "native images deployed"
    output.say(f"{len(result.replaced)} {what}, {len(result.unchanged)} unchanged.")
    return 0
