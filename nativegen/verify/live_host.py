"""The program that runs inside the runtime for ``verify --live``: loads images, prepares methods, says their addresses.

It serves as a *startup hook* (class ``StartupHook``, method ``Initialize``; documented in dotnet/runtime,
docs/design/features/host-startup-hook.md) in the application's own process, with the application's own binding, before
its ``Main``; and as a program of its own for libraries. In C# it would read::

    static void Initialize() {
        string list = Environment.GetEnvironmentVariable("NATIVEGEN_LIVE_LIST");
        StreamReader reader = new StreamReader(list);
        StreamWriter writer = new StreamWriter(list + ".out");
        Module module = null; string line; int token;
        while ((line = reader.ReadLine()) != null) {
            try {
                if (int.TryParse(line, out token)) {
                    RuntimeMethodHandle handle = module.ResolveMethod(token).MethodHandle;
                    writer.WriteLine(line + " " + handle.Value.ToInt64().ToString());
                    RuntimeHelpers.PrepareMethod(handle);
                } else {
                    module = null;
                    module = Assembly.LoadFrom(line).ManifestModule;
                }
            } catch (Exception error) { writer.WriteLine("!" + line + " " + error.GetType().ToString()); }
        }
        writer.Flush();
        Environment.Exit(0);
    }

Only types of System.Private.CoreLib are used, which every runtime has, trimmed or not. The value of a method handle is
the method's id in the event trace, which ties events to metadata rows.
"""

from __future__ import annotations

from typing import Final

from nativegen.metadata.assembly_writer import AssemblyWriter, Body, Label, class_of, value_type_of

LIST_VARIABLE: Final = "NATIVEGEN_LIVE_LIST"
RESULT_SUFFIX: Final = ".out"
NAME: Final = "nativegen.livehost"

_STATIC_INTERNAL_HIDEBYSIG = 0x0093  # II.23.1.10

# III.1: opcodes.
_LDNULL, _LDC_I4_0, _RET, _CALL, _CALLVIRT, _LDSTR, _NEWOBJ = 0x14, 0x16, 0x2A, 0x28, 0x6F, 0x72, 0x73
_LDLOC_S, _LDLOCA_S, _STLOC_S, _BRFALSE, _LEAVE, _BR = 0x11, 0x12, 0x13, 0x39, 0xDD, 0x38

# II.23.1.16: element types; II.23.2: signature kinds.
_VOID, _BOOLEAN, _I4, _I8, _STRING, _BYREF, _VALUETYPE, _CLASS, _I = (
    0x01,
    0x02,
    0x08,
    0x0A,
    0x0E,
    0x10,
    0x11,
    0x12,
    0x18,
)
_STATIC, _INSTANCE, _LOCALS = 0x00, 0x20, 0x07

_LIST, _READER, _WRITER, _MODULE, _LINE, _TOKEN, _HANDLE, _POINTER, _NUMBER, _ERROR = range(10)


class _Program:
    """Assembles the host; one attribute per referenced type."""

    def __init__(self) -> None:
        self.writer = AssemblyWriter(NAME)
        core = self.writer.core_library()

        def type_ref(namespace: str, name: str) -> int:
            return self.writer.type_ref(core, namespace, name)

        self.object = type_ref("System", "Object")
        self.string = type_ref("System", "String")
        self.int32 = type_ref("System", "Int32")
        self.int64 = type_ref("System", "Int64")
        self.int_ptr = type_ref("System", "IntPtr")
        self.exception = type_ref("System", "Exception")
        self.type = type_ref("System", "Type")
        self.environment = type_ref("System", "Environment")
        self.method_handle = type_ref("System", "RuntimeMethodHandle")
        self.stream_reader = type_ref("System.IO", "StreamReader")
        self.stream_writer = type_ref("System.IO", "StreamWriter")
        self.text_reader = type_ref("System.IO", "TextReader")
        self.text_writer = type_ref("System.IO", "TextWriter")
        self.assembly = type_ref("System.Reflection", "Assembly")
        self.module = type_ref("System.Reflection", "Module")
        self.method_base = type_ref("System.Reflection", "MethodBase")
        self.helpers = type_ref("System.Runtime.CompilerServices", "RuntimeHelpers")

    def build(self) -> bytes:
        writer = self.writer
        writer.type_def(0, "", "StartupHook", self.object)
        signature = bytes([_STATIC, 0, _VOID])
        initialize = writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Initialize", signature, self._initialize())
        main = Body(1)
        main.op(_CALL, initialize)
        main.op(_RET)
        writer.entry_point = writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Main", signature, main.encode(0))
        return writer.build()

    def _initialize(self) -> bytes:
        body = Body(4)
        loop, done = Label(), Label()
        try_start, load, handler, handler_end = Label(), Label(), Label(), Label()
        body.op(_LDSTR, self.writer.user_string(LIST_VARIABLE))
        self._call(body, self.environment, "GetEnvironmentVariable", bytes([_STATIC, 1, _STRING, _STRING]))
        body.op(_STLOC_S, _LIST, 1)
        body.op(_LDLOC_S, _LIST, 1)
        body.op(_NEWOBJ, self._member(self.stream_reader, ".ctor", bytes([_INSTANCE, 1, _VOID, _STRING])))
        body.op(_STLOC_S, _READER, 1)
        body.op(_LDLOC_S, _LIST, 1)
        body.op(_LDSTR, self.writer.user_string(RESULT_SUFFIX))
        self._call(body, self.string, "Concat", bytes([_STATIC, 2, _STRING, _STRING, _STRING]))
        body.op(_NEWOBJ, self._member(self.stream_writer, ".ctor", bytes([_INSTANCE, 1, _VOID, _STRING])))
        body.op(_STLOC_S, _WRITER, 1)
        body.mark(loop)
        body.op(_LDLOC_S, _READER, 1)
        self._callvirt(body, self.text_reader, "ReadLine", bytes([_INSTANCE, 0, _STRING]))
        body.op(_STLOC_S, _LINE, 1)
        body.op(_LDLOC_S, _LINE, 1)
        body.branch(_BRFALSE, done)
        body.mark(try_start)
        body.op(_LDLOC_S, _LINE, 1)
        body.op(_LDLOCA_S, _TOKEN, 1)
        self._call(body, self.int32, "TryParse", bytes([_STATIC, 2, _BOOLEAN, _STRING, _BYREF, _I4]))
        body.branch(_BRFALSE, load)
        self._prepare(body)
        body.branch(_LEAVE, loop)
        body.mark(load)
        self._load(body)
        body.branch(_LEAVE, loop)
        body.mark(handler)
        self._report(body)
        body.branch(_LEAVE, loop)
        body.mark(handler_end)
        body.mark(done)
        body.op(_LDLOC_S, _WRITER, 1)
        self._callvirt(body, self.text_writer, "Flush", bytes([_INSTANCE, 0, _VOID]))
        body.op(_LDC_I4_0)
        self._call(body, self.environment, "Exit", bytes([_STATIC, 1, _VOID, _I4]))
        body.op(_RET)
        body.catch(try_start, handler, handler, handler_end, self.exception)
        return body.encode(self.writer.local_signature(self._locals()))

    def _prepare(self, body: Body) -> None:
        """The line is a token: say the method's address, then prepare it."""
        body.op(_LDLOC_S, _MODULE, 1)
        body.op(_LDLOC_S, _TOKEN, 1)
        signature = bytes([_INSTANCE, 1, *class_of(self.method_base), _I4])
        self._callvirt(body, self.module, "ResolveMethod", signature)
        handle = value_type_of(self.method_handle)
        self._callvirt(body, self.method_base, "get_MethodHandle", bytes([_INSTANCE, 0, *handle]))
        body.op(_STLOC_S, _HANDLE, 1)
        body.op(_LDLOCA_S, _HANDLE, 1)
        self._call(body, self.method_handle, "get_Value", bytes([_INSTANCE, 0, _I]))
        body.op(_STLOC_S, _POINTER, 1)
        body.op(_LDLOCA_S, _POINTER, 1)
        self._call(body, self.int_ptr, "ToInt64", bytes([_INSTANCE, 0, _I8]))
        body.op(_STLOC_S, _NUMBER, 1)
        body.op(_LDLOC_S, _WRITER, 1)
        body.op(_LDLOC_S, _LINE, 1)
        body.op(_LDSTR, self.writer.user_string(" "))
        body.op(_LDLOCA_S, _NUMBER, 1)
        self._call(body, self.int64, "ToString", bytes([_INSTANCE, 0, _STRING]))
        self._write(body)
        body.op(_LDLOC_S, _HANDLE, 1)
        self._call(body, self.helpers, "PrepareMethod", bytes([_STATIC, 1, _VOID, *handle]))

    def _load(self, body: Body) -> None:
        """The line is a path: load the assembly."""
        body.op(_LDNULL)
        body.op(_STLOC_S, _MODULE, 1)
        body.op(_LDLOC_S, _LINE, 1)
        self._call(body, self.assembly, "LoadFrom", bytes([_STATIC, 1, *class_of(self.assembly), _STRING]))
        self._callvirt(body, self.assembly, "get_ManifestModule", bytes([_INSTANCE, 0, *class_of(self.module)]))
        body.op(_STLOC_S, _MODULE, 1)

    def _report(self, body: Body) -> None:
        """Something was thrown: the line and the exception's type."""
        body.op(_STLOC_S, _ERROR, 1)
        body.op(_LDLOC_S, _WRITER, 1)
        body.op(_LDSTR, self.writer.user_string("!"))
        body.op(_LDLOC_S, _LINE, 1)
        body.op(_LDSTR, self.writer.user_string(" "))
        self._call(body, self.string, "Concat", bytes([_STATIC, 3, _STRING, _STRING, _STRING, _STRING]))
        body.op(_LDSTR, self.writer.user_string(""))
        body.op(_LDLOC_S, _ERROR, 1)
        self._callvirt(body, self.exception, "GetType", bytes([_INSTANCE, 0, *class_of(self.type)]))
        self._callvirt(body, self.object, "ToString", bytes([_INSTANCE, 0, _STRING]))
        self._write(body)

    def _write(self, body: Body) -> None:
        """Writer and three strings are on the stack."""
        self._call(body, self.string, "Concat", bytes([_STATIC, 3, _STRING, _STRING, _STRING, _STRING]))
        self._callvirt(body, self.text_writer, "WriteLine", bytes([_INSTANCE, 1, _VOID, _STRING]))

    def _locals(self) -> bytes:
        types = (
            *(bytes([_STRING]), class_of(self.stream_reader), class_of(self.stream_writer), class_of(self.module)),
            *(bytes([_STRING, _I4]), value_type_of(self.method_handle), bytes([_I, _I8]), class_of(self.exception)),
        )
        return bytes([_LOCALS, 10]) + b"".join(types)

    def _member(self, parent: int, name: str, signature: bytes) -> int:
        return self.writer.member_ref(parent, name, signature)

    def _call(self, body: Body, parent: int, name: str, signature: bytes) -> None:
        body.op(_CALL, self._member(parent, name, signature))

    def _callvirt(self, body: Body, parent: int, name: str, signature: bytes) -> None:
        body.op(_CALLVIRT, self._member(parent, name, signature))


def build_live_host() -> bytes:
    """The host's assembly, the same bytes every time."""
    return _Program().build()
