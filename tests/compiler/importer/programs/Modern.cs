// native: RS::* RF::* Pt::* Ro::* Pc::* T::[A-Z]* T::Chk T::Cmp T::Conv
using System; using System.Collections.Generic; using System.Runtime.CompilerServices; using System.Text;
public ref struct RS { public Span<int> s; public int n; public RS(Span<int> x) { s = x; n = x.Length; } public int Sum() { int t = 0; foreach (var v in s) t += v; return t; } public Span<int> Slice(int a) => s.Slice(a); }
public ref struct RF { public ref int r; public RF(ref int x) { r = ref x; } public void Inc() { r++; } public ref int Get() => ref r; }
public record struct Pt(int X, int Y);
public record class Pc(string A, int B);
public readonly struct Ro { public readonly long a; public readonly string b; public Ro(long x, string y) { a = x; b = y; } public override string ToString() => b + a; public static Ro operator +(Ro p, Ro q) => new Ro(p.a + q.a, p.b + q.b); }
[InlineArray(4)] public struct Buf { int e; }
public interface IDef { int A() => 5; int B(); }
public struct SDef : IDef { public int B() => 7; }
public class CDef : IDef { public int B() => 8; }
public static class T {
  public static int Spans(int[] a) { Span<int> s = a; ReadOnlySpan<int> r = s.Slice(1); int t = 0; for (int i = 0; i < r.Length; i++) t += r[i]; s[0] = 9; return t + a[0] + s.Length; }
  public static string SpanStr(string x) { var sp = x.AsSpan(1, 2); return sp.ToString() + sp[0] + x[^1] + x[1..3]; }
  public static int Rs(int[] a) { var r = new RS(a); return r.Sum() + r.n + r.Slice(1).Length; }
  public static int Rf() { int z = 4; var r = new RF(ref z); r.Inc(); r.Get() += 10; return z; }
  public static string Recs() { var p = new Pt(1, 2); var q = p with { Y = 5 }; var c = new Pc("a", 1); var d = c with { B = 9 }; return p + "" + q + (p == q) + c + d + c.Equals(d) + p.GetHashCode().Equals(new Pt(1, 2).GetHashCode()); }
  public static string Ros() { var r = new Ro(1, "x") + new Ro(2, "y"); return r.ToString() + r; }
  public static string Tup((int a, string b, double c) t) { var (x, y, z) = t; return x + y + z + t; }
  public static (long, string) RetT(int v) => (v * 2L, v.ToString());
  public static (int, int, int, string) RetT4(int v) => (v, v + 1, v + 2, "q" + v);
  public static string UseT() { var a = RetT(4); var b = RetT4(5); return a.Item1 + a.Item2 + b.Item4 + b.Item3; }
  public static string Sw(object o) => o switch { int i when i > 3 => "big" + i, int => "int", string { Length: 2 } s => s, null => "null", Pt { X: 1 } p => "pt" + p.Y, _ => o.GetType().Name };
  public static string SwS(string s) { switch (s) { case "alpha": return "1"; case "beta": return "2"; case "gamma": return "3"; case "delta": return "4"; case "eps": return "5"; case "zeta": return "6"; case "eta": return "7"; case "theta": return "8"; default: return "-"; } }
  public static int Null(string s) => s?.Length ?? -1;
  public static int? NullI(Pc p) => p?.B;
  public static string Interp(int a, DateTime d) => $"{a:X4}|{d:yyyy}|{a,6}|{(a > 3 ? "y" : "n")}";
  public static nint Nint(nint a, int b) => a * b + (nint)3 - (a >> 1);
  public static ulong Mix(uint a, int b, ulong c, nuint d) => a + (ulong)b + c * d;
  public static unsafe int Ptr(int[] a) { fixed (int* p = a) { int* q = p + 1; *q = 77; q[1] += *q; return (int)(q - p) + p[2]; } }
  public static unsafe int PtrS(string s) { fixed (char* p = s) { int t = 0; for (char* c = p; *c != 0; c++) t += *c; return t; } }
  public static unsafe int FnPtr() { delegate*<int, int> f = &Tw; return f(21); } static int Tw(int x) => x * 2;
  public static int Local() { int k = 3; int F(int x) => x * k; return F(4) + F(5); }
  public static ref int RefRet(int[] a, int i) => ref a[i];
  public static int UseRef() { var a = new[] { 1, 2, 3 }; RefRet(a, 1) = 50; ref int r = ref RefRet(a, 2); r++; return a[1] + a[2]; }
  public static int Ia() { var b = new Buf(); b[1] = 4; b[2] = 6; int t = 0; foreach (var x in b) t += x; return t; }
  public static int Def() { IDef a = new SDef(), b = new CDef(); return a.A() + a.B() * 10 + b.A() * 100 + b.B() * 1000; }
  public static string Opt(int a = 4, string b = "d") => a + b;
  public static string Chk(int a, int b) { return checked(a + b) + "" + checked((byte)(a)) + checked((uint)b * 2u) + unchecked((sbyte)(a * 100)); }
  public static double Fl(float a, double b, int c) => a * 3f + b / c - (float)b + MathF.Sqrt(a) + Math.Floor(b) + (a % 2f) + (b % 3);
  public static bool Cmp(double a, double b, float c) => (a < b) ^ (a >= b) ^ !(a > c) ^ (c != c) ^ (a <= b && b == b);
  public static string Conv(double d) => (int)d + "" + (long)d + (uint)d + (ulong)Math.Abs(d) + (byte)d + (short)d + (char)(65 + (int)(d % 20)) + (float)d + (decimal)d;
  public static string Coll() { List<int> l = [1, 2, 3]; int[] a = [..l, 4]; var h = new HashSet<string> { "a", "b" }; var q = new Queue<Pt>(); q.Enqueue(new Pt(3, 4)); return l[1] + a[^1] + "" + h.Contains("b") + q.Dequeue().Y + q.Count; }
  public static string Lam() { int c = 0; Action<int> f = x => c += x; f(3); f(4); Func<int, Func<int, int>> g = a => b => a * b + c; return g(3)(4) + ""; }
  public static int Lng(int a, int b, int c, int d, int e, int f, int g, Ro h, (int, int, int) i, double j, Pt k, string l) => a + b + c + d + e + f + g + (int)h.a + i.Item3 + (int)j + k.X + l.Length;
  public static string Gen() { return string.Join(",", System.Linq.Enumerable.Select(new[] { 1, 2 }, x => x + 1)) + Math.Max(3, 4) + Activator.CreateInstance<Pt>() + EqualityComparer<string>.Default.Equals("a", "a"); }
  public static int Stk(bool b, int[] x) => x[b ? x.Length - 1 : 0] + (b ? x : null)?.Length ?? 3;
}
public static class Program {
  static string Try(Func<string> f) { try { return f(); } catch (Exception e) { return e.GetType().Name; } }
  static string Body() {
    var s = new StringBuilder(); var arr = new[] { 1, 2, 3 };
    s.Append(T.Spans(new[] { 1, 2, 3 })).Append(T.SpanStr("hello")).Append(T.Rs(arr)).Append(T.Rf()).Append(T.Recs()).Append(T.Ros()).Append(T.Tup((1, "t", 2.5))).Append(T.UseT()).Append('|');
    foreach (var o in new object[] { 1, 5, "ab", "abc", null, new Pt(1, 3), new Pt(2, 3) }) s.Append(T.Sw(o)).Append(',');
    foreach (var o in new[] { "alpha", "theta", "x", "eta" }) s.Append(T.SwS(o));
    s.Append(T.Null(null)).Append(T.Null("abc")).Append(T.NullI(null)).Append(T.NullI(new Pc("", 4))).Append(T.Interp(255, new DateTime(2020, 1, 1))).Append(T.Nint(7, -3)).Append(T.Mix(uint.MaxValue, -1, 5, 6)).Append('|');
    s.Append(T.Ptr(new[] { 1, 2, 3 })).Append(T.PtrS("abc")).Append(T.FnPtr()).Append(T.Local()).Append(T.UseRef()).Append(T.Ia()).Append(T.Def()).Append(T.Opt()).Append('|');
    s.Append(Try(() => T.Chk(1, 2))).Append(Try(() => T.Chk(int.MaxValue, 2))).Append(Try(() => T.Chk(300, 2))).Append(Try(() => T.Chk(3, -2))).Append(T.Fl(2.5f, 7.25, 3)).Append(T.Cmp(1, 2, 3)).Append(T.Cmp(double.NaN, 2, float.NaN)).Append(T.Conv(123.7)).Append(T.Conv(-3.9)).Append(T.Coll()).Append(T.Lam()).Append(T.Gen()).Append(T.Stk(true, arr)).Append(Try(() => T.Stk(false, arr) + ""));
    s.Append(T.Lng(1, 2, 3, 4, 5, 6, 7, new Ro(8, "x"), (1, 2, 3), 4.5, new Pt(6, 7), "abc"));
    return s.Append('\n').ToString();
  }
  public static int Main(string[] args) => Harness.Run(Body);
}
