"""Read the entry counters of /Profile images in a process that is about to end (:mod:`nativegen.readytorun.counters`).

The counters live in the process's memory and are gone with it, so the process has to wait for us at its end. A *startup
hook* (dotnet/runtime, docs/design/features/host-startup-hook.md), written by us as a small assembly, does that: on
``ProcessExit`` it opens a named pipe for reading. Opening the other end succeeds from that moment on; then we read the
table of each mapped image through ``/proc/<pid>/mem``, which a parent process may do, and let the program go on by
closing the pipe. A program that is killed or crashes never comes there: then there are no counts. In C# the hook is::

    class StartupHook {
        static void Initialize() { AppDomain.CurrentDomain.ProcessExit += new EventHandler(Wait); }
        static void Wait(object sender, EventArgs e) {
            string pipe = Environment.GetEnvironmentVariable("NATIVEGEN_COUNTS");
            new FileStream(pipe, FileMode.Open, FileAccess.Read).ReadByte();
        }
    }

>>> with EntryCounts(["/cache/App.ni.dll"]) as counts:                                      # doctest: +SKIP
...     run_app(app, runtime=runtime, environment=counts.environment, started=counts.watch)
>>> counts.values                                                                           # doctest: +SKIP
{'/cache/App.ni.dll': [Counter(value=1, code=12288)]}
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

from nativegen.metadata.assembly_writer import AssemblyWriter, Body, class_of, value_type_of
from nativegen.readytorun.counters import HEADER_SIZE, Counter, decode_counters, encode_counters
from nativegen.readytorun.describe import code_symbols
from nativegen.readytorun.reader import ReadyToRunImage

VARIABLE = "NATIVEGEN_COUNTS"
_HOOKS = "DOTNET_STARTUP_HOOKS"
_POLL_SECONDS = 0.01
_ATTEMPTS = 100

# ECMA-335 III.1, II.23.1.10, II.23.1.16, II.23.2.
_LDNULL, _LDFTN, _NEWOBJ, _CALL, _CALLVIRT, _LDSTR = 0x14, 0xFE06, 0x73, 0x28, 0x6F, 0x72
_LDC_I4_1, _LDC_I4_3, _POP, _RET = 0x17, 0x19, 0x26, 0x2A
_STATIC_INTERNAL_HIDEBYSIG = 0x0093
_STATIC, _INSTANCE, _VOID, _STRING, _OBJECT, _I, _I4 = 0, 0x20, 1, 0x0E, 0x1C, 0x18, 8


def hook() -> bytes:
    """The assembly of the startup hook."""
    writer = AssemblyWriter("nativegen.counts")
    core = writer.core_library()

    def type_ref(namespace: str, name: str) -> int:
        return writer.type_ref(core, namespace, name)

    domain, handler, arguments = (type_ref("System", name) for name in ("AppDomain", "EventHandler", "EventArgs"))
    stream, mode, access = (type_ref("System.IO", name) for name in ("FileStream", "FileMode", "FileAccess"))
    environment, root = type_ref("System", "Environment"), type_ref("System", "Object")
    writer.type_def(0, "", "StartupHook", root)

    get = writer.member_ref(environment, "GetEnvironmentVariable", bytes([_STATIC, 1, _STRING, _STRING]))
    modes = value_type_of(mode) + value_type_of(access)
    open_ = writer.member_ref(stream, ".ctor", bytes([_INSTANCE, 3, _VOID, _STRING]) + modes)
    read = writer.member_ref(stream, "ReadByte", bytes([_INSTANCE, 0, _I4]))
    body = Body(3)
    body.op(_LDSTR, writer.user_string(VARIABLE))
    body.op(_CALL, get)
    body.op(_LDC_I4_3)  # FileMode.Open
    body.op(_LDC_I4_1)  # FileAccess.Read
    body.op(_NEWOBJ, open_)
    body.op(_CALLVIRT, read)
    body.op(_POP)
    body.op(_RET)
    signature = bytes([_STATIC, 2, _VOID, _OBJECT]) + class_of(arguments)
    wait = writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Wait", signature, body.encode(0))

    current = writer.member_ref(domain, "get_CurrentDomain", bytes([_STATIC, 0]) + class_of(domain))
    new = writer.member_ref(handler, ".ctor", bytes([_INSTANCE, 2, _VOID, _OBJECT, _I]))
    add = writer.member_ref(domain, "add_ProcessExit", bytes([_INSTANCE, 1, _VOID]) + class_of(handler))
    body = Body(3)
    body.op(_CALL, current)
    body.op(_LDNULL)
    body.op(_LDFTN, wait)
    body.op(_NEWOBJ, new)
    body.op(_CALLVIRT, add)
    body.op(_RET)
    writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Initialize", bytes([_STATIC, 0, _VOID]), body.encode(0))
    return writer.build()


class EntryCounts:
    """Collects the counters of one run; see the module docstring.

    Args:
        images: files with counters, as the program maps them: hard links count as the same file.

    Attributes:
        environment: for the program.
        values: image -> its counters; empty until the program has ended in an orderly way.
    """

    def __init__(self, images: Sequence[str]) -> None:
        self._tables = {image: table for image in images if (table := _table_of(image)) is not None}
        self._folder = tempfile.mkdtemp(prefix="nativegen-counts-")
        self._pipe = os.path.join(self._folder, "pipe")
        os.mkfifo(self._pipe, 0o600)
        path = os.path.join(self._folder, "nativegen.counts.dll")
        with open(path, "wb") as file:
            file.write(hook())
        hooks = os.pathsep.join(filter(None, (os.environ.get(_HOOKS), path)))
        self.environment = {**os.environ, _HOOKS: hooks, VARIABLE: self._pipe}
        self.values: dict[str, list[Counter]] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> EntryCounts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def watch(self, process: int) -> None:
        """Wait, in the background, for the end of this process."""
        self._thread = threading.Thread(target=self._watch, args=(process,), daemon=True)
        self._thread.start()

    def _watch(self, process: int) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            try:
                pipe = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nobody reads yet
                    continue
                raise
            try:
                # The reader's open() has not returned yet. Is it our process, and not one that it started?
                for _ in range(_ATTEMPTS):
                    if _has_open(process, self._pipe):
                        with contextlib.suppress(OSError):
                            self.values = dict(_read(process, self._tables))
                        return
                    time.sleep(_POLL_SECONDS)
            finally:
                os.close(pipe)


def named_counts(values: Mapping[str, Sequence[Counter]]) -> list[tuple[str, str, int]]:
    """(assembly, method, times entered), the most often entered first."""
    found = []
    for image, counters in values.items():
        opened = ReadyToRunImage.open(image)
        names = {rva: name for rva, _, name in code_symbols(opened)}
        found += [(opened.assembly.name, names.get(code, f"{code:#x}"), value) for value, code in counters]
    return sorted(found, key=lambda each: (-each[2], each[0], each[1]))


def _table_of(image: str) -> tuple[int, int] | None:
    """RVA and size of an image's table."""
    opened = ReadyToRunImage.open(image)
    for section in opened.assembly.pe.sections:
        if section.name == ".data":
            data = bytes(opened.memory[section.virtual_address : section.virtual_address + section.virtual_size])
            found = decode_counters(data)
            if found is not None:
                at, counters = found
                return section.virtual_address + at, len(encode_counters([0] * len(counters)))
    return None


def _has_open(process: int, path: str) -> bool:
    folder = f"/proc/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.readlink(os.path.join(folder, name)) == path:
                    return True
    return False


def _read(process: int, tables: dict[str, tuple[int, int]]) -> Iterator[tuple[str, list[Counter]]]:
    wanted = {}
    for image, table in tables.items():
        status = os.stat(image)
        wanted[status.st_ino] = (image, table)
    bases: dict[str, list[int]] = {}
    with open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:  # proc(5): range, rights, offset, device, inode, path
            fields = line.split(None, 5)
            if int(fields[4]) in wanted and int(fields[2], 16) == 0:
                image, _ = wanted[int(fields[4])]
                bases.setdefault(image, []).append(int(fields[0].partition("-")[0], 16))
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for image, starts in bases.items():
            rva, size = tables[image]
            for start in starts:  # the runtime may have looked at the file before it mapped it as an image
                with contextlib.suppress(OSError, ValueError):
                    memory.seek(start + rva)
                    found = decode_counters(memory.read(size))
                    if found is not None and found[0] == 0 and size >= HEADER_SIZE:
                        yield image, found[1]
                        break
