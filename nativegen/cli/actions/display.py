"""``display [A]``: ngen's three headings, byte for byte."""

from __future__ import annotations

from nativegen.cache.location import cache_root
from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Syntax

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nativegen.cache.records import Root
    from nativegen.operations.display import Display, ShownImage

SYNTAX = Syntax(positionals=(0, 1), arguments="[assemblyName | assemblyPath] [options]")


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.operations.display import Display, display_all, display_matching
    from nativegen.operations.query import Query

    output.banner()
    root = cache_root(explicit=parsed.value("cache"))
    index = open_for_reading(root)
    queued: list[str] = []
    if index is not None and index.queued():  # the queue needs json, which light commands do without
        from nativegen.service.queue import queued_paths

        queued = queued_paths(index)
    if not parsed.positionals:
        shown: Display | None = Display([], None, [], [], {}) if index is None else display_all(index, root, queued)
        target = ""
    else:
        target = parsed.positionals[0]
        query = Query(target)
        shown = None if index is None else display_matching(index, root, query, queued)
        if shown is None:
            output.sentence(NOT_INSTALLED if query.exists else INVALID_FILE.format(target))
            return NOT_FOUND
    assert shown is not None
    output.document(_as_json(shown))
    if not output.json:
        _print(shown, target, root, output)
    return 0


def _print(shown: Display, target: str, root: str, output: Output) -> None:
    output.answer("NGEN Roots:\n")
    for one in shown.roots:
        output.answer(_root_line(one, shown))
    if shown.depending is not None:
        output.answer(f'\nNGEN Roots that depend on "{target}":\n')
        for one in shown.depending:
            output.answer(_root_line(one, shown))
    output.answer("\nNative Images:\n")
    if output.verbose:
        from nativegen.operations.display import why_invalid

        invalid = why_invalid(root) if shown.images else {}
        for image in shown.images:
            _print_image(image, root, output, invalid.get(image.image.image_key))
    elif shown.images:
        output.answer("\n".join(map(_image_line, shown.images)))
    for path in shown.pending:
        output.answer(f"{path} (pending)")


def _root_line(root: Root, shown: Display) -> str:
    stale = shown.deployed.get(root.id)
    state = "" if stale is None else " (deployed, stale)" if stale else " (deployed)"
    return root.key.path + _tag(root.key.scenario) + state


def _tag(scenario: str) -> str:
    """ngen marks the scenario of a line this way; the normal one has no mark."""
    return "".join(f" <{part}>" for part in scenario.split("+") if part != "normal")


def _image_line(shown: ShownImage) -> str:
    tag = "" if shown.image.scenario == "normal" else _tag(shown.image.scenario)
    return shown.image.display_name + tag + ("" if shown.present else " (missing)")


def _print_image(shown: ShownImage, root: str, output: Output, invalid: str | None) -> None:
    from nativegen.operations.display import hard_binding_hints, mode_of, preferred_base

    image = shown.image
    output.answer(_image_line(shown))
    output.detail(f"    state       {'valid' if invalid is None else f'invalid: {invalid}'}")
    output.detail(f"    key         {image.key}")
    output.detail(f"    target      {image.target}")
    output.detail(f"    made from   {image.source}")
    output.detail(f"    size        {image.size}")
    base = preferred_base(root, image)
    if base is not None:
        output.detail(f"    base        {base:#x}")
    output.detail(f"    native      {image.native} of {image.methods} methods")
    output.detail(f"    mode        {mode_of(root, image)}")
    for hint in hard_binding_hints(root, image):
        output.detail(f"    hard binding hint: {hint}")
    for dependency in shown.dependencies:
        output.detail(f"    depends on  {dependency.display_name} ({dependency.kind})")


def _as_json(shown: Display) -> dict[str, object]:
    def roots(rows: list[Root]) -> list[dict[str, object]]:
        return [
            {
                **root.key._asdict(),
                "display_name": root.display_name,
                "deployed": root.id in shown.deployed,
                "deployed_stale": shown.deployed.get(root.id, False),
            }
            for root in rows
        ]

    document: dict[str, object] = {"roots": roots(shown.roots)}
    if shown.depending is not None:
        document["depending_roots"] = roots(shown.depending)
    document["images"] = [
        {
            **shown_image.image._asdict(),
            "present": shown_image.present,
            "dependencies": [dependency._asdict() for dependency in shown_image.dependencies],
        }
        for shown_image in shown.images
    ]
    document["pending"] = shown.pending
    return document
