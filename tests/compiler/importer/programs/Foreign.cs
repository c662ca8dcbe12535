// native: MyEx::* MyStream::* MyList::* SP::.ctor SP::Inc Precise::* TS::* Native::Call G::Nul G::Use* G::Lo* G::Big G::Dec C::Enums C::Structs C::Order C::Aliases C::Self W::* D::Del Wrap::*
using System; using System.Collections.Generic; using System.Collections.ObjectModel; using System.IO; using System.Text; using System.Threading;
using System.Runtime.CompilerServices; using System.Runtime.InteropServices;
public class MyEx : Exception { public int code; public string extra; public long big; public MyEx(int c, string e) : base(e) { code = c; extra = e; big = c * 3L; } public int Get() { return code + extra.Length + (int)big; } }
public class MyList : Collection<string> { public int adds; protected override void InsertItem(int i, string s) { adds++; base.InsertItem(i, s + "!"); } public int Adds() { return adds; } }
public class MyStream : MemoryStream { public byte b; public object o; public int n; public MyStream(object x) { o = x; b = 7; n = 9; } public override void WriteByte(byte v) { n += v; base.WriteByte((byte)(v + b)); } }
public struct SP { public static int count; public int x; static SP() { count = 100; } public SP(int v) { x = v; count++; } public int Inc() { return ++x; } public override string ToString() { return "SP" + x; } }
public class Precise { public static string log = ""; public static int V; static Precise() { V = 5; Log.Add("cctor"); } public Precise() { Log.Add("ctor"); } public static int F() { Log.Add("F"); return 1; } public int I() { return V; } }
public static class Log { public static StringBuilder s = new StringBuilder(); public static void Add(string x) { s.Append(x).Append(';'); } }
public static class TS { [ThreadStatic] public static int a; [ThreadStatic] public static string b; public static int Use() { a += 3; b = b + "q"; return a + b.Length; } }
public static class Native { [DllImport("libc")] static extern int getpid(); [DllImport("libc")] static extern int abs(int x); [DllImport("libc", CharSet=CharSet.Ansi)] static extern IntPtr strlen(string s);
  public static int Call() { int p = getpid(); return (p > 0 ? 1 : 0) + abs(-41) + (int)strlen("hello"); } }
public interface IShape { double Area(); string Name { get; } }
public struct Sq : IShape { public double s; public double Area() { return s * s; } public string Name { get { return "sq"; } } }
public static class G {
  public static string Lists() { var l = new List<string>(); l.Add("a"); l.Add("b"); l.Insert(0, "z"); var d = new Dictionary<string,int>(); d["x"] = 1; d["y"] = 2; int v; d.TryGetValue("y", out v); string r = ""; foreach (var s in l) r += s; foreach (var k in d) r += k.Key + k.Value; IEnumerable<string> e = l; var en = e.GetEnumerator(); while (en.MoveNext()) r += en.Current; return r + v + string.Join(",", l.ToArray()); }
  public static string Nul(int? a, DateTime? d) { return (a.HasValue ? a.Value : -1) + "" + d.HasValue + a.GetValueOrDefault(4) + a.ToString(); }
  public static KeyValuePair<string,int> KV(string s) { return new KeyValuePair<string,int>(s, s.Length); }
  public static string UseKV() { var k = KV("abc"); var t = Tuple.Create(1, "x"); return k.Key + k.Value + t.Item1 + t.Item2 + k; }
  public static int Empty() { return Array.Empty<string>().Length + new string[3].Length; }
  public static string Lock() { return Interlocked.CompareExchange(ref obj, "n", null) + (string)obj; } static object obj;
  public static decimal Dec(decimal a, decimal b) { return a * b + 1.5m; }
  public static string Big(Guid g, DateTime d, TimeSpan t) { return g.ToString() + d.Add(t).Ticks + t.TotalSeconds; }
  public static Guid RetG(byte b) { return new Guid(1, 2, 3, b, 5, 6, 7, 8, 9, 10, 11); }
  public static DateTime Later(DateTime d) { return d.AddDays(1); }
}
public static class D {
  static int st(int x) { return x + 1; }
  public static string Del() { Func<int,int> f = st; Func<string> g = "abc".ToString; object o = new SP(3); Func<string> h = o.ToString; Action<int> a = x => Log.Add("l" + x); a(4); IShape s = new Sq { s = 3 }; Func<double> ar = s.Area; EventHandler ev = null; ev += (q, w) => Log.Add("ev"); ev(null, EventArgs.Empty); Comparison<string> c = string.CompareOrdinal; return f(1) + g() + h() + ar() + c("a", "b").CompareTo(0); }
}
public static class C {
  public static string Con<T>(T t) { return t.ToString(); }
  public static string Enums(DayOfWeek d) { return d.ToString() + d.GetHashCode() + d.Equals(DayOfWeek.Monday) + d.HasFlag(DayOfWeek.Friday) + d.GetType().Name; }
  public static string Structs(SP p, Sq q) { return p.ToString() + p.GetHashCode().GetType() + q.Area() + q.Name + ((IShape)q).Area() + p.Equals(p) + q.GetType(); }
  public static string Ints(int i, long l, char c, bool b, double d) { return i.ToString() + l.ToString() + c.ToString() + b + d.ToString("R") + i.CompareTo(3) + c.Equals('x') + i.GetType(); }
  public static int Aliases() { SP a = new SP(1), b = a; a.x = 5; SP c = a; a = b; b = c; Swap(ref a, ref b); return a.x * 10 + b.x; }
  static void Swap(ref SP a, ref SP b) { SP t = a; a = b; b = t; }
  static SP Make(int v) { return new SP(v); }
  public static int Order() { SP a = Make(1); return Take(a, Chg(ref a), a); } static int Chg(ref SP a) { a.x = 50; return 2; } static int Take(SP p, int q, SP r) { return p.x * 1000 + q * 100 + r.x; }
  public static int Self() { SP a = new SP(7); a = new SP(a.x + a.Inc()); return a.x; }
}
public struct Wrap { public SP p; public string s; public Wrap(SP q, string t) { p = q; s = t; } public Wrap(Wrap w) { p = w.p; s = w.s + "w"; } }
public static class W { public static string Run() { var w = new Wrap(new SP(4), "k"); w = new Wrap(w); w = new Wrap(w); Wrap[] ws = { w, new Wrap(new SP(8), "m") }; ws[1].p.x++; var z = ws[1]; z.s = "c"; return w.p.x + w.s + ws[0].s + ws[1].p.x + z.s + ws[1].s + new Wrap().s; } }
public static class Program {
  static string Try(Func<string> f) { try { return f(); } catch (Exception e) { return e.GetType().Name; } }
  static string r; static string Body() { return r ?? (r = Body0()); } static string Body0() {
    var sb = new StringBuilder();
    sb.Append(new MyEx(4, "foo").Get()).Append('|');
    var ml = new MyList(); ml.Add("p"); ml.Add("q"); sb.Append(ml.Adds()).Append(ml[1]).Append('|');
    var ms = new MyStream("o"); ms.WriteByte(3); ms.WriteByte(4); sb.Append(ms.n).Append(ms.ToArray()[1]).Append(ms.o).Append(ms.b).Append('|');
    sb.Append(SP.count).Append(new SP(3).Inc()).Append(SP.count).Append('|');
    Log.Add("before"); Precise.F(); new Precise().I(); sb.Append(Precise.V).Append('|');
    sb.Append(TS.Use()).Append(TS.Use()).Append('|').Append(Native.Call()).Append('|');
    sb.Append(G.Lists()).Append(G.Nul(3, null)).Append(G.Nul(null, DateTime.MinValue)).Append(G.UseKV()).Append(G.Empty()).Append(G.Lock()).Append(G.Dec(2.5m, 4m)).Append(G.Big(G.RetG(4), new DateTime(2020,1,2), TimeSpan.FromSeconds(9))).Append(G.Later(new DateTime(2020,1,2)).Day).Append('|');
    sb.Append(D.Del()).Append(C.Con(5)).Append(C.Enums(DayOfWeek.Friday)).Append(C.Structs(new SP(2), new Sq { s = 1.5 })).Append(C.Ints(1, 2, 'c', true, 1.5)).Append(C.Aliases()).Append(C.Order()).Append(C.Self()).Append(W.Run());
    sb.Append(Try(() => { MyEx n = null; return n.Get() + ""; })).Append(Try(() => { IShape n = null; return n.Name; })).Append(Try(() => { Action n = null; n(); return ""; })).Append(Try(() => { string n = null; return n.Length + ""; })).Append(Try(() => { MyStream n = null; n.WriteByte(1); return ""; })).Append(Try(() => { object n = "x"; return ((int)n) + ""; })).Append(Try(() => { object n = new object[1]; return ((Exception)n) + ""; })).Append(Try(() => { int[] n = new int[2]; return n[2] + ""; })).Append(Try(() => { int m = -1; return new int[m * sb.Length] + ""; })).Append(Try(() => { object[] n = new string[1]; n[0] = new object(); return ""; }));
    sb.Append(Log.s);
    return sb.ToString() + "\n";
  }
  public static int Main(string[] args) { return Harness.Run(Body); }
}
