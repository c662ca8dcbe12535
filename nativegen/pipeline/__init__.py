"""Assembly in, image out: drives metadata, type system, compiler, backend and image writer for whole assemblies.

The one place that knows all of them; ``plan``, ``cli`` and ``scons`` ask only this package to compile.
"""

from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest, ExcludedMethod

__all__ = ["CompileOptions", "CompileReport", "CompileRequest", "ExcludedMethod"]
