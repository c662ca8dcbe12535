"""The one table of every user-visible error, and the exception that carries one.

Each diagnostic has a stable code, a severity, a one-line message template and a remedy; the documentation page is
generated from this table. Library code raises :class:`NativegenError`; the command line prints ``str(error)`` as one
line and exits with ``error.exit_code``.

Invariant: codes are never reused or renumbered. Ranges: 1xxx reading assemblies, 2xxx binding, 3xxx compiling and
images, 4xxx cache, 5xxx verification, 6xxx runtime and hosting, 7xxx command line and build systems.

>>> str(NativegenError("NGEN1001", "x.dll"))
'x.dll: error NGEN1001: not a PE file; remedy: pass a .NET assembly (.dll or .exe)'
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One row of the table: ``message`` may contain named ``{fields}`` filled from the error's keyword arguments."""

    code: str
    message: str
    remedy: str
    exit_code: int = 1


def _table(*rows: Diagnostic) -> dict[str, Diagnostic]:
    return {row.code: row for row in rows}


# Exit codes (DESIGN.md 7): 1 some assemblies failed, 2 usage, 3 not installed or not found, 4 cache unusable or locked,
# 5 verification failed, 125 nativegen failed while running a program.
DIAGNOSTICS: dict[str, Diagnostic] = _table(
    Diagnostic("NGEN1001", "not a PE file", "pass a .NET assembly (.dll or .exe)"),
    Diagnostic("NGEN1002", "truncated or malformed PE file: {detail}", "rebuild or download the file again"),
    Diagnostic("NGEN1003", "native PE file without .NET metadata", "pass the managed assembly, not a native library"),
    Diagnostic("NGEN1004", "malformed .NET metadata: {detail}", "rebuild or download the file again"),
    Diagnostic("NGEN1005", "a netmodule, not an assembly", "pass the assembly that contains the module"),
    Diagnostic(
        "NGEN1006",
        "uncompressed metadata tables (#-) are not supported",
        "rebuild the assembly without edit-and-continue",
    ),
    Diagnostic("NGEN1007", "file not found", "check the path", 3),
    Diagnostic("NGEN1008", "cannot read the file: {detail}", "check the permissions"),
    Diagnostic("NGEN2001", "malformed runtimeconfig.json: {detail}", "correct the file or publish the app again"),
    Diagnostic("NGEN2002", "no runtimeconfig.json beside it, no runtime given", "pass --runtime DIR, or /ExeConfig", 3),
    Diagnostic("NGEN2003", "malformed deps.json: {detail}", "correct the file or publish the app again"),
    Diagnostic(
        "NGEN2004",
        "framework {wanted} is not installed in {root} (there: {installed})",
        "install that version of .NET, or pass --runtime DIR",
        3,
    ),
    Diagnostic(
        "NGEN2005",
        "framework {name} is wanted as {first} and as {second}, which do not go together",
        "let all references roll forward far enough (rollForward)",
    ),
    Diagnostic(
        "NGEN2006",
        "assembly {reference} is referenced, but {found} has the lower version {version}",
        "bring the referenced version into the application's folder",
    ),
    Diagnostic("NGEN2007", "an application host, not an assembly", "pass {assembly}", 2),
    Diagnostic("NGEN2008", "a single-file bundle, not an assembly", "publish without PublishSingleFile", 2),
    Diagnostic("NGEN2009", "the file or folder does not exist", "check /AppBase and /ExeConfig", 3),
    Diagnostic("NGEN2010", "dependency {reference} was not found", "bring it into the application's folder"),
    Diagnostic("NGEN2011", "contains assembly {name} instead of {reference}", "rename the file to the assembly's name"),
    Diagnostic("NGEN2012", "lists a file that does not exist: {detail}", "publish the application again"),
    Diagnostic("NGEN2013", "never loaded: {loaded} has the same simple name", "remove or rename one of the two"),
    Diagnostic("NGEN2014", "malformed application configuration: {detail}", "correct the file or remove it"),
    Diagnostic("NGEN2015", "the runtime loads it in place of {assembly}", "remove it; keep images in their own folder"),
    Diagnostic("NGEN3001", "cannot write the image: {detail}", "check the directory's permissions and free space"),
    Diagnostic("NGEN3002", "the file changed while it was being compiled", "compile it again"),
    Diagnostic("NGEN3003", "a reference assembly has no code to compile", "pass the implementation assembly"),
    Diagnostic("NGEN3004", "a satellite assembly ({culture}) holds resources only", "pass the main assembly"),
    Diagnostic("NGEN3005", "mixed-mode (C++/CLI) assemblies cannot be compiled", "leave it to the runtime"),
    Diagnostic("NGEN3006", "Windows metadata (WinMD) cannot be compiled", "leave it to the runtime"),
    Diagnostic("NGEN3007", "no method has code: nothing to compile", "nothing to do: it works without an image"),
    Diagnostic("NGEN3101", "unknown target {name}", "use one of: {known}", 2),
    Diagnostic("NGEN3102", "no target for runtime {version}", "use a runtime of: {known}"),
    Diagnostic("NGEN3103", "not a ReadyToRun image", "pass an image made by nativegen or crossgen"),
    Diagnostic("NGEN3104", "malformed ReadyToRun image: {detail}", "compile or download the image again"),
    Diagnostic(
        "NGEN3105", "cannot be made into a native image: {detail}", "rebuild the assembly, or leave it to the JIT"
    ),
    Diagnostic("NGEN3106", "already contains native code", "pass the IL assembly, or compile it with --from-native"),
    Diagnostic("NGEN3107", "{base} cannot be an image base", "use a non-zero multiple of 0x10000", 2),
    Diagnostic("NGEN3108", "not a usable profile: {detail}", "record it again: nativegen trace -o FILE.profile APP"),
    Diagnostic(
        "NGEN3109",
        "{count} names mean nothing any more; the first: {first}",
        "record the profile again: nativegen trace -o",
    ),
    Diagnostic("NGEN3110", "{count} methods are left to the JIT: {reasons}", "they run, jitted; see docs/verify.md"),
    Diagnostic(
        "NGEN3111",
        "target {name} was never tested with its runtime",
        "use a tested one, or insist with --untested-target",
    ),
    Diagnostic(
        "NGEN3112", "not a usable start-up recording: {detail}", "record it again: nativegen trace -o FILE.startup APP"
    ),
    Diagnostic(
        "NGEN3113",
        "recorded with another build of {names}: their methods are not made ready ahead",
        "record it again: nativegen trace -o FILE.startup APP",
    ),
    Diagnostic("NGEN3201", "llvmlite is not installed", "run: pip install 'llvmlite>=0.50,<0.51'"),
    Diagnostic(
        "NGEN3202",
        "code generation is not proved with {version}",
        "run: pip install 'llvmlite>=0.50,<0.51'; byte patterns depend on the version",
    ),
    Diagnostic("NGEN4001", "the cache cannot be used: {detail}", "pass --cache DIR or set NATIVEGEN_CACHE", 4),
    Diagnostic(
        "NGEN4002",
        "the cache belongs to another user (uid {owner}); its images would run as you",
        "use a folder of your own: --cache DIR or NATIVEGEN_CACHE",
        4,
    ),
    Diagnostic(
        "NGEN4003",
        "the cache can be written to by everybody; its images would run as you",
        "look at what is in it, then run: chmod o-w on the folder",
        4,
    ),
    Diagnostic(
        "NGEN4004",
        "the cache was made by a newer nativegen (schema {found}, this one knows {known})",
        "upgrade nativegen, or use another folder: --cache DIR",
        4,
    ),
    Diagnostic("NGEN4005", "the index of the cache is damaged: {detail}", "run: nativegen cache rebuild", 4),
    Diagnostic(
        "NGEN4006",
        "the cache is locked by another process",
        "wait for the other nativegen to end, then try again",
        4,
    ),
    Diagnostic(
        "NGEN4007",
        "no space left for the cache; it is as it was",
        "free some space, or use another folder: --cache DIR",
        4,
    ),
    Diagnostic(
        "NGEN4008",
        "the manifest of a native image is missing or damaged: {detail}",
        "run: nativegen update",
        4,
    ),
    Diagnostic("NGEN4009", "its native images are deployed", "run: nativegen deploy {app} --undo", 1),
    Diagnostic("NGEN4010", "not a usable shared cache: {detail}", "see docs/shared-cache.md", 2),
    Diagnostic("NGEN4011", "the shared cache needs the package urllib3", "run: pip install 'nativegen[remote]'", 2),
    Diagnostic("NGEN4012", "the shared cache fails: {detail}; the images were compiled here", "see whether it runs"),
    Diagnostic("NGEN5000", "verification failed: {detail}", "see the report", 5),
    Diagnostic("NGEN5001", "contains no native image of nativegen", "pass a folder made by publish, or an image", 3),
    Diagnostic("NGEN5002", "the runtime could not be asked: {detail}", "check that the application starts", 5),
    Diagnostic("NGEN5003", "not a usable baseline: {detail}", "write it again: nativegen verify --write-baseline FILE"),
    Diagnostic("NGEN5004", "not a usable inventory: {detail}", "write it again: verify DIR --write-inventory FILE"),
    Diagnostic("NGEN6001", "not a readable event trace: {detail}", "run the program again; it must end by itself", 125),
    Diagnostic("NGEN6002", "the event trace is unreliable: {detail}", "trace a shorter run", 125),
    Diagnostic("NGEN6003", "no .NET runtime here", "pass the folder of 'dotnet', or of a self-contained app", 3),
    Diagnostic(
        "NGEN6004", "no .NET runtime found for it", "install .NET, pass --runtime DIR, or pip install dotnetcore2", 3
    ),
    Diagnostic(
        "NGEN6005", "the host program is missing or not executable", "publish the app with its host, or chmod +x", 125
    ),
    Diagnostic("NGEN6006", "still running after {seconds} s; ended", "allow more time", 125),
    Diagnostic("NGEN6007", "the runtime wrote no ReadyToRun log", "check that the program started", 125),
    Diagnostic("NGEN6008", "cannot be started: {detail}", "check the file", 125),
    Diagnostic(
        "NGEN6009",
        "no .NET runtime found for target {target}",
        "install it, pass --runtime DIR, or name its framework with -r",
        3,
    ),
    Diagnostic(
        "NGEN6010",
        "a runtime for {platform}; images are made for x64 on linux",
        "pass --runtime DIR of a Linux x64 runtime",
        3,
    ),
    Diagnostic("NGEN7001", "unknown action {name}", "run: nativegen help", 2),
    Diagnostic("NGEN7002", "{detail}", "run: nativegen help {action}", 2),
    Diagnostic("NGEN7004", "cannot write: {detail}", "check the permissions and the free space"),
    Diagnostic(
        "NGEN7005",
        "the application runs on .NET {actual}, images for {wanted} would be ignored",
        "leave /target out, or pass --runtime DIR",
        2,
    ),
    Diagnostic("NGEN7006", "the image would replace the assembly it is made from", "name another output", 2),
    Diagnostic("NGEN7007", "two files for the simple name {name}: also {other}", "name one of them", 2),
    Diagnostic("NGEN7008", "malformed record of a deployment: {detail}", "restore the file, or publish the app again"),
    Diagnostic("NGEN7009", "internal error: {detail}", "run it again with /verbose and report what it prints"),
    Diagnostic("NGEN7010", "cannot use a start-up recording: {detail}", "publish it without /startup", 2),
    Diagnostic(
        "NGEN7101",
        "no .NET {target} runtime was found for the build",
        "set NATIVEGEN_RUNTIME, or pip install dotnetcore2",
    ),
)


class NativegenError(Exception):
    """A user-visible failure.

    Args:
        code: a key of :data:`DIAGNOSTICS`.
        path: the file (or URL, or switch) at fault; printed first.
        fields: values for the placeholders of the message.
    """

    def __init__(self, code: str, path: str | os.PathLike[str] | None = None, **fields: object) -> None:
        row = DIAGNOSTICS[code]
        self.code = code
        self.path = None if path is None else os.fspath(path)
        self.message = row.message.format(**fields)
        self.remedy = row.remedy.format(**fields)
        self.exit_code = row.exit_code
        super().__init__(str(self))

    def __str__(self) -> str:
        prefix = f"{self.path}: " if self.path else ""
        return f"{prefix}error {self.code}: {self.message}; remedy: {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        # Crosses process boundaries (workers); the formatted text is all that is needed there.
        return (_rebuild, (self.code, self.path, self.message, self.remedy, self.exit_code))


def _rebuild(code: str, path: str | None, message: str, remedy: str, exit_code: int) -> NativegenError:
    error = NativegenError.__new__(NativegenError)
    error.code, error.path, error.message, error.remedy, error.exit_code = code, path, message, remedy, exit_code
    Exception.__init__(error, str(error))
    return error
