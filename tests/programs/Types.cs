// native: Boxing::* Casts::* Handles::* Enums::*
// gc: yes
// Boxing, unboxing, Nullable, casts, typeof, enums.
using System;
using System.Collections.Generic;
using System.Text;

enum Level { Low, Mid = 5, High = -1 }
[Flags] enum Bits : ulong { None = 0, One = 1, Top = 1ul << 63 }
struct Pair { public int A; public string B; public override string ToString() { return A + B; } }
interface INamed { string Name { get; } }
class Base : INamed { public virtual string Name { get { return "base"; } } }
class Left : Base { public override string Name { get { return "left"; } } }
sealed class Right : Base { }

static class Boxing
{
    public static object Int(int x) { return x; }
    public static object Byte(byte x) { return x; }
    public static object Double(double x) { return x; }
    public static object Bool(bool x) { return x; }
    public static object Char(char x) { return x; }
    public static object Struct(int a, string b) { Pair p; p.A = a; p.B = b; return p; }
    public static object EnumBox(int x) { return (Level)x; }
    public static object Bits(ulong x) { return (Bits)x; }
    public static object Nullable(int? x) { return x; }
    public static int UnInt(object o) { return (int)o; }
    public static long UnLong(object o) { return (long)o; }
    public static Pair UnStruct(object o) { return (Pair)o; }
    public static Level UnEnum(object o) { return (Level)o; }
    public static int? UnNullable(object o) { return (int?)o; }
    public static string Nullables(int? a, int? b) { int? s = a + b; return (s.HasValue ? s.Value.ToString() : "none") + (a ?? -1) + b.GetValueOrDefault() + (a > b) + (a == b); }
    public static DateTime? Dates(DateTime? d, int days) { return d.HasValue ? d.Value.AddDays(days) : (DateTime?)null; }
    public static string Strings(int a, Pair p, Level l) { return string.Format("{0} {1} {2}", a, p, l) + a.ToString("d3") + p.ToString() + l.ToString() + l.GetHashCode() + l.Equals(Level.Mid); }
}

static class Casts
{
    public static string As(object o) { var b = o as Base; var l = o as Left; var s = o as string; var n = o as INamed; var a = o as int[]; var e = o as IEnumerable<string>; return (b == null ? "-" : b.Name) + (l == null ? "-" : "l") + (s ?? "-") + (n == null ? "-" : n.Name) + (a == null ? -1 : a.Length) + (e == null ? "-" : "e"); }
    public static string Is(object o) { return "" + (o is Base) + (o is Right) + (o is int) + (o is Level) + (o is string) + (o is object[]) + (o is IComparable) + (o is Pair) + (o is int?); }
    public static Left ToLeft(object o) { return (Left)o; }
    public static INamed ToNamed(object o) { return (INamed)o; }
    public static string[] ToStrings(object o) { return (string[])o; }
    public static string Name(object o) { return ((Base)o).Name; }
    public static IList<int> ToList(object o) { return (IList<int>)o; }
}

static class Handles
{
    public static string Types() { return typeof(int).Name + typeof(string).Name + typeof(Pair).Name + typeof(List<string>).Name + typeof(Dictionary<int, Pair>).Name + typeof(int[]).Name + typeof(Level).FullName + typeof(INamed).Name + typeof(List<>).Name + typeof(void).Name; }
    public static bool Same(object o) { return o.GetType() == typeof(Left); }
    public static Type Of(int i) { return i == 0 ? typeof(long) : typeof(Handles); }
}

static class Enums
{
    public static string Show(Level l, Bits b) { return l + "," + b + "," + (int)l + "," + (ulong)b + "," + (b & global::Bits.Top) + "," + (l == Level.High) + "," + (l > Level.Low); }
    public static int Switch(Level l) { switch (l) { case Level.Low: return 1; case Level.Mid: return 2; case Level.High: return 3; default: return 4; } }
    public static Bits Combine(Bits a, Bits b) { return (a | b) ^ global::Bits.One; }
    public static bool Parse(string s, out Level l) { return Enum.TryParse(s, out l); }
}

static class Program
{
    static string Try(Func<object> f) { try { return (f() ?? "null").ToString(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        object[] all = { 1, 2L, (byte)3, "text", null, new Base(), new Left(), new Right(), Level.Mid, Bits.Top, new Pair { A = 1, B = "b" }, new int[2], new string[1], new object[0], 1.5, 'c', new List<string>(), DateTime.MinValue, (Level)99 };
        t.Append(Boxing.Int(-5)).Append(Boxing.Byte(250)).Append(Boxing.Double(0.1)).Append(Boxing.Bool(true)).Append(Boxing.Char('z')).Append(Boxing.Struct(4, "q")).Append(Boxing.EnumBox(5)).Append(Boxing.Bits(1ul << 63)).Append(Boxing.Nullable(null) ?? "n").Append(Boxing.Nullable(8)).Append('\n');
        foreach (object o in all)
        {
            t.Append(Casts.As(o)).Append(Casts.Is(o)).Append(Try(() => Boxing.UnInt(o))).Append(Try(() => Boxing.UnLong(o))).Append(Try(() => Boxing.UnStruct(o))).Append(Try(() => Boxing.UnEnum(o))).Append(Try(() => Boxing.UnNullable(o)));
            t.Append(Try(() => Casts.ToLeft(o))).Append(Try(() => Casts.ToNamed(o))).Append(Try(() => Casts.ToStrings(o))).Append(Try(() => Casts.Name(o))).Append(Try(() => Casts.ToList(o))).Append(Try(() => Handles.Same(o))).Append('\n');
        }
        t.Append(Boxing.Nullables(1, 2)).Append(Boxing.Nullables(null, 2)).Append(Boxing.Nullables(3, 3)).Append(Boxing.Dates(new DateTime(2020, 2, 28), 2).Value.ToString("o")).Append(Boxing.Dates(null, 1).HasValue).Append(Boxing.Strings(7, new Pair { A = 2, B = "w" }, Level.Mid)).Append('\n');
        t.Append(Handles.Types()).Append(Handles.Of(0)).Append(Handles.Of(1)).Append(Enums.Show(Level.High, Bits.Top | Bits.One)).Append(Enums.Combine(Bits.One, Bits.Top)).Append(Enums.Switch(Level.Mid)).Append(Enums.Switch((Level)7));
        Level l; t.Append(Enums.Parse("Mid", out l)).Append(l).Append(Enums.Parse("none", out l)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
