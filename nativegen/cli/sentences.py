"""The sentences of ngen that scripts look for, byte for byte (research 2.6), and the exit code that goes with a
refusal."""

from __future__ import annotations

NOT_FOUND = 3
"""Exit code: not installed or not found."""

UP_TO_DATE = "All compilation targets are up to date."
NOT_INSTALLED = "Error: The specified assembly is not installed."
INVALID_FILE = 'Error: The specified file or directory "{}" is invalid.'
DOWNLOADED = "{}>    Downloading native image of assembly {} (CLR v{}) ..."
COMPILING = "{}>    Compiling assembly {} (CLR v{}) ..."
UNINSTALLING = "Uninstalling assembly {}"
FAILED = "{}>Ngen failed to generate native code for image {} because of the following error: {}"
FAILED_DEPENDENCY = (
    "Failed to load dependency {} of assembly {} because of the following error : "
    "The system cannot find the file specified. (Exception from HRESULT: 0x80070002)"
)
SERVICE = "The .NET Runtime Optimization Service is {}."
