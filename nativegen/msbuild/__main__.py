"""Write the NuGet package: an Open Packaging Conventions archive of the files, made reproducibly."""

from __future__ import annotations

import os
import sys
import zipfile

from nativegen import __version__
from nativegen.msbuild import PACKAGE

_NUSPEC = f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>nativegen</id>
    <version>{__version__}</version>
    <authors>nativegen</authors>
    <description>Publishes applications with ReadyToRun native images made by nativegen.</description>
    <license type="expression">MIT</license>
    <developmentDependency>true</developmentDependency>
  </metadata>
</package>
"""
_CONTENT_TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="props" ContentType="application/octet" />
  <Default Extension="targets" ContentType="application/octet" />
</Types>
"""
_RELATIONSHIPS = """<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/nativegen.nuspec" Id="R1" />
</Relationships>
"""


def pack(folder: str) -> str:
    """Write the package into a folder, made unless it exists; returns its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"nativegen.{__version__}.nupkg")
    files = {"nativegen.nuspec": _NUSPEC, "[Content_Types].xml": _CONTENT_TYPES, "_rels/.rels": _RELATIONSHIPS}
    for place, _, names in os.walk(PACKAGE):
        for name in names:
            source = os.path.join(place, name)
            with open(source, encoding="utf-8") as stream:
                files[os.path.relpath(source, PACKAGE).replace(os.sep, "/")] = stream.read()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), files[name])
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m nativegen.msbuild FOLDER", file=sys.stderr)
        sys.exit(2)
    print(pack(sys.argv[1]))
