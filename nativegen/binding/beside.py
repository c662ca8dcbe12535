"""Files that the runtime takes in place of an application's assemblies: ``Core.ni.dll`` beside ``Core.dll``.

Why here: without a deps.json the host hands every file of the folder to the runtime, and the runtime takes ``X.ni.dll``
for the native image of ``X`` (hostpolicy: ``get_dir_assemblies``, "NI over IL"; seen on 3.1 and 9.0), whatever it was
made from. The SCons builders put such files there, and so does ``compile App.dll -o App.ni.dll``. After another build
of ``X.dll`` they are the old program, and beside an image that we put in place of ``X.dll`` they win.

>>> images_beside("/app/App.dll")                                                           # doctest: +SKIP
{'/app/Core.ni.dll': '/app/Core.dll'}
"""

from __future__ import annotations

import os

_SUFFIXES = (".dll", ".exe")


def images_beside(app: str) -> dict[str, str]:
    """Files of the application's folder that the runtime takes in place of others -> those others.

    Args:
        app: path of the application's assembly.
    """
    folder, name = os.path.split(app)
    if os.path.exists(os.path.join(folder, os.path.splitext(name)[0] + ".deps.json")):
        return {}
    try:
        names = set(os.listdir(folder))
    except OSError:
        return {}
    found = {}
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)
        if suffix in _SUFFIXES and stem.endswith(".ni"):
            instead = next((stem[:-3] + each for each in _SUFFIXES if stem[:-3] + each in names), None)
            if instead is not None:
                found[os.path.join(folder, name)] = os.path.join(folder, instead)
    return found
