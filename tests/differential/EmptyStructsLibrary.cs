// See test_empty_structs.py.
using System;
using System.Runtime.CompilerServices;

public struct Empty { public override string ToString() { return "e"; } }
public struct Around { public Empty Inner; }
public struct Before { public Empty Inner; public object Value; }
public struct After { public object Value; public Empty Inner; }
public struct Three { public Empty A, B, C; }
public struct Wide { public long A; public Empty B; public long C; }
public struct Floats { public Empty A; public float F; public Empty B; public float G; }
public interface ICalls
{
    string Ints(Empty e, int a, Empty f, object b, long c, string d, int g, Empty h, object i, int j);
    string Doubles(double a, Empty e, double b, Around f, float c, object o);
    string Structs(Before b, After a, Three t, object o, Around r, Wide w, string s, Floats f);
    Empty Result(object o, Empty e);
    Around AroundResult(int n);
    Three ThreeResult(object o, string s);
    Before BeforeResult(Empty e, object o);
    After AfterResult(object o, Empty e);
    Wide WideResult(long n, Empty e);
    Floats FloatsResult(float f, Three t);
}

public class Calls : ICalls
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static object keep;
    static void Collect() { for (int i = 0; i < 20; i++) keep = new byte[3000]; GC.Collect(0); }
    [MethodImpl(No)] public string Ints(Empty e, int a, Empty f, object b, long c, string d, int g, Empty h, object i, int j) { Collect(); return e.ToString() + a + f + b + c + d + g + h + i + j; }
    [MethodImpl(No)] public string Doubles(double a, Empty e, double b, Around f, float c, object o) { Collect(); return a + "|" + b + "|" + c + "|" + o + e + f.Inner; }
    [MethodImpl(No)] public string Structs(Before b, After a, Three t, object o, Around r, Wide w, string s, Floats f) { Collect(); return "" + b.Value + a.Value + o + w.A + "," + w.C + s + f.F + "," + f.G + t.B + r.Inner; }
    [MethodImpl(No)] public Empty Result(object o, Empty e) { Collect(); keep = o; return e; }
    [MethodImpl(No)] public Around AroundResult(int n) { Collect(); return new Around(); }
    [MethodImpl(No)] public Three ThreeResult(object o, string s) { Collect(); keep = o; return new Three(); }
    [MethodImpl(No)] public Before BeforeResult(Empty e, object o) { Collect(); return new Before { Value = o, Inner = e }; }
    [MethodImpl(No)] public After AfterResult(object o, Empty e) { Collect(); return new After { Value = o, Inner = e }; }
    [MethodImpl(No)] public Wide WideResult(long n, Empty e) { Collect(); return new Wide { A = n, B = e, C = -n }; }
    [MethodImpl(No)] public Floats FloatsResult(float f, Three t) { Collect(); return new Floats { F = f, G = -f, A = t.A }; }
    [MethodImpl(No)] public static string Static(Empty e, object a, string b, object c, object d, object x, object f, object g) { Collect(); return "" + a + b + c + d + x + f + g + e; }
    [MethodImpl(No)] public static Empty StaticResult(object a, object b) { Collect(); return a == b ? new Empty() : default(Empty); }
}

public static class Driver
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Run(ICalls calls, object o)
    {
        var e = new Empty(); var all = "";
        all += calls.Ints(e, 1, e, o, 1L << 40, "d" + o, -7, e, new string('i', 2), 9) + "\n";
        all += calls.Doubles(1.5, e, -0.0, new Around(), 3.25f, o) + "\n";
        all += calls.Structs(new Before { Value = "b" + o }, new After { Value = "a" + o }, new Three(), o, new Around(), new Wide { A = 5, C = -5 }, "s", new Floats { F = 1, G = 2 }) + "\n";
        all += calls.Result(o, e).ToString() + calls.AroundResult(3).Inner + calls.ThreeResult(o, "t").C + "\n";
        all += "" + calls.BeforeResult(e, o).Value + calls.AfterResult(o, e).Value + calls.WideResult(8, e).C + calls.FloatsResult(2.5f, new Three()).G + "\n";
        all += Calls.Static(e, o, "b" + o, o, "d", "x" + o, o, "g" + o) + Calls.StaticResult(o, o) + Calls.StaticResult(o, all) + "\n";
        Func<Empty, object, Empty> f = (x, y) => { GC.KeepAlive(new byte[5000]); return x; }; all += f(e, o).ToString() + o;
        var array = new Three[3]; array[1] = calls.ThreeResult(o, all); var box = (object)calls.AroundResult(1); all += ((Around)box).Inner.ToString() + array[1].A;
        return all + "\n";
    }
}
