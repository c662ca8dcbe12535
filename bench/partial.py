"""Partial images from a trace of ``azmcp tools list``: how long they take to make, and how fast the program starts.

The trace, ``install --partial`` and ``publish`` as a user types them, timed; then pairs of starts: as shipped, with the
partial images, and with whole images of the same assemblies (those that the profile names;
the run loads no others of ours).
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial

from bench.common import Row, median_pairs, nativegen
from bench.startup import PAIRS, jitted, start_once, total, words
from nativegen.pipeline.profile import Profile
from tests.acceptance.azmcp import Application
from tests.support.images import copy_application
from tests.support.paths import find_inputs

ARGUMENTS = ("tools", "list")


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: the profile, making the images, starting."""
    with tempfile.TemporaryDirectory(dir=work, prefix="partial-") as temporary:
        folder = pathlib.Path(temporary)
        home, shipped = folder / "home", find_inputs().azmcp
        home.mkdir()
        app, profile = str(shipped / "azmcp.dll"), folder / "start.profile"
        nativegen("trace", "-o", str(profile), app, *ARGUMENTS, cache=folder / "cache")
        named = Profile.read(profile)
        yield Row("methods that the run used", str(named.count), f"of {len(named.methods)} assemblies")
        wall = time.perf_counter()
        nativegen("install", app, "--partial", str(profile), "/silent", cache=folder / "cache")
        yield Row("install --partial", f"{time.perf_counter() - wall:.0f} s")
        nativegen("publish", app, str(folder / "some"), cache=folder / "cache")

        whole = copy_application(folder / "some", folder / "all")
        inputs = [str(shipped / f"{name}.dll") for name in named.methods]
        wall = time.perf_counter()
        nativegen("compile", *inputs, "-o", f"{folder / 'images'}/", "-r", str(shipped), cache=folder / "cache")
        yield Row("whole images of these assemblies", f"{time.perf_counter() - wall:.0f} s")
        for image in (folder / "images").glob("*.dll"):
            (whole / image.name).unlink()
            shutil.copy(image, whole / image.name)

        programs = {name: Application(place, home) for name, place in
                    (("as shipped", shipped), ("partial", folder / "some"), ("whole", whole))}  # fmt: skip
        starts = {name: partial(application.run, ARGUMENTS) for name, application in programs.items()}
        times = median_pairs([partial(start_once, one) for one in starts.values()], pairs=PAIRS)
        for (name, one), seconds in zip(starts.items(), times, strict=True):
            methods = jitted(one, folder)
            ratio = f"{seconds / times[0]:.2f} x as shipped"
            yield Row(
                f"tools list, {name}", ratio, f"{1000 * seconds:.0f} ms, {total(methods)} jitted: {words(methods)}"
            )
