// native: T::*
using System; using System.Collections.Generic;
public struct GS<T> : IComparable<GS<T>> { public T v; public int n; public override string ToString() { return typeof(T).Name + v + n; } public int CompareTo(GS<T> o) { return n - o.n + typeof(T).Name.Length; } public override int GetHashCode() { return n; } }
public static class T {
  public static string A(KeyValuePair<string, object> k) { return k.ToString() + k.Key; }
  public static string B(ValueTuple<string, int> k) { return k.ToString() + k.GetHashCode().GetType() + k.CompareTo(("b", 1)); }
  public static string C(GS<string> g) { return g.ToString() + g.CompareTo(g) + g.GetHashCode() + g.v; }
  public static string D(GS<int> g) { return g.ToString() + g.CompareTo(g) + g.GetHashCode() + g.v; }
  public static string E(int? a, DateTime? b) { return a.ToString() + b.ToString() + a.GetHashCode() + a.Equals(3) + a.GetType(); }
  public static string F(List<string> l) { var e = l.GetEnumerator(); string r = ""; while (e.MoveNext()) r += e.Current; return r; }
  public static string G(Dictionary<string, int> l) { var e = l.GetEnumerator(); string r = ""; while (e.MoveNext()) r += e.Current.Key + e.Current.Value; var k = l.Keys.GetEnumerator(); while (k.MoveNext()) r += k.Current; return r; }
}
public static class Program {
  static string Body() { return T.A(new KeyValuePair<string, object>("k", "o")) + T.B(("a", 2)) + T.C(new GS<string> { v = "x", n = 4 }) + T.D(new GS<int> { v = 6, n = 4 }) + T.E(3, null) + T.F(new List<string> { "p", "q" }) + T.G(new Dictionary<string, int> { { "a", 1 } }) + "\n"; }
  public static int Main(string[] args) { return Harness.Run(Body); }
}
