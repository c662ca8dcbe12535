"""The startup hook that starts the runtime's player of a start-up recording in a published folder.

A *startup hook* (dotnet/runtime, docs/design/features/host-startup-hook.md) runs before ``Main``; ``STARTUP_HOOKS`` in
``runtimeconfig.json`` names it. The player's interface is ``AssemblyLoadContext.StartProfileOptimization``. In C#::

    class StartupHook {
        static void Initialize() {
            Thread thread = new Thread(new ThreadStart(Play));
            thread.IsBackground = true;
            thread.UnsafeStart();
        }
        static void Play() {
            try {
                string thread = new FileInfo("/proc/thread-self").LinkTarget;
                AssemblyLoadContext context = AssemblyLoadContext.Default;
                context.SetProfileOptimizationRoot(
                    string.Concat("/proc/", thread, "/root", AppContext.BaseDirectory));
                context.StartProfileOptimization((string)AppContext.GetData("nativegen.startup"));
            } catch (Exception) { }
        }
    }

The runtime not only plays: at the end of the process it writes the recording anew, under the same name. A published
folder must not change, and a recording made while playing is a worse one. Hence the strange path: ``/proc/PID/task/TID/
root`` (proc(5)) is the root folder as long as that thread lives. The player has read the file when the call returns;
then the thread ends, and at the end of the process the path leads nowhere.
"""

from __future__ import annotations

from typing import Final

from nativegen.metadata.assembly_writer import AssemblyWriter, Body, Label, class_of

NAME: Final = "nativegen.startup"
PROPERTY: Final = "nativegen.startup"  # of runtimeconfig.json: the recording's file name

# ECMA-335 III.1, II.23.1.10, II.23.1.16, II.23.2.
_LDNULL, _LDC_I4_1, _DUP, _POP, _CALL, _RET, _CALLVIRT = 0x14, 0x17, 0x25, 0x26, 0x28, 0x2A, 0x6F
_LDSTR, _NEWOBJ, _CASTCLASS, _LEAVE, _LDFTN = 0x72, 0x73, 0x74, 0xDD, 0xFE06
_STATIC_INTERNAL_HIDEBYSIG = 0x0093
_STATIC, _INSTANCE, _VOID, _BOOLEAN, _STRING, _I, _OBJECT = 0, 0x20, 0x01, 0x02, 0x0E, 0x18, 0x1C


def start_hook() -> bytes:
    """The assembly, IL only, the same bytes every time."""
    writer = AssemblyWriter(NAME)
    core = writer.core_library()

    def type_ref(namespace: str, name: str) -> int:
        return writer.type_ref(core, namespace, name)

    root, text, error = (type_ref("System", name) for name in ("Object", "String", "Exception"))
    thread, thread_start = (type_ref("System.Threading", name) for name in ("Thread", "ThreadStart"))
    context = type_ref("System.Runtime.Loader", "AssemblyLoadContext")
    file, link = (type_ref("System.IO", name) for name in ("FileInfo", "FileSystemInfo"))
    app = type_ref("System", "AppContext")
    member = writer.member_ref
    writer.type_def(0, "", "StartupHook", root)
    no_arguments = bytes([_STATIC, 0, _VOID])

    play = Body(6)
    start, handler, handler_end = Label(), Label(), Label()
    play.mark(start)
    play.op(_CALL, member(context, "get_Default", bytes([_STATIC, 0]) + class_of(context)))
    play.op(_DUP)
    play.op(_LDSTR, writer.user_string("/proc/"))
    play.op(_LDSTR, writer.user_string("/proc/thread-self"))
    play.op(_NEWOBJ, member(file, ".ctor", bytes([_INSTANCE, 1, _VOID, _STRING])))
    play.op(_CALLVIRT, member(link, "get_LinkTarget", bytes([_INSTANCE, 0, _STRING])))
    play.op(_LDSTR, writer.user_string("/root"))
    play.op(_CALL, member(app, "get_BaseDirectory", bytes([_STATIC, 0, _STRING])))
    play.op(_CALL, member(text, "Concat", bytes([_STATIC, 4, _STRING, _STRING, _STRING, _STRING, _STRING])))
    play.op(_CALLVIRT, member(context, "SetProfileOptimizationRoot", bytes([_INSTANCE, 1, _VOID, _STRING])))
    play.op(_LDSTR, writer.user_string(PROPERTY))
    play.op(_CALL, member(app, "GetData", bytes([_STATIC, 1, _OBJECT, _STRING])))
    play.op(_CASTCLASS, text)
    play.op(_CALLVIRT, member(context, "StartProfileOptimization", bytes([_INSTANCE, 1, _VOID, _STRING])))
    play.branch(_LEAVE, handler_end)
    play.mark(handler)
    play.op(_POP)
    play.branch(_LEAVE, handler_end)
    play.mark(handler_end)
    play.op(_RET)
    play.catch(start, handler, handler, handler_end, error)
    playing = writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Play", no_arguments, play.encode(0))

    body = Body(3)
    body.op(_LDNULL)
    body.op(_LDFTN, playing)
    body.op(_NEWOBJ, member(thread_start, ".ctor", bytes([_INSTANCE, 2, _VOID, _OBJECT, _I])))
    body.op(_NEWOBJ, member(thread, ".ctor", bytes([_INSTANCE, 1, _VOID]) + class_of(thread_start)))
    body.op(_DUP)
    body.op(_LDC_I4_1)
    body.op(_CALL, member(thread, "set_IsBackground", bytes([_INSTANCE, 1, _VOID, _BOOLEAN])))
    body.op(_CALL, member(thread, "UnsafeStart", bytes([_INSTANCE, 0, _VOID])))
    body.op(_RET)
    writer.method(_STATIC_INTERNAL_HIDEBYSIG, "Initialize", no_arguments, body.encode(0))
    return writer.build()
