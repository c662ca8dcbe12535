"""``dump IMAGE``: a native image in readable form."""

from __future__ import annotations

from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Switch, Syntax

SYNTAX = Syntax(
    (Switch("disassemble", help="machine code as text (needs the package capstone)", short="d"),),
    positionals=(1, 1),
    arguments="IMAGE [options]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.readytorun.describe import describe_image, summary
    from nativegen.readytorun.reader import ReadyToRunImage

    image = ReadyToRunImage.open(parsed.positionals[0])
    if output.json:
        output.document(summary(image))
        return 0
    for line in describe_image(image, disassemble=parsed.flag("disassemble")):
        output.answer(line)
    return 0
