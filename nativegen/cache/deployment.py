"""Whether an application's folder has native images in place of its IL: one look at the disk, for light commands."""

from __future__ import annotations

import os

FOLDER = ".nativegen"
RECORD = "deployed.json"


def is_deployed(folder: str) -> bool:
    """Whether ``deploy`` has put images into this folder and ``--undo`` has not taken them out again."""
    return os.path.exists(f"{folder}/{FOLDER}/{RECORD}")
