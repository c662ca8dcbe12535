// native: Fixed::* Foreign::[A-Z]* Atomic::* Orders::* Far::* Shape::* Square::* IShape::Describe ILeft::* IRight::* IBoth::* Overrides::* Base::* Derived::* Deepest::*
// gc: yes
// compiler: roslyn
// What the runtime and the code agree on: P/Invoke, default interface methods, explicit implementations, atomics, null.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

unsafe struct Fixed
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    int before; fixed byte items[10];
    [MethodImpl(No)] public int Get(int i) { return items[i]; }
    [MethodImpl(No)] public void Set(int i, byte value) { items[i] = value; }
    [MethodImpl(No)] public int Sum() { int sum = before; for (int i = 0; i < 10; i++) sum += items[i] * i; return sum; }
}

static unsafe class Foreign
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    const string C = "libc.so.6";
    [StructLayout(LayoutKind.Sequential)] public struct Quotient { public int quot, rem; }
    [StructLayout(LayoutKind.Sequential)] public struct LongQuotient { public long quot, rem; }
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)] public delegate int Comparer(int* a, int* b);
    [DllImport(C)] static extern int abs(int n);
    [DllImport(C)] static extern IntPtr strlen(string text);
    [DllImport(C)] static extern Quotient div(int a, int b);
    [DllImport(C)] static extern LongQuotient ldiv(long a, long b);
    [DllImport(C)] static extern void qsort(int[] items, IntPtr count, IntPtr size, Comparer compare);
    [DllImport(C, SetLastError = true)] static extern int close(int file);
    [DllImport(C)] static extern double strtod([MarshalAs(UnmanagedType.LPStr)] string text, out IntPtr end);
    [DllImport(C)] static extern void* memcpy(void* to, void* from, UIntPtr size);
    [DllImport(C, CharSet = CharSet.Ansi)] static extern int snprintf(System.Text.StringBuilder text, IntPtr size, string format);
    [DllImport("no-such-library-9")] static extern int nothing();
    [DllImport(C)] static extern int no_such_function_9(int x);
    static int seen;
    static int Compare(int* a, int* b) { seen++; GC.KeepAlive(new byte[200]); if ((seen & 7) == 0) GC.Collect(0); return *a < *b ? -1 : *a > *b ? 1 : 0; }
    static int Throwing(int* a, int* b) { throw new InvalidOperationException("from a callback"); }
    [MethodImpl(No)] public static int Absolute(int n) { return abs(n); }
    [MethodImpl(No)] public static long Length(string text) { return (long)strlen(text); }
    [MethodImpl(No)] public static string Divide(int a, int b) { Quotient q = div(a, b); LongQuotient l = ldiv((long)a << 33, b); return q.quot + "," + q.rem + "," + l.quot + "," + l.rem; }
    [MethodImpl(No)] public static string Sort(int[] items) { Comparer compare = Compare; qsort(items, (IntPtr)items.Length, (IntPtr)4, compare); GC.KeepAlive(compare); return string.Join(" ", items); }
    [MethodImpl(No)] public static string Error() { int result = close(-1); return result + " " + Marshal.GetLastWin32Error(); }
    [MethodImpl(No)] public static double Number(string text) { IntPtr end; double d = strtod(text, out end); return d; }
    [MethodImpl(No)] public static int Copy(byte[] a, byte[] b) { fixed (byte* p = a, q = b) return (byte*)memcpy(p, q, (UIntPtr)(uint)b.Length) == p ? a[1] + a[2] : -1; }
    [MethodImpl(No)] public static string Print(string text) { var builder = new System.Text.StringBuilder(64); int n = snprintf(builder, (IntPtr)60, text); return n + builder.ToString(); }
    [MethodImpl(No)] public static int Missing(int which) { return which == 0 ? nothing() : no_such_function_9(1); }
    [MethodImpl(No)] public static int ManyCalls(int n) { int sum = 0; for (int i = -n; i < n; i++) sum += abs(i) & 3; return sum; }
}

interface IShape { int Sides(); string Describe() { return "a shape with " + Sides() + " sides, " + Name; } string Name { get { return "unnamed"; } } static int Count = 5; static int Doubled() { return Count * 2; } }
class Shape : IShape { public virtual int Sides() { return 3; } }
class Square : Shape, IShape { public override int Sides() { return 4; } string IShape.Name { get { return "square"; } } }
interface IWho { string Who(); }
interface ILeft : IWho { string IWho.Who() { return "left"; } }
interface IRight : IWho { string IWho.Who() { return "right"; } }
interface IBoth : ILeft, IRight { string IWho.Who() { return "both"; } }
class Both : IBoth { }
class Ambiguous : ILeft { }
class OnlyRight : IRight { }
struct Dot : IShape { public int N; public int Sides() { return ++N; } }

abstract class Base { public virtual string Name(int n) { return "base" + n; } public abstract string Kind(); public virtual string Hidden() { return "h0"; } }
class Derived : Base, IComparable, IWho { public override string Name(int n) { return base.Name(n + 1) + "d"; } public override string Kind() { return "derived"; } int IComparable.CompareTo(object o) { return o == null ? 1 : 7; } string IWho.Who() { return "explicit"; } public new virtual string Hidden() { return "h1"; } public int CompareTo(object o) { return -7; } }
sealed class Deepest : Derived, IWho { public sealed override string Name(int n) { return base.Name(n * 10) + "!"; } string IWho.Who() { return "deepest"; } public override string Hidden() { return "h2"; } }

static class Overrides
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static string Call(Base b) { return b.Name(1) + b.Kind() + b.Hidden() + ((Derived)b).Hidden() + ((IComparable)b).CompareTo(b) + ((Derived)b).CompareTo(b) + ((IWho)b).Who(); }
    [MethodImpl(No)] public static string Default(IShape s) { return s.Describe() + s.Name + IShape.Doubled(); }
    [MethodImpl(No)] public static string Who(IWho w) { return w.Who(); }
    [MethodImpl(No)] public static string Boxed() { Dot d = new Dot(); IShape s = d; s.Sides(); return s.Describe() + d.N; }
    [MethodImpl(No)] public static string Bound(IShape s) { Func<string> f = s.Describe; return f(); }
}

static class Atomic
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static int i; static long l; static object o = "o"; static float f; static double d; static IntPtr p; static string s = "s";
    [MethodImpl(No)] public static string Integers() { i = 5; return Interlocked.Increment(ref i) + "," + Interlocked.Decrement(ref i) + "," + Interlocked.Add(ref i, -9) + "," + Interlocked.Exchange(ref i, 70) + "," + Interlocked.CompareExchange(ref i, 71, 70) + "," + Interlocked.CompareExchange(ref i, 72, 70) + "," + i; }
    [MethodImpl(No)] public static string Longs(long[] a, int n) { l = 0; a[n] = long.MaxValue; return Interlocked.Increment(ref a[n]) + "," + Interlocked.Decrement(ref a[n]) + "," + Interlocked.Add(ref a[n], 1L << 40) + "," + Interlocked.Exchange(ref l, -1) + "," + Interlocked.CompareExchange(ref l, 3, -1) + "," + Interlocked.Read(ref l) + "," + a[n]; }
    [MethodImpl(No)] public static string Objects(object[] a) { s = "s"; object fresh = new string('n', 3); return Interlocked.Exchange(ref a[1], fresh) + "," + Interlocked.CompareExchange(ref a[1], "second", fresh) + "," + Interlocked.CompareExchange(ref a[1], "third", fresh) + a[1] + Interlocked.Exchange(ref s, "t") + Interlocked.CompareExchange<string>(ref s, null, "t") + s; }
    [MethodImpl(No)] public static string Others() { f = 1.5f; d = -0.0; p = (IntPtr)4; return Interlocked.Exchange(ref f, 2) + "," + Interlocked.CompareExchange(ref f, 3, 2) + f + Interlocked.Exchange(ref d, 8) + Interlocked.CompareExchange(ref d, 9, 8) + d + Interlocked.Exchange(ref p, (IntPtr)5) + Interlocked.CompareExchange(ref p, (IntPtr)6, (IntPtr)5) + p; }
    [MethodImpl(No)] public static string Nulls() { string all = ""; try { Interlocked.Increment(ref Far.Nothing().Count); } catch (NullReferenceException) { all += "n"; } try { Interlocked.Exchange(ref Far.Nothing().Link, "x"); } catch (NullReferenceException) { all += "m"; } return all; }
}

static class Orders
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static int x, y, turn, done, first, second; static int data; static int flag; static volatile int end;
    [MethodImpl(No)] static void Left(bool exchange) { if (exchange) Interlocked.Exchange(ref x, 1); else { x = 1; Thread.MemoryBarrier(); } first = y; }
    [MethodImpl(No)] static void Right(bool exchange) { if (exchange) Interlocked.Exchange(ref y, 1); else { y = 1; Interlocked.MemoryBarrier(); } second = x; }
    [MethodImpl(No)] static void Wait(ref int word, int value) { int spins = 0; while (Volatile.Read(ref word) != value) if (++spins > 200) { Thread.Yield(); spins = 0; } }
    [MethodImpl(No)]
    public static int Dekker(int rounds)
    {
        int both = 0; turn = done = 0;
        var other = new Thread(() => { for (int i = 1; i <= rounds; i++) { Wait(ref turn, i); Right((i & 1) == 0); Volatile.Write(ref done, i); } });
        other.Start();
        for (int i = 1; i <= rounds; i++) { x = y = 0; Volatile.Write(ref turn, i); Left((i & 1) == 0); Wait(ref done, i); if (first == 0 && second == 0) both++; }
        other.Join();
        return both;
    }
    [MethodImpl(No)] static int Reader() { int wrong = 0; while (end == 0) { int f = Volatile.Read(ref flag); int d = data; if (d < f) wrong++; } return wrong; }
    [MethodImpl(No)] static void Writer(int n) { for (int i = 1; i < n; i++) { data = i; Volatile.Write(ref flag, i); } }
    [MethodImpl(No)] public static int Publish(int rounds) { int wrong = -1; end = 0; data = flag = 0; var reader = new Thread(() => wrong = Reader()); reader.Start(); Writer(rounds); end = 1; reader.Join(); return wrong; }
}

[StructLayout(LayoutKind.Explicit, Size = 200000)] struct Huge { [FieldOffset(0)] public int Head; [FieldOffset(3000)] public int Near; [FieldOffset(70000)] public long Middle; [FieldOffset(199996)] public int Tail; }

class Far
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    public Huge Room; public int Count; public object Link; public string Text;
    [MethodImpl(No)] public static Far Nothing() { return null; }
    [MethodImpl(No)] public static int Head(Far f) { return f.Room.Head; }
    [MethodImpl(No)] public static int Near(Far f) { return f.Room.Near; }
    [MethodImpl(No)] public static long Middle(Far f) { return f.Room.Middle; }
    [MethodImpl(No)] public static void Tail(Far f, int n) { f.Room.Tail = n; }
    [MethodImpl(No)] public static ref int Address(Far f) { return ref f.Room.Tail; }
    [MethodImpl(No)] public static Huge Whole(Far f) { return f.Room; }
    [MethodImpl(No)] public static object Element(object[] a, int i) { return a[i]; }
    [MethodImpl(No)] public static long Long(long[] a, int i) { return a[i]; }
    [MethodImpl(No)] public static void Store(int[] a, int i) { a[i] = i; }
    [MethodImpl(No)] public static int Length(Array a, int[] b, string s, int which) { return which == 0 ? a.Length : which == 1 ? b.Length : s.Length; }
    [MethodImpl(No)] public static char Character(string s, int i) { return s[i]; }
    [MethodImpl(No)] public static unsafe int Pointer(Huge* p) { return p->Tail; }
    [MethodImpl(No)] public static string InTry(Far f, int which)
    {
        string state = "start";
        try { state = "try"; if (which == 0) f.Count = 1; else if (which == 1) state = f.Text; else f.Own(); state = "after"; }
        catch (NullReferenceException) when (state == "try") { state += " caught"; }
        finally { state += " finally"; }
        return state;
    }
    [MethodImpl(No)] public void Own() { Count++; }
    [MethodImpl(No)] public static int Loop(Far[] all) { int sum = 0; try { foreach (var f in all) sum += f.Count + 1; } catch (NullReferenceException) { return -sum; } return sum; }
}

static class Program
{
    static string Try(Func<object> f) { try { return "" + f() + ";"; } catch (Exception e) { return e.GetType().Name + ";"; } }
    static string Body()
    {
        var all = new System.Text.StringBuilder();
        all.AppendLine(Foreign.Absolute(-5) + " " + Foreign.Length("hello") + " " + Foreign.Divide(17, -5) + " " + Foreign.Sort(new[] { 5, 3, 9, -1, 7, 7, 0, 12, 4, 100, -50, 8 }) + " " + Foreign.Error() + " " + Foreign.Number("-12.5e3x") + " " + Foreign.Copy(new byte[3], new byte[] { 1, 2, 3 }) + " " + Foreign.Print("text") + Foreign.ManyCalls(1000));
        all.AppendLine(Try(() => Foreign.Missing(0)) + Try(() => Foreign.Missing(1)) + Try(() => Foreign.Sort(null)));
        all.AppendLine(Overrides.Call(new Derived()) + Overrides.Call(new Deepest()) + Overrides.Default(new Shape()) + Overrides.Default(new Square()) + Overrides.Who(new Both()) + Overrides.Who(new Ambiguous()) + Overrides.Who(new OnlyRight()) + Overrides.Boxed() + Overrides.Bound(new Square()) + Try(() => Overrides.Default(null)) + Try(() => Overrides.Who(null)));
        all.AppendLine(Atomic.Integers() + " " + Atomic.Longs(new long[3], 2) + " " + Atomic.Objects(new object[2]) + " " + Atomic.Others() + Atomic.Nulls() + Try(() => Atomic.Longs(new long[1], 1)));
        all.AppendLine(Orders.Dekker(12) + " " + Orders.Publish(2000));
        var far = new Far(); Far.Tail(far, 8); Far.Address(far)++;
        unsafe { all.AppendLine(Far.Whole(far).Tail + " " + Far.Head(far) + Far.Middle(far) + Try(() => Far.Head(null)) + Try(() => Far.Near(null)) + Try(() => Far.Middle(null)) + Try(() => { Far.Tail(null, 1); return 0; }) + Try(() => Far.Address(null)) + Try(() => Far.Whole(null).Tail) + Try(() => Far.Pointer(null))); }
        all.AppendLine(Try(() => Far.Element(null, int.MaxValue)) + Try(() => Far.Long(null, 1 << 28)) + Try(() => { Far.Store(null, int.MinValue); return 0; }) + Try(() => Far.Length(null, null, null, 0)) + Try(() => Far.Length(null, null, null, 1)) + Try(() => Far.Length(null, null, null, 2)) + Try(() => Far.Character(null, int.MaxValue)) + Try(() => Far.Element(new object[1], -1)) + Try(() => Far.Character("x", 1)));
        unsafe { Fixed* none = null; var some = new Fixed(); some.Set(3, 9); all.AppendLine(Try(() => none->Get(100000)) + Try(() => none->Get(1)) + Try(() => { none->Set(1 << 20, 1); return 0; }) + some.Get(3) + some.Sum()); }
        all.AppendLine(Far.InTry(null, 0) + Far.InTry(null, 1) + Far.InTry(null, 2) + Far.InTry(far, 2) + Far.Loop(new[] { far, far, null }) + Far.Loop(new[] { far }));
        return all.ToString();
    }
    static int Main() { return Harness.Run(Body); }
}
