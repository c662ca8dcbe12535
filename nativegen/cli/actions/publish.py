"""``publish APP.dll DIR``: the application's folder with images in place of IL."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Syntax

SYNTAX = Syntax(options.SCENARIO[:2], positionals=(2, 2), arguments="APP.dll DIR [options]")


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cli.running import valid_images
    from nativegen.operations.publish import publish

    found, _ = valid_images(parsed, output)
    published = publish(found, parsed.positionals[1])
    output.document({"folder": published.folder, "images": list(published.images), "files": published.files})
    output.say(f"{published.files} files in {published.folder}, {len(published.images)} of them native images.")
    return 0
