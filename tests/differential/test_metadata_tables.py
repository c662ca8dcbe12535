"""The runtime finds types and attributes through an image's tables as it finds them in the metadata.

Everything here asks by name or by attribute: types of every sort, nested, generic, forwarded, missing, in another case;
attributes that change how the runtime loads a class, calls a method or keeps a static field.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TestInputs

pytestmark = pytest.mark.runtime

BASE = """
namespace Deep.Space
{
    public class Forwarded { public class Inner { } public override string ToString() { return "forwarded"; } }
    public class Forwarded<T> { public struct Part { public T Value; } }
}
"""
LIBRARY = """
using System.Runtime.CompilerServices;
[assembly: TypeForwardedTo(typeof(Deep.Space.Forwarded))]
[assembly: TypeForwardedTo(typeof(Deep.Space.Forwarded<>))]
public class NoNamespace { }
public class noNamespace { }
namespace Lib
{
    public class Outer
    {
        public class Middle { public class Inner<T> { public enum E { A } } }
        private class Hidden { }
    }
    public interface IVariant<in A, out B, C> where C : struct { }
    public class \\u00C4pfel\\u6E2C { public class Outer { } }
}
"""
PROGRAM = """
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

[DefaultMember("Chosen")] class Defaulted { public string Chosen { get { return "chosen"; } } }
[StructLayout(LayoutKind.Sequential)] struct Fixed { public int A; }
static class Statics
{
    [ThreadStatic] public static int PerThread;
    public static int Shared;
    [FixedAddressValueType] public static Fixed Pinned;
}
static class PerType<T> { [ThreadStatic] public static string PerThread; public static string Shared; }
delegate int Native(int x);
[UnmanagedFunctionPointer(CallingConvention.Cdecl)] delegate int Cdecl(int x);

static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)] static void Show(object value) { Console.WriteLine(value ?? "null"); }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Count(params object[] all) { return all.Length; }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Find(Assembly assembly, string name)
    {
        Type found = assembly.GetType(name);
        Type other = assembly.GetType(name.ToUpperInvariant(), false, true);
        Show(name + ": " + (found == null ? "none" : found.AssemblyQualifiedName) + "; " + other);
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Threads()
    {
        Statics.PerThread = 1; Statics.Shared = 1; PerType<string>.PerThread = "a"; PerType<string>.Shared = "b";
        PerType<object>.PerThread = "c";
        var thread = new Thread(() =>
        {
            Show(Statics.PerThread + " " + Statics.Shared);
            Show(PerType<string>.PerThread + PerType<string>.Shared + PerType<object>.PerThread);
        });
        thread.Start();
        thread.Join();
        Show(Statics.PerThread + PerType<string>.PerThread + PerType<object>.PerThread);
    }
    static unsafe int Main()
    {
        Assembly library = typeof(NoNamespace).Assembly, own = typeof(Program).Assembly;
        string[] names =
        {
            "NoNamespace", "noNamespace", "Lib.Outer", "Lib.Outer+Middle", "Lib.Outer+Middle+Inner`1",
            "Lib.Outer+Middle+Inner`1+E", "Lib.Outer+Hidden", "Lib.IVariant`3", "Lib.\\u00C4pfel\\u6E2C",
            "Lib.\\u00C4pfel\\u6E2C+Outer", "Deep.Space.Forwarded", "Deep.Space.Forwarded+Inner",
            "Deep.Space.Forwarded`1+Part", "Outer", "Lib.Inner`1", "Lib.Outer+Inner`1", "Lib.Missing", "Deep.Space"
        };
        foreach (string name in names) Find(library, name);
        foreach (string name in new[] { "Program", "Statics", "PerType`1", "Program+None" }) Find(own, name);
        Show(Type.GetType("System.Collections.Generic.List`1[[Lib.Outer+Middle, Lib]]"));
        Show(Type.GetType("Deep.Space.Forwarded, Lib") == typeof(Deep.Space.Forwarded));
        Show(Activator.CreateInstance(library.GetType("Deep.Space.Forwarded")));
        Show(typeof(Lib.IVariant<string, object, int>).IsAssignableFrom(typeof(Lib.IVariant<object, string, int>)));
        Show(typeof(Lib.IVariant<object, string, int>).IsAssignableFrom(typeof(Lib.IVariant<string, object, int>)));
        try { typeof(Lib.IVariant<,,>).MakeGenericType(typeof(int), typeof(int), typeof(string)); Show("made"); }
        catch (ArgumentException) { Show("constraint"); }
        Show(typeof(Defaulted).GetDefaultMembers().Length);
        BindingFlags flags = BindingFlags.GetProperty | BindingFlags.Instance | BindingFlags.Public;
        Show(typeof(Defaulted).InvokeMember("", flags, null, new Defaulted(), new object[0]));
        Threads();
        Statics.Pinned.A = 5;
        fixed (int* place = &Statics.Pinned.A)
        {
            int* before = place;
            for (int i = 0; i < 3; i++) { new byte[100000].ToString(); GC.Collect(); }
            fixed (int* after = &Statics.Pinned.A) Show(before == after && *before == 5);
        }
        Show(Count(1, 2, 3));
        Show(own.GetTypes().Length + " " + library.GetExportedTypes().Length);
        Show(Attribute.IsDefined(typeof(Cdecl), typeof(UnmanagedFunctionPointerAttribute)));
        Show(Attribute.IsDefined(typeof(Native), typeof(UnmanagedFunctionPointerAttribute)));
        return 0;
    }
}
"""


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_found_by_name_and_by_attribute(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    run_differential(
        PROGRAM,
        tmp_path,
        native=["Program::Show", "Program::Find", "Program::Count", "Program::Threads"],
        compiler="roslyn",
        target=target,
        runtimes=[target],
        libraries={"Base": BASE, "Lib": LIBRARY},
    )
