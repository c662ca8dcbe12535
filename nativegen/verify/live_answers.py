"""What the live host wrote and what the event trace says, joined: which methods of which image the runtime took.

The host prints, in the order of its list, ``token address`` for each method it resolved, where the address is the
method's id in the trace, and ``!line exception`` for what failed.

>>> read_answers(["100663297 4096", "!100663298 System.TypeLoadException"], {"/a.dll": [100663297, 100663298]})
{'/a.dll': Answers(load_error='', addresses={100663297: 4096}, errors={100663298: 'System.TypeLoadException'})}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nativegen.metadata import Assembly
from nativegen.pipeline.method_names import method_display_name
from nativegen.runtime.events import MethodReport

_ADDRESS_MASK = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True)
class Answers:
    """Of one image: token -> id in the trace, token -> exception."""

    load_error: str = ""
    addresses: dict[int, int] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the runtime did with one image.

    Args:
        prepared: methods with code in the image. accepted: of these, how many ran on it. rejected: tokens of the
        others. failed: exceptions, the one of loading first. load_message: why the runtime ignores the whole image, or
        empty.
    """

    prepared: int
    accepted: int
    rejected: tuple[int, ...]
    failed: tuple[str, ...]
    load_message: str


def read_answers(lines: Sequence[str], tokens: Mapping[str, Sequence[int]]) -> dict[str, Answers]:
    """Sort the host's lines by image.

    Args:
        tokens: path -> tokens, in the order of the host's list.
    """
    found = {}
    position = 0
    for path, numbers in tokens.items():
        answers = found[path] = Answers()
        wanted = set(numbers)
        if position < len(lines) and lines[position].startswith(f"!{path} "):
            answers.load_error = lines[position].removeprefix(f"!{path} ")
            position += 1
        while position < len(lines):
            failed = lines[position].startswith("!")
            subject, _, text = lines[position].removeprefix("!").partition(" ")
            if not subject.isdigit() or int(subject) not in wanted:
                break
            token = int(subject)
            if failed:
                answers.errors[token] = text
                wanted.discard(token)
            elif token in answers.addresses:
                break  # the same token, of the next image
            else:
                answers.addresses[token] = int(text) & _ADDRESS_MASK
            position += 1
    return found


def judge_answers(
    answers: Mapping[str, Answers],
    tokens: Mapping[str, Sequence[int]],
    images: Mapping[str, Assembly],
    report: MethodReport,
    loads: Mapping[str, str],
) -> dict[str, Acceptance]:
    """Which methods were taken.

    The handle of a virtual method of a struct is that of its unboxing stub, while the trace names the method behind it:
    those are found by their name, each record once, so that overloads do not vouch for each other.

    Args:
        images: path -> the image's metadata. report: the trace. loads: path -> why the runtime ignores the image.
    """
    entry_points = {record.method_id: record.entry_point for record in report.methods}
    known = {address for one in answers.values() for address in one.addresses.values()}
    unclaimed: dict[str, int] = {}
    for record in report.methods:
        if record.entry_point and record.method_id not in known:
            name = record.full_name.replace("\\", "")  # the runtime escapes commas and brackets of type names
            unclaimed[name] = unclaimed.get(name, 0) + 1
    found = {}
    for path, numbers in tokens.items():
        one = answers[path]
        rejected = []
        for token in numbers:
            address = one.addresses.get(token, 0)
            if address in entry_points:
                taken = bool(entry_points[address])
            else:
                name = method_display_name(images[path], token & 0xFFFFFF)
                taken = unclaimed.get(name, 0) > 0
                if taken:
                    unclaimed[name] -= 1
            if not taken:
                rejected.append(token)
        failed = (*([one.load_error] if one.load_error else []), *(f"{t:#x}: {e}" for t, e in one.errors.items()))
        accepted = len(numbers) - len(rejected)
        found[path] = Acceptance(len(numbers), accepted, tuple(rejected), failed, loads.get(path, ""))
    return found
