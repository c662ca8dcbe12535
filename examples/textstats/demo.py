"""The main job on a small program, from C# to a running process; `sh run-demo` calls this.

Builds textstats with SCons in build/demo, installs the application into a cache there, verifies it, runs it natively
on the real runtime, edits one method body and one public signature, shows which images are rebuilt and why, and prints
one table.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "demo"
PAIRS = 10


def main() -> int:
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "textstats", WORK / "examples" / "textstats")
    shutil.copytree(ROOT / "site_scons", WORK / "site_scons")
    shutil.copy(ROOT / "SConstruct", WORK / "SConstruct")
    application = WORK / "build" / "textstats" / "bin" / "App.dll"

    step("Build three assemblies and their images with SCons")
    scons()
    step("Precompile the closure into a cache")
    nativegen("install", str(application))
    nativegen("display")
    step("Verify it")
    nativegen("verify", str(application))
    step("Run it natively on the real runtime")
    nativegen("run", str(application))
    step("Nothing changed: nothing is rebuilt")
    scons()
    step("Edit one method body in Core: the edit stops there")
    edit("core/WordTable.cs", "uint hash = 2166136261;", "uint hash = 2166136262;")
    scons("--debug=explain")
    nativegen("why", str(application))
    nativegen("update")
    step("Edit a public value type in Core: its dependents are rebuilt, and the reason is named")
    edit("core/Tokenizer.cs", "public int Line;", "public int Line, Column;")
    edit("core/Tokenizer.cs", "Line = line;", "Line = line; Column = start;")
    scons("--debug=explain")
    nativegen("why", str(application))
    nativegen("update")
    nativegen("verify", str(application))
    step("What it gives")
    table(application)
    return 0


def step(title: str) -> None:
    print(f"\n== {title}", flush=True)


def environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "NATIVEGEN_CACHE": str(WORK / "cache")}


def run(command: list[str], *, capture: bool = False) -> str:
    done = subprocess.run(command, cwd=WORK, env=environment(), text=True, stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        sys.exit(f"demo: {' '.join(command)} ended with {done.returncode}")
    return done.stdout or ""


def scons(*options: str) -> None:
    print("$ scons", *options, flush=True)
    run([sys.executable, "-m", "SCons", "-Q", *options])


def nativegen(*arguments: str) -> None:
    print("$ nativegen", *arguments, flush=True)
    run([sys.executable, "-m", "nativegen", *arguments])


def edit(name: str, old: str, new: str) -> None:
    """Change one place of a source file; it must be there."""
    path = WORK / "examples" / "textstats" / name
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"demo: {name} does not contain {old!r} exactly once")
    path.write_text(text.replace(old, new))
    print(f"$ sed: {name}: {old.strip()} -> {new.strip()}", flush=True)


def table(application: pathlib.Path) -> None:
    """One line per assembly from the cache's own records, and the start-up of both ways of running."""
    from rich.console import Console
    from rich.table import Table

    listing = json.loads(run([sys.executable, "-m", "nativegen", "display", "--json"], capture=True))
    published = WORK / "published"
    run([sys.executable, "-m", "nativegen", "publish", str(application), str(published), "/silent"])
    # Without the images that SCons put beside the assemblies: the runtime would take them.
    il = shutil.copytree(application.parent, WORK / "il", ignore=shutil.ignore_patterns("*.ni.dll"))
    jit, native = startup(il / application.name, published / application.name)
    result = Table("assembly", "methods", "native", "excluded", "image bytes", title="textstats")
    for image in listing["images"]:
        counts = image["methods"], image["native"], image["methods"] - image["native"], image["size"]
        result.add_row(image["name"], *map(str, counts))
    console = Console()
    console.print(result)
    console.print(
        f"start to end, median of {PAIRS}: {jit * 1000:.0f} ms with the JIT, {native * 1000:.0f} ms with images "
        f"(ratio {native / jit:.2f})"
    )


def startup(with_jit: pathlib.Path, with_images: pathlib.Path) -> tuple[float, float]:
    """Median seconds from start to end of both, in alternating pairs."""
    from nativegen.runtime.discover import find_runtimes

    dotnet = str(next(r for r in find_runtimes() if r.target == "3.1").root / "dotnet")
    times: dict[pathlib.Path, list[float]] = {with_jit: [], with_images: []}
    for _ in range(PAIRS):
        for path, taken in times.items():
            start = time.perf_counter()
            subprocess.run([dotnet, str(path)], stdout=subprocess.DEVNULL, check=True)
            taken.append(time.perf_counter() - start)
    return statistics.median(times[with_jit]), statistics.median(times[with_images])


if __name__ == "__main__":
    sys.exit(main())
