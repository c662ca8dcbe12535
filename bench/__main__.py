"""``python -m bench [name ...]``: runs the measurements and prints one table each."""

from __future__ import annotations

import argparse
import importlib
import sys

from bench.common import ROOT

NAMES = (
    "scan",
    "light",
    "backend",
    "throughput",
    "workers",
    "builds",
    "edits",
    "startup",
    "partial",
    "recording",
    "sizes",
    "suspension",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*NAMES, []], default=list(NAMES), metavar="name", help=", ".join(NAMES)
    )
    names = parser.parse_args().names
    work = ROOT / "build" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    for name in names:
        print(f"\n{name}: {(importlib.import_module(f'bench.{name}').__doc__ or '').splitlines()[0]}", flush=True)
        for row in importlib.import_module(f"bench.{name}").measure(work):
            print(f"  {row.what.ljust(46)} {row.figure.rjust(26)}  {row.note}".rstrip(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
