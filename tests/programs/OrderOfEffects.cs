// native: Order::* Flow::* Flow+*::*
// gc: yes
// compiler: roslyn
// In which order things happen: operands and the checks of what they are used for, copies of structs, two-pass
// exception handling, static constructors that fail or wait for each other, threads, async streams, delegates.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

unsafe struct Huge { public fixed byte B[70000]; public int Last; public string S() => "" + Last; }
class BigC { public Huge A; public Huge B; public int Last; public object O; public string Str; public (int, string) T; public readonly int RO = 5; public int[] Arr; public BigC Next; public static BigC Nul; public virtual int V() => 1; public int NV() => 2; public int P { get; set; } public Action Ev; public decimal D; // not stored to through null: 3.1's JIT crashes where the offset is large
    public event Action E2; public void Fire() => E2(); }
struct Mut { public int N; public int Inc() => ++N; public override string ToString() => "M" + N++; public Mut With(int k) { N += k; return this; } public int this[int i] { get { N += i; return N; } set { N = value * i; } } }
class Hold { public readonly Mut R; public Mut W; public Mut P { get; set; } public readonly Mut[] A = new Mut[2]; public ref Mut Ref => ref A[1]; }
static unsafe class Order
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining; static StringBuilder o = new();
    [MethodImpl(NI)] static T G<T>(T t, string n) { o.Append(n).Append(' '); return t; }
    [MethodImpl(NI)] static T Boom<T>(string n) { o.Append(n).Append("! "); throw new FormatException(n); }
    static void Try(string n, Action a) { o.Append(n).Append(": "); try { a(); o.Append("ok"); } catch (Exception e) { o.Append(e.GetType().Name); } o.Append('\n'); }
    static BigC nul; static int[] ia; static string str; static object[] oa; static int zero; static BigC[] bc = new BigC[2];
    [MethodImpl(NI)] static void A1() { nul.Last = G(1, "v"); }
    [MethodImpl(NI)] static void A2() { G(nul, "t").Last = G(1, "v"); }
    [MethodImpl(NI)] static void A3() { G(ia, "a")[G(1, "i")] = G(2, "v"); }
    [MethodImpl(NI)] static void A4() { G(new int[2], "a")[G(5, "i")] = G(2, "v"); }
    [MethodImpl(NI)] static void A5() { G(new int[2], "a")[G(5, "i")] += G(2, "v"); }
    [MethodImpl(NI)] static void A6() { G(nul, "t").Arr[G(0, "i")] = G(1, "v"); }
    [MethodImpl(NI)] static void A7() { G(nul, "t").NV().ToString(); }
    [MethodImpl(NI)] static void A8() { G(nul, "t").T.Item2 = G("s", "v"); }
    [MethodImpl(NI)] static void A9() { ref int r = ref nul.Last; G(1, "after"); r = 4; }
    [MethodImpl(NI)] static void A10() { o.Append(nul.B.Last); }
    [MethodImpl(NI)] static void A11() { o.Append(nul.A.B[5]); }
    [MethodImpl(NI)] static void A12() { Huge h = nul.B; o.Append(h.Last); }
    [MethodImpl(NI)] static void A13() { nul.B = default; }
    [MethodImpl(NI)] static void A14() { G(oa = new string[1], "a")[G(0, "i")] = G<object>(5, "v"); }
    [MethodImpl(NI)] static void A15() { G(oa = new string[1], "a")[G(3, "i")] = G<object>(5, "v"); }
    [MethodImpl(NI)] static void A16() { int x = G(1, "l") / G(zero, "z") + G(3, "n"); o.Append(x); }
    [MethodImpl(NI)] static void A17() { o.Append(G(1, "l") + Boom<int>("b") + G(int.Parse("x"), "n")); }
    [MethodImpl(NI)] static void A18() { lock (str) { o.Append("in"); } }
    [MethodImpl(NI)] static void A19() { foreach (var x in oa = null) o.Append(x); }
    [MethodImpl(NI)] static void A20() { nul.Ev(); }
    [MethodImpl(NI)] static void A21() { nul.P += G(1, "v"); }
    [MethodImpl(NI)] static void A22() { nul.V(); }
    [MethodImpl(NI)] static void A23() { o.Append(checked(G(int.MaxValue, "m") + G(1, "one")) * G(2, "no")); }
    [MethodImpl(NI)] static void A24() { bc[1] = new BigC(); bc[G(1, "i")].T = (G(1, "x"), Boom<string>("y")); }
    [MethodImpl(NI)] static void A25() { o.Append(bc[1].T); bc[0].D = decimal.Parse("1.5"); }
    [MethodImpl(NI)] static void A26() { (bc[1].T.Item1, bc[1].Last) = (G(7, "a"), G(8, "b")); o.Append(bc[1].T).Append(bc[1].Last); }
    [MethodImpl(NI)] static void A27() { new BigC().Fire(); }
    [MethodImpl(NI)] static void A28() { object q = G<object>(5L, "q"); int z = (int)q; o.Append(z); }
    [MethodImpl(NI)] static void A29() { string s = (string)G<object>(bc, "q"); o.Append(s); }
    [MethodImpl(NI)] static void A30() { int? n = G((int?)null, "n"); o.Append(n.Value + G(1, "no")); }
    [MethodImpl(NI)] static void A31() { var s = G(ia, "s").AsSpan(); o.Append(s.Length); o.Append(s[0]); }
    [MethodImpl(NI)] static void A32() { int n = G(-1, "n"); var a = new int[n, G(2, "m")]; }
    [MethodImpl(NI)] static void A33() { o.Append(str.Length); }
    [MethodImpl(NI)] static void A34() { o.Append(str[G(0, "i")]); }
    [MethodImpl(NI)] static void A35() { o.Append("abc"[G(3, "i")]); }
    [MethodImpl(NI)] static void A36() { o.Append((long)long.Parse("-9223372036854775808") / G(-1L, "m")); }
    [MethodImpl(NI)] static void A37() { o.Append(int.Parse("-2147483648") % G(-1, "m")); }
    [MethodImpl(NI)] static void A38() { bc.CopyTo(null, 0); }
    [MethodImpl(NI)] static void A39() { nul.Next.Next = nul; }
    [MethodImpl(NI)] static void A40() { BigC b = bc[1]; b.Next = b; b.Next.Next.Arr[0]++; }
    [MethodImpl(NI)] static void A41() { o.Append(nul.D); }
    [MethodImpl(NI)] static void A43() { Func<int> f = nul.NV; }
    [MethodImpl(NI)] static void A44() { Func<int> f = nul.V; }
    [MethodImpl(NI)] static string Muts() { var h = new Hold(); int i = 2; int[] a = { 1, 2, 3, 4, 5 }; string r = "" + h.R.Inc() + h.R.Inc() + h.W.Inc() + h.W.Inc() + h.P.Inc() + h.P.Inc() + h.A[0].Inc() + h.A[0].Inc() + h.Ref.Inc() + h.Ref.Inc() + h.Ref[3] + (h.Ref[2] = 4) + h.A[1].N; i = i++ + ++i; a[(i++ & 3)] = i; a[a[0] & 3]++; r += i + string.Join("", a); Mut m = new Mut { N = 1 }; Mut c = m.With(2).With(3); r += m.N + "," + c.N; object b = m; r += b.ToString() + b.ToString() + ((Mut)b).N; IEnumerable<Mut> e = new List<Mut> { m, c }; foreach (var q in e) r += q.With(1).N; var l = new List<Mut> { m }; l[0].Inc(); r += l[0].N; var d = new Dictionary<string, Mut> { ["a"] = m }; d["a"].Inc(); r += d["a"].N; ref readonly Mut rr = ref h.W; rr.Inc(); r += rr.N; Gen(ref m); r += m.N; (m, c) = (c, m); r += m.N + "" + c.N; m = m with { N = m.N * 2 }; r += m; int x = 5; x += x++ * 2 + x; r += x; x = x++; r += x; int y = x ^= 3; r += y; return r; }
    [MethodImpl(NI)] static void Gen<T>(ref T t) { t.ToString(); T u = t; u.ToString(); t.ToString(); object b = t; b.ToString(); }
    struct Agg { public string A; public long B; public double C; public object D; public int E; } static Agg sa;
    [MethodImpl(NI)] static Agg Alias(ref Agg r, int k) { r.A = "changed" + k; GC.Collect(0); return new Agg { A = r.A + "!", B = r.B + 1, C = k, D = r.D, E = r.E }; }
    [MethodImpl(NI)] static Agg AliasThrow(ref Agg r) { var x = new Agg { A = "half" }; if (r.E == 0) throw new FormatException(); return x; }
    [MethodImpl(NI)] static string Aliases() { Agg l = new Agg { A = "l", B = 5, D = "d" }; l = Alias(ref l, 1); string r = l.A + l.B + l.C + l.D; var arr = new Agg[2]; arr[1] = l; arr[1] = Alias(ref arr[1], 2); r += arr[1].A + arr[1].B; sa = l; sa = Alias(ref sa, 3); r += sa.A; try { arr[1] = AliasThrow(ref arr[1]); } catch (FormatException) { r += arr[1].A; } try { l = AliasThrow(ref l); } catch (FormatException) { r += l.A; } try { sa = AliasThrow(ref arr[0]); } catch (FormatException) { r += sa.A; } var box = new StrongBox<Agg>(l); box.Value = Alias(ref box.Value, 4); r += box.Value.A; Agg[] two = { l, l }; (two[0], two[1]) = (Alias(ref two[1], 5), Alias(ref two[0], 6)); return r + two[0].A + two[1].A; }
    [MethodImpl(NI)] static string Pinned() { var arrs = new byte[50][]; for (int i = 0; i < 50; i++) { arrs[i] = new byte[100]; _ = new byte[50 * i]; } string r = ""; fixed (byte* p = arrs[3], q = &arrs[7][5]) fixed (char* c = "xyz") { GC.Collect(2, GCCollectionMode.Forced, true, true); p[1] = 5; q[0] = 6; for (int i = 0; i < 2000; i++) { _ = new byte[100]; if (i % 500 == 0) GC.Collect(0); } p[2] = p[1]; r += c[1]; } return r + arrs[3][1] + arrs[3][2] + arrs[7][5]; }
    [MethodImpl(NI)] static int Locals32(int a) { int b = a + 1, c = b * 2, d = c ^ a, e = d - b, f = e * c, g = f + d, h = g ^ e, i = h + f, j = i - g, k = j * h; try { if (k % 2 == 0) throw new Exception(); b += k; } catch { c += b; d -= c; e ^= d; f += e; } finally { g += f; h ^= g; i -= h; } return a + b + c + d + e + f + g + h + i + j + k; }
    public static string Body() { o.Clear(); bc = new BigC[2]; int n = 0; foreach (var a in new Action[] { A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17, A18, A19, A20, A21, A22, A23, A24, A25, A26, A27, A28, A29, A30, A31, A32, A33, A34, A35, A36, A37, A38, A39, A40, A41, A43, A44 }) Try("A" + ++n, a); foreach (var f in new Func<string>[] { Muts, Aliases, Pinned, () => Locals32(3) + "," + Locals32(8) }) o.Append(f()).Append('\n'); return o.ToString(); }
}

class Flow
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    static StringBuilder o = new();
    static void L(string s) => o.Append(s).Append('\n');
    // order of filters and finallys
    [MethodImpl(NI)] static bool F(string n, bool r) { o.Append("F" + n + r + " "); return r; }
    [MethodImpl(NI)] static bool FThrow(string n) { o.Append("FT" + n + " "); throw new Exception("in filter"); }
    [MethodImpl(NI)] static void Two(int k) { try { try { try { Three(k); } finally { o.Append("f1 "); } } catch (InvalidOperationException e) when (F("a" + e.Message, k == 1)) { o.Append("ca "); } finally { o.Append("f2 "); } } catch (Exception e) when (FThrow("x") || F("no", true)) { o.Append("never "); } }
    [MethodImpl(NI)] static void Three(int k) { int local = 3; try { try { if (k < 4) throw new InvalidOperationException("m" + k); object x = null; if (k == 4) x.ToString(); if (k == 5) ((Action)null)(); } finally { local++; o.Append("t" + local + " "); if (k == 2) try { throw new ArgumentException(); } catch (ArgumentException) when (F("inner" + local, true)) { local += 10; o.Append("ci" + local + " "); } } } catch (InvalidOperationException) when ((local += 100) > 100 && F("b" + local, false)) { } finally { o.Append("t2" + local + " "); if (k == 3) throw new TimeoutException("replaced"); } }
    // rethrow, throw ex, stack traces
    [MethodImpl(NI)] static void Deep3() => throw new InvalidOperationException("deep");
    [MethodImpl(NI)] static void Deep2() { try { Deep3(); } catch (InvalidOperationException) { o.Append("r"); throw; } }
    [MethodImpl(NI)] static void Deep1(bool same) { try { Deep2(); } catch (Exception e) { if (same) throw; throw new AggregateException("wrapped", e); } }
    static string Trace(Exception e) => string.Join(">", (e.StackTrace ?? "").Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith("at ")).Select(l => { l = l[3..]; int p = l.IndexOf(" in "); return p < 0 ? l : l[..p]; }));
    // leave out of nested finallys in loops
    [MethodImpl(NI)] static int Loops(int n) { int c = 0; for (int i = 0; i < n; i++) { try { try { if (i % 3 == 0) continue; if (i == 7) break; if (i == 5) goto outer; c += i; } finally { c += 1000; try { if (i == 4) throw new Exception(); } catch { c += 7; continue2: ; } } } finally { c += 10000; } c++; outer: c += 3; } return c; }
    [MethodImpl(NI)] static int RetFromFinallyTry(int k) { int x = 1; try { try { x = 2; return x + k; } finally { x = 50; if (k > 5) throw new FormatException(); } } catch (FormatException) when (x == 50) { return x; } finally { x = 99; L("x=" + x); } }
    [MethodImpl(NI)] static (int, string, double) BigRet(int k) { try { return (k, "s" + k, 10.0 / k); } catch (Exception) { return (-1, null, 0); } finally { if (k == 3) o.Append("three "); } }
    // cctor
    class Bad { public static int V; static Bad() { o.Append("badcctor "); V = 1; throw new InvalidOperationException("cc"); } [MethodImpl(NI)] public static int Get() => V; public int Inst() => 4; public static readonly object Obj = new(); }
    class BadLazy { public static int W = Thrower(); static int Thrower() => throw new ArgumentException("lazy"); }
    class CA { public static int A = CB.B + 1; [MethodImpl(NI)] static CA() { o.Append("CA "); } } class CB { public static int B = CA.A + 10; static CB() { o.Append("CB "); } }
    class GS<T> { public static int N; public static T D; public static List<T> Ls = new(); static GS() { o.Append("GS<" + typeof(T).Name + "> "); N = 5; } [MethodImpl(NI)] public static int Inc() => ++N; }
    struct SS { public static int K = Init(); static int Init() { o.Append("SSinit "); return 3; } public int F; public SS(int x) { F = x; } [MethodImpl(NI)] public int M() => F + 1; static SS() { o.Append("SScctor "); } }
    struct SD { static SD() { o.Append("SDcctor "); } public int F; [MethodImpl(NI)] public int M() => F; public override string ToString() => "SD"; [MethodImpl(NI)] public static int St() => 5; }
    [MethodImpl(NI)] static string Cctors() { string r = ""; for (int i = 0; i < 3; i++) try { r += Bad.Get(); } catch (TypeInitializationException e) { r += e.TypeName + e.InnerException.Message + "," + ReferenceEquals(e, again ?? e); again = e; } try { new Bad().Inst(); r += "inst"; } catch (TypeInitializationException) { r += "tie"; } try { r += Bad.Obj; } catch (TypeInitializationException) { r += "tie2"; } try { r += BadLazy.W; } catch (TypeInitializationException e) { r += e.InnerException.GetType().Name; } return r; }
    static Exception again;
    [MethodImpl(NI)] static string Circular() => CA.A + "," + CB.B;
    [MethodImpl(NI)] static string Gens() => GS<int>.Inc() + "," + GS<string>.Inc() + "," + GS<object>.Inc() + "," + GS<string>.Inc() + GS<SS>.Inc() + (GS<string>.D == null) + GS<SS>.D.F + ReferenceEquals(GS<string>.Ls, GS<object>.Ls) + GenM<Guid>() + GenM<string>() + GenM<int[]>();
    [MethodImpl(NI)] static int GenM<T>() { GS<T>.N += 3; GS<T>.Ls.Add(GS<T>.D); return GS<T>.Inc() + GS<List<T>>.Inc() + GS<T>.Ls.Count; }
    [MethodImpl(NI)] static string Structs() { SS a = default; string r = a.M() + ","; SS b = new SS(5); r += b.M(); SD d = default; r += d.M() + d.ToString() + SD.St(); return r; }
    // threads
    [ThreadStatic] static int ts; [ThreadStatic] static string tstr; static AsyncLocal<string> al = new();
    [MethodImpl(NI)] static string Threads() { ts = 5; tstr = "main"; string r = ""; var t = new Thread(() => { r += ts + (tstr ?? "null"); ts++; tstr = "t"; r += ts + tstr; }); t.Start(); t.Join(); return r + ts + tstr; }
    [MethodImpl(NI)] static string Interrupt() { string r = ""; object l = new(); var t = new Thread(() => { try { lock (l) { Monitor.Wait(l); } } catch (ThreadInterruptedException) { r += "interrupted"; } finally { r += "fin"; } }); t.Start(); while (t.ThreadState != ThreadState.WaitSleepJoin) Thread.Yield(); t.Interrupt(); t.Join(); bool taken = false; try { Monitor.Enter(l, ref taken); Monitor.PulseAll(l); } finally { if (taken) Monitor.Exit(l); } try { Monitor.Exit(l); } catch (SynchronizationLockException) { r += "sync"; } return r; }
    [MethodImpl(NI)] static string PingPong() { object l = new(); int turn = 0; var sb = new StringBuilder(); void Go(int me) { for (int i = 0; i < 5; i++) lock (l) { while (turn != me) Monitor.Wait(l); sb.Append(me); turn = 1 - me; Monitor.PulseAll(l); } } var a = new Thread(() => Go(0)); var b = new Thread(() => Go(1)); a.Start(); b.Start(); a.Join(); b.Join(); return sb.ToString(); }
    class LG<T> { int n; [MethodImpl(MethodImplOptions.Synchronized)] public void Inc() { n++; } public void Inc2() { lock (this) { n++; lock (typeof(T)) n++; } } [MethodImpl(MethodImplOptions.Synchronized)] public static int St(int x) { return x == 0 ? throw new Exception("sync") : x; } public int N => n; }
    [MethodImpl(NI)] static string Locks() { var g = new LG<string>(); Parallel.For(0, 200, i => { g.Inc(); g.Inc2(); }); string r = g.N + ""; try { LG<int>.St(0); } catch { r += Monitor.IsEntered(typeof(LG<int>)); } return r + LG<int>.St(3); }
    static async IAsyncEnumerable<int> Stream([EnumeratorCancellation] CancellationToken ct = default) { try { for (int i = 0; ; i++) { await Task.Yield(); ct.ThrowIfCancellationRequested(); if (i == 6) throw new InvalidOperationException("s6"); yield return i; } } finally { await Task.Delay(1); o.Append("streamfin "); } }
    static async Task<string> Streams() { string r = ""; await foreach (int i in Stream()) { if (i == 3) break; r += i; } using var cts = new CancellationTokenSource(); try { await foreach (int i in Stream().WithCancellation(cts.Token)) { r += i; if (i == 2) cts.Cancel(); } } catch (OperationCanceledException) { r += "canc"; } try { await foreach (int i in Stream()) r += i; } catch (InvalidOperationException e) when (e.Message == "s6") { await Task.Yield(); r += "ex"; } return r; }
    struct AsyncDisp : IAsyncDisposable { public string N; public async ValueTask DisposeAsync() { await Task.Yield(); o.Append("ad" + N + " "); } }
    static async ValueTask<(int, string)> VT(int n) { await using var d = new AsyncDisp { N = "q" + n }; if (n == 0) return (0, "sync"); al.Value = "in" + n; var (a, b) = await VT(n - 1); try { if (n == 2) throw new Exception("e"); } catch (Exception) { await Task.Yield(); b += al.Value; } finally { await Task.Delay(1); b += "f"; } return (a + n, b); }
    static IEnumerable<int> It(string n) { try { yield return 1; try { yield return 2; } finally { o.Append(n + "inner "); } yield return 3; } finally { o.Append(n + "outer "); } }
    [MethodImpl(NI)] static void Iters() { foreach (int i in It("a")) if (i == 2) break; using (var e = It("b").GetEnumerator()) { e.MoveNext(); } var x = It("c").GetEnumerator(); while (x.MoveNext()) ; x.Dispose(); try { foreach (int i in It("d")) if (i == 3) throw new Exception(); } catch { o.Append("caught "); } L(""); }
    // delegates
    delegate int D(int x); delegate ref int RD(int[] a); static int Add(int x) { o.Append("add" + x + " "); return x + 1; } int k = 9; int Inst(int x) { o.Append("inst" + (this == null ? "null" : k) + " "); return x * 2; } virtual protected int Vi(int x) => x + k;
    static int Thr(int x) => throw new InvalidOperationException("mc" + x);
    struct DS { public int F; public int M(int x) { F += x; return F; } }
    static int Closed(string s, int x) => (s ?? "null").Length + x; static ref int RRef(int[] a) => ref a[1];
    [MethodImpl(NI)] static string Delegates() { D m = Add; m += new Flow().Inst; m += Add; string r = m(3) + ","; m -= Add; r += m(4) + ","; m += Thr; m += Add; try { m(5); } catch (InvalidOperationException e) { r += e.Message; } var ds = new DS { F = 1 }; D sd = ds.M; sd(5); r += sd(6) + "," + ds.F; 
        var cl = (D)Delegate.CreateDelegate(typeof(D), "four", typeof(Flow).GetMethod("Closed", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)); r += cl(10); var cn = (D)Delegate.CreateDelegate(typeof(D), null, typeof(Flow).GetMethod("Closed", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)); r += cn(20); var ni = (D)Delegate.CreateDelegate(typeof(D), null, typeof(Flow).GetMethod("Inst", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance), false); r += ni == null; var oi = (Func<Flow, int, int>)Delegate.CreateDelegate(typeof(Func<Flow, int, int>), typeof(Flow).GetMethod("Vi", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance)); r += oi(new Flow(), 3) + oi(new Der(), 3);
        int[] a = { 1, 2 }; RD rd = RRef; rd(a) += 40; r += a[1]; Func<string, int> ext = "abc".Ext; r += ext("z"); Func<object> cov = new Func<string>(() => "cov"); Action<string> contra = new Action<object>(x => o.Append(x)); contra("contra "); r += cov(); Func<int> nul = null; try { nul(); } catch (NullReferenceException) { r += "nre"; } r += ((Delegate)m).GetInvocationList().Length + ((Func<string, int>)"abc".Ext == ext ? "eq" : "ne"); try { string sn = null; Func<string> f = sn.Trim; r += "no"; } catch (Exception e) { r += e.GetType().Name; } D vd = new Der().Vi2(); r += vd(1); return r + m.DynamicInvokeSafe(); }
    class Der : Flow { protected override int Vi(int x) => base.Vi(x) * 100; public D Vi2() => base.Vi; }
    public static string Body()
    {
        o.Clear(); ts = 0; tstr = null;
        for (int k = 0; k < 6; k++) { try { Two(k); L("none"); } catch (Exception e) { L(e.GetType().Name + e.Message + " " + Trace(e)); } }
        foreach (bool b in new[] { true, false }) try { Deep1(b); } catch (Exception e) { L(Trace(e) + "|" + (e.InnerException == null ? "" : Trace(e.InnerException))); }
        L(Loops(12) + ""); L(RetFromFinallyTry(1) + ""); L(RetFromFinallyTry(9) + ""); L(BigRet(3) + "" + BigRet(0));
        if (again == null) { L(Circular()); L(Structs()); } L(Cctors()); string g = Gens(); if (once) { L(g); once = false; first = o.ToString(); o.Clear(); } else o.Clear();
        L(Threads()); L(Interrupt()); L(PingPong()); L(Locks()); L(Streams().Result); L(VT(3).AsTask().Result + (al.Value ?? "none")); Iters(); L(Delegates());
        return first + o.ToString();
    }
    static bool once = true; static string first;
}
static class Exts { public static int Ext(this string s, string t) => s.Length * 10 + t.Length; public static string DynamicInvokeSafe(this Delegate d) { try { d.DynamicInvoke(7); return "ok"; } catch (System.Reflection.TargetInvocationException e) { return e.InnerException.Message; } } }

static class Program { static int Main() { return Harness.Run(() => Order.Body() + Flow.Body()); } }
