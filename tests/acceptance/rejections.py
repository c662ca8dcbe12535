"""What the runtime did with every compiled method of an application's images, and why it rejected some.

The runtime rejects a method silently when one of its fixups does not hold. The guilty one is found by comparison: a
fixup of a rejected method that no accepted method of the image needs. Rejections that share such a fixup have one
cause, and a cause that hits many methods is a bug of ours.

>>> audit = audit_images(folder / "azmcp.dll", images)
>>> audit.rejected, audit.accepted
(12, 190000)
>>> print("\\n".join(audit.explain()))
Azure.Core: 3 methods: Check_TypeLayout Azure.Core.Foo: Azure.Core.Foo::.ctor, ...
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nativegen.pipeline.method_names import method_display_name
from nativegen.readytorun.describe_fixups import describe_fixup
from nativegen.readytorun.names import ImageNames
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.verify.live import Acceptance, LiveGroup, LiveImage, ask_runtime
from nativegen.verify.model import Subject

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdicts by image path."""

    verdicts: Mapping[str, Acceptance]

    @property
    def prepared(self) -> int:
        return sum(verdict.prepared for verdict in self.verdicts.values())

    @property
    def accepted(self) -> int:
        return sum(verdict.accepted for verdict in self.verdicts.values())

    @property
    def rejected(self) -> int:
        return self.prepared - self.accepted

    @property
    def refused_images(self) -> dict[str, str]:
        """Images that the runtime ignored as a whole -> its words, or that it could not load."""
        found = {path: verdict.load_message for path, verdict in self.verdicts.items() if verdict.load_message}
        for path, verdict in self.verdicts.items():
            if verdict.prepared and not verdict.accepted:
                found.setdefault(path, verdict.failed[0] if verdict.failed else "no method was taken")
        return found

    def summary(self) -> Iterator[str]:
        """The counts, then :meth:`explain`."""
        yield f"{self.accepted} of {self.prepared} methods accepted, {self.rejected} rejected"
        yield from self.explain()

    def explain(self) -> Iterator[str]:
        """A line per image and probable cause, with the methods it hit."""
        for path, verdict in self.verdicts.items():
            if verdict.rejected:
                yield from _explain(path, verdict)


def audit_images(app: Path | None, images: Mapping[str, Path], runtime: Path | None = None) -> Audit:
    """Let one process of ``app`` (None: a host of our own) load the images and prepare every compiled method.

    Args:
        images: simple name -> image, standing where the application finds it.
        runtime: root of the runtime, when the application has none of its own.

    Raises:
        NativegenError: the process failed, or the trace lost events and so proves nothing.
    """
    group = LiveGroup(
        None if app is None else str(app),
        tuple(LiveImage(Subject(str(path), name), str(path)) for name, path in images.items()),
    )
    return Audit(ask_runtime(group, None if runtime is None else str(runtime)))


def _explain(path: str, verdict: Acceptance) -> Iterator[str]:
    image = ReadyToRunImage.open(path)
    names = ImageNames(image)
    rejected = {token & 0xFFFFFF for token in verdict.rejected}
    holding: set[tuple[int, int]] = set()
    for rid, entry in image.method_entries.items():
        if rid not in rejected:
            holding.update(entry.fixups)
    causes: dict[str, list[int]] = defaultdict(list)
    exceptions = dict(text.split(": ", 1) for text in verdict.failed if text.startswith("0x"))
    for rid in sorted(rejected):
        guilty = [cell for cell in image.method_entries[rid].fixups if cell not in holding]
        words = [describe_fixup(fixup, names) for cell in guilty if (fixup := image.fixup(*cell)) is not None]
        thrown = exceptions.get(hex(0x06000000 | rid))
        cause = f"preparing threw {thrown}" if thrown else " | ".join(words) or "no fixup of its own"
        causes[cause].append(rid)
    for cause, rids in sorted(causes.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(method_display_name(image.assembly, rid) for rid in rids[:_SHOWN])
        more = f", and {len(rids) - _SHOWN} more" if len(rids) > _SHOWN else ""
        yield f"{image.assembly.name}: {len(rids)} methods: {cause}: {shown}{more}"


def main() -> int:
    """``python -m tests.acceptance.rejections APP.dll|- IMAGE...``: the same from a shell; ``-``: no application."""
    app, *paths = sys.argv[1:]
    images = {Path(path).stem: Path(path).absolute() for path in paths}
    audit = audit_images(None if app == "-" else Path(app).absolute(), images)
    for line in audit.summary():
        print(line)
    for path, why in audit.refused_images.items():
        print(f"refused: {path}: {why}")
    return 1 if audit.rejected else 0


if __name__ == "__main__":
    sys.exit(main())
