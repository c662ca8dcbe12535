"""An independent check of emitted text: no reference that was in a register before a safepoint is used after it.

It reads LLVM text only, as a data flow problem over LLVM's own blocks, so it does not share a mistake with the homes
plan: a call that may collect turns every ``ptr addrspace(1)`` defined so far stale, unless it was made from an
address of the frame.
"""

from __future__ import annotations

import re

from nativegen.compiler.lowered import LoweredMethod

_LABEL = re.compile(r"([\w.]+):$")
_DEFINITION = re.compile(r" (%[\w.]+) = (.*)")
_NAME = re.compile(r"%[\w.]+")
_MANAGED_RESULT = re.compile(
    r"(call cc 78|load( atomic)?( volatile)?) ptr addrspace\(1\)|getelementptr i8, ptr addrspace\(1\)"
    r"|inttoptr .* to ptr addrspace\(1\)"
)
_PAIR_TYPE = re.compile(r"extractvalue \{([^}]*)\} %[\w.]+, (\d)")


def stale_uses(method: LoweredMethod, barriers: frozenset[str] = frozenset()) -> list[str]:
    """The lines that use a reference from before a safepoint.

    Args:
        method: after emission.
        barriers: names of the stubs that never collect.
    """
    header, *lines = method.llvm.splitlines()
    blocks: dict[str, list[str]] = {}
    for line in lines:
        label = _LABEL.match(line)
        if label:
            current = blocks.setdefault(label[1], [])
        elif line != "}":
            current.append(line)
    arguments = frozenset(re.findall(r"ptr addrspace\(1\) (%[\w.]+)", header))
    states: dict[str, tuple[frozenset[str], frozenset[str]]] = {"entry": (arguments, frozenset())}
    frame: set[str] = set()
    found: dict[str, None] = {}
    waiting = ["entry"]
    while waiting:
        label = waiting.pop()
        fresh, stale = (set(names) for names in states[label])
        for line in blocks[label]:
            for name in _used(line):
                if name in stale:
                    found[line] = None
            if _is_safepoint(line, barriers):
                stale |= fresh
                fresh.clear()
            _define(line, fresh, stale, frame)
        for successor in re.findall(r"label %([\w.]+)", blocks[label][-1]):
            before = states.get(successor)
            after = (frozenset(fresh), frozenset(stale))
            if before is not None:
                after = (before[0] | after[0], before[1] | after[1])
            if after != before:
                states[successor] = after
                waiting.append(successor)
    return list(found)


def _used(line: str) -> list[str]:
    definition = _DEFINITION.match(line)
    return _NAME.findall(definition[2] if definition else line)


def _is_safepoint(line: str, barriers: frozenset[str]) -> bool:
    call = re.search(r"call cc 78 .*? ?([@%][\w.]+)\(", line)
    return call is not None and call[1].removeprefix("@") not in barriers and not line.endswith("#1")


def _define(line: str, fresh: set[str], stale: set[str], frame: set[str]) -> None:
    definition = _DEFINITION.match(line)
    if definition is None:
        return
    name, text = definition.groups()
    stale.discard(name)
    if text.startswith("addrspacecast ptr %") or (
        text.startswith("getelementptr") and frame.intersection(_NAME.findall(text))
    ):
        frame.add(name)
        return
    pair = _PAIR_TYPE.match(text)
    if _MANAGED_RESULT.match(text) or (pair and "addrspace" in pair[1].split(",")[int(pair[2])]):
        fresh.add(name)
