// native: T::*
using System; using System.Collections.Generic; using System.Runtime.CompilerServices; using System.Runtime.InteropServices;
public class K { public int v; public static K operator +(K a, K b) => new K { v = a.v + b.v }; }
public static class T {
  public static ref object El(object[] a, int i) => ref a[i];
  public static ref int[] Jag(int[][] a, int i) => ref a[i];
  public static ref string Els(string[] a, long i) => ref a[i];
  public static string Run(string[] s) { El(new object[] { "a" }, 0) = "b"; Jag(new int[2][], 1) = new int[3]; Els(s, 1) = "zz"; return s[1]; }
  public static void Store(object[] a, long i, object o) { a[i] = o; }
  public static string Long(int[] a, long i) => a[i] + "";
  public static int Sum(int[] a, nint n) { int t = 0; for (nint i = 0; i < n; i++) t += a[i]; return t; }
  public static object Cov(object[] a) { a[0] = 1; return a; }
  public static unsafe string Handles() { RuntimeTypeHandle h = typeof(int[]).TypeHandle; RuntimeTypeHandle g = typeof(K).TypeHandle; return Type.GetTypeFromHandle(h).Name + Type.GetTypeFromHandle(g) + typeof(int[][]) + typeof(List<string>) + typeof(Dictionary<,>) + typeof(void) + typeof(int*) ; }
  public static System.Linq.Expressions.Expression<Func<K, int>> Ex() => k => k.v + 1;
  public static System.Linq.Expressions.Expression<Func<K, K, K>> Ex2() => (k, l) => k + l;
  public static DayOfWeek[] Enums() { var e = new DayOfWeek[3]; e[1] = DayOfWeek.Friday; return e; }
  public static int Vol(ref int x) { Volatile.V = 3; return Volatile.V + x; }
  public static byte Small(sbyte a, byte b, short c, ushort d, char e, bool f) { sbyte x = (sbyte)(a * 3); byte y = (byte)(b + 200); short z = (short)(c << 9); ushort w = (ushort)(d * d); return (byte)(x + y + z + w + e + (f ? 1 : 0)); }
  public static bool Rb(int x) => x > 3; public static sbyte Rs(int x) => (sbyte)x; public static char Rc(int x) => (char)x; public static ushort Ru(int x) => (ushort)x;
  public static string Rets(int v) => Rb(v) + "" + Rs(v) + (int)Rc(v) + Ru(v) + (Rb(v) ? 1 : 0);
  public static long Shifts(int a, long b, int n) => (a << n) + (a >> n) + (int)((uint)a >> n) + (b << n) + (b >> n) + (long)((ulong)b >> n);
  public static string Divs(int a, int b, long c, long d, uint e, uint f) => a / b + "," + a % b + "," + c / d + "," + c % d + "," + e / f + "," + e % f;
  public static decimal Fin(decimal x) => Math.Round(x / 3m, 4);
  public static string Obj(object a, object b) => (a == b) + "" + ReferenceEquals(a, b) + (a is null) + (a ?? b) + (b as string) + ((a as K)?.v ?? -1);
}
public static class Volatile { public static volatile int V; }
public static class Program {
  static string Try(Func<string> f) { try { return f(); } catch (Exception e) { return e.GetType().Name; } }
  static string Body() { string[] s = { "p", "q" }; int one = 1, zero = 0; var k = new K { v = 4 };
    return T.Run(s) + Try(() => T.El(new string[1], 0) + "") + Try(() => T.El(null, 0) + "") + Try(() => T.El(new object[1], -1) + "") + Try(() => T.Els(s, 4294967297L)) + Try(() => { T.Store(s, 4294967296L, "x"); return s[0]; }) + Try(() => { T.Store(s, 1, new object()); return s[0]; }) + Try(() => T.Long(new int[3], 4294967297L)) + T.Sum(new[] { 1, 2, 3 }, 3) + Try(() => T.Sum(new[] { 1, 2, 3 }, 4) + "") + Try(() => T.Cov(new string[1]) + "")
    + T.Handles() + T.Ex().Compile()(k) + T.Ex2() + T.Enums()[1] + T.Vol(ref one) + T.Small(-5, 100, -30, 700, 'x', true) + T.Rets(3) + T.Rets(200) + T.Rets(-1) + T.Rets(70000) + T.Shifts(-7, -9, 3) + T.Shifts(int.MinValue, long.MaxValue, 35) + T.Divs(-7, 2, -9, 4, 4000000000, 7) + Try(() => T.Divs(1, zero, 1, 1, 1, 1)) + Try(() => T.Divs(int.MinValue, -1, 1, 1, 1, 1)) + Try(() => T.Divs(1, 1, long.MinValue, -1, 1, 1)) + Try(() => T.Divs(1, 1, 1, 1, 1, 0)) + T.Fin(10m) + T.Obj(k, k) + T.Obj(null, "x") + T.Obj("a", 3) + "\n"; }
  public static int Main(string[] args) => Harness.Run(Body);
}
