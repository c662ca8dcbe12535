// native: T::*
using System; using System.Collections.Generic;
public abstract class V { public abstract string Get<T>(T x, int n); public virtual int Cnt<T>() { return typeof(T).Name.Length; } }
public class D1 : V { public int k = 3; public override string Get<T>(T x, int n) { return "D1" + typeof(T).Name + x + n + k; } }
public class D2 : D1 { public override string Get<T>(T x, int n) { return "D2" + typeof(T).Name + x + n; } public override int Cnt<T>() { return base.Cnt<T>() + 100; } }
public interface IV { T Id<T>(T x); KeyValuePair<T, U> Pair<T, U>(T t, U u); }
public class IV1 : IV { public T Id<T>(T x) { return x; } public KeyValuePair<T, U> Pair<T, U>(T t, U u) { return new KeyValuePair<T, U>(t, u); } }
public struct IV2 : IV { public int q; public T Id<T>(T x) { q++; return x; } public KeyValuePair<T, U> Pair<T, U>(T t, U u) { q++; return new KeyValuePair<T, U>(t, u); } }
public interface IG<T> { T M(T x); } public class IGs : IG<string>, IG<int> { public string M(string x) { return x + "!"; } public int M(int x) { return x + 1; } }
public static class T {
  public static string A(V v) { return v.Get("s", 1) + v.Get(5, 2) + v.Get(new object[0], 3) + v.Cnt<string>() + v.Cnt<DateTime>(); }
  public static string B(IV v) { var p = v.Pair("a", 3); var q = v.Pair(4, 5L); return v.Id("x") + v.Id(7) + v.Id(2.5) + p.Key + p.Value + q.Key + q.Value; }
  public static string C(IG<string> a, IG<int> b) { return a.M("q") + b.M(4); }
  public static Func<string, int, string> Dg(V v) { return v.Get<string>; }
  public static string E(V v) { return Dg(v)("z", 9); }
  public static string F(IV v) { return v.Id((string)null) == null ? "n" : "x"; }
}
public static class Program {
  static string Try(Func<string> f) { try { return f(); } catch (Exception e) { return e.GetType().Name; } }
  static string Body() { return T.A(new D1()) + T.A(new D2()) + T.B(new IV1()) + T.B(new IV2()) + T.C(new IGs(), new IGs()) + T.E(new D1()) + T.E(new D2()) + T.F(new IV1()) + Try(() => T.A(null)) + Try(() => T.B(null)) + Try(() => T.E(null)) + "\n"; }
  public static int Main(string[] args) { return Harness.Run(Body); }
}
