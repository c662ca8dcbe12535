using System;
using System.Runtime.CompilerServices;

public class Shape
{
    public int Number;
    public string Name;
    public virtual int Area() { return 1; }
    public int Seven() { return 7; }
}

public delegate int IntSource();

public class Square : Shape
{
    public override int Area() { return 16; }
}

public static class Native
{
    // Every body here is replaced by hand-written native code that returns something else.
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Answer() { return 1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int CallsHelper(int x) { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Literal() { return "IL"; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Shape Create() { return null; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int CallsVirtual(Shape shape) { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int GoodCheck() { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int BadCheck() { return 3; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Constant() { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int BigFrame() { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Throws() { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int IsSquare(object shape) { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static IntSource MakeDelegate(Shape shape) { return null; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Shape Keep(Shape shape) { Churn(); return shape; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int FarField(object o) { return -1; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Generic<T>() { return -1; }

    static byte[][] junk = new byte[40000][];

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Churn()
    {
        GC.Collect(2, GCCollectionMode.Forced, true, true);
        for (int i = 0; i < junk.Length; i++)
        {
            junk[i] = new byte[1000];
            for (int k = 0; k < junk[i].Length; k++) junk[i][k] = 0x5a;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Helper(int x)
    {
        GC.Collect();
        return x + 1;
    }
}

public static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static Shape Fresh() { return new Shape { Number = 5 }; }

    static int Main()
    {
        string used = "native";
        Console.WriteLine(Native.Answer());
        Console.WriteLine(Native.CallsHelper(5));
        Console.WriteLine(Native.CallsHelper(6));
        Console.WriteLine(Native.Literal() + (object.ReferenceEquals(Native.Literal(), used) ? " interned" : ""));
        Console.WriteLine(Native.Create() is Square);
        Console.WriteLine(Native.CallsVirtual(new Square()));
        Console.WriteLine(Native.CallsVirtual(new Shape()));
        Console.WriteLine(Native.GoodCheck());
        Console.WriteLine(Native.BadCheck());
        Console.WriteLine(Native.Constant());
        Console.WriteLine(Native.BigFrame());
        try { Native.Throws(); Console.WriteLine("no"); } catch (IndexOutOfRangeException) { Console.WriteLine("thrown"); }
        Console.WriteLine(Native.IsSquare(new Square()) + Native.IsSquare(new Shape()) + Native.IsSquare(null));
        IntSource source = Native.MakeDelegate(new Shape());
        Console.WriteLine(source == null ? -1 : source());
        try { Console.WriteLine(Native.FarField(null)); } catch (NullReferenceException) { Console.WriteLine("null"); }
        Console.WriteLine(Native.Keep(Fresh()).Number);
        Console.WriteLine(Native.Generic<int>());
        Console.WriteLine(Native.Generic<string>());
        return 7;
    }
}
