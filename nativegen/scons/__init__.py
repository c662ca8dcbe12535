"""The SCons tool: ``Environment(tools=['default', 'nativegen'])``.

``site_scons/site_tools/nativegen`` re-exports :func:`generate` and :func:`exists`; with an installed package,
``tools=['default', nativegen.scons.generate]`` does without. See :mod:`nativegen.scons.tool` for the builders.
"""

from nativegen.scons.tool import exists, generate

__all__ = ["exists", "generate"]
