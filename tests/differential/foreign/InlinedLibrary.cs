// Small members that callers in another assembly take in, and some that they must not.
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;

public class Box
{
    private int value;
    private string name = "box";
    private byte small;
    private readonly Pair<string> pair;
    public Box(int v) { value = v; pair = new Pair<string>(name, this); }
    public Box() : this(7) { }
    public int Value { get { return value; } set { this.value = value; } }
    public string Name { get { return name; } set { name = value; } }
    public byte Small { get { return small; } set { small = value; } }
    public Pair<string> Both { get { return pair; } }
    public ref int Place { get { return ref value; } }
    public const int Constant = 40;
    public static int Answer { get { return 42; } }
    public static string Literal { get { return "a literal of the library"; } }
    public int Twice() { return Value + Value; }
    public bool IsBig { get { return value > 100; } }
    public short Narrow(int x) { return (short)x; }
    public int Widen(sbyte x) { return x; }
    public virtual int Virtual { get { return 1; } }
    public static int Max(int a, int b) { return a > b ? a : b; }
    public int Divide(int by) { return value / by; }
    [MethodImpl(MethodImplOptions.NoInlining)] public int Marked() { return value; }
    public int Throws() { throw new InvalidOperationException("thrown in the library"); }
    public static string Here() { return Assembly.GetExecutingAssembly().GetName().Name; }
    public static string Forward() { return Asks(); }
    public static string Asks()
    {
        string name = Assembly.GetCallingAssembly().GetName().Name;
        return name == null ? "nobody" : name + " asked";
    }
    public static string Through(Func<string> f) { return f(); }
    public static string Shown(object o) { return o.ToString(); }
}

public class Derived : Dictionary<string, int>
{
    private int extra = 3;
    private Box inner = new Box(9);
    public int Extra { get { return extra; } }
    public Box Inner { get { return inner; } }
    public int Deep { get { return inner.Value; } }
}

public sealed class Failure : Exception
{
    private readonly int code;
    public Failure(int c) { code = c; }
    public int Code { get { return code; } }
}

public struct Pair<T>
{
    private readonly T first;
    private readonly object second;
    public Pair(T a, object b) { first = a; second = b; }
    public T First { get { return first; } }
    public object Second { get { return second; } }
    public Type Kind { get { return typeof(T); } }
}

public class Cell<T>
{
    private T item;
    private static int made;
    public T Item { get { return item; } set { item = value; } }
    public static int Made { get { return made; } set { made = value; } }
    public T[] Some() { return new T[2]; }
    public object Boxed() { return item; }
    public bool Is(object o) { return o is T; }
}

public struct Vec
{
    public double X, Y;
    internal Inner hidden;
    public Vec(double x, double y) { X = x; Y = y; hidden.Mark = (byte)x; }
    public double Sum { get { return X + Y; } }
    public byte Mark { get { return hidden.Mark; } }
    public Vec Swapped() { return new Vec(Y, X); }
}

internal struct Inner { public byte Mark; }

public static class Late
{
    // Initialised when first needed: beforefieldinit.
    private static readonly object token = Log.Made("late");
    public static object Token { get { return token; } }
    public static int Nothing { get { return 5; } }
}

public static class Precise
{
    private static int state;
    static Precise() { state = Log.Count() + 100; }
    public static int State { get { return state; } }
    public static int Nothing { get { return 6; } }
}

public static class Log
{
    private static int count;
    [ThreadStatic] private static int perThread;
    public static int PerThread { get { return perThread; } set { perThread = value; } }
    public static int Count() { return count; }
    public static object Made(string what) { count++; return what + count; }
}
