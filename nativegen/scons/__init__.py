"""The SCons tool: ``Environment(tools=['default', 'nativegen'])``.

``site_scons/site_tools/nativegen`` re-exports :func:`generate` and :func:`exists`; an installed package may be named
with ``toolpath`` or imported.  See :mod:`nativegen.scons.tool` for the builders.
"""

from nativegen.scons.tool import exists, generate

__all__ = ["exists", "generate"]
