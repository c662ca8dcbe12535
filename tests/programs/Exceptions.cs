// native: Guard::C* Guard::[DEFGILMNORSTU]* Program::Body
// excluded-3.1: Guard::LoopInHandler exception-handling
// gc: yes
// compiler: roslyn
// Try, catch, finally, filters: every way in and out, with collections on the way.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;

class MyException : Exception { public int Code; public MyException(int code) : base("my " + code) { Code = code; } }
class Derived : MyException { public Derived(int code) : base(code) { } }
class Box { public int X; public object Other; }
struct Pair { public object A; public int B; public object C; public long D; }
struct Big { public long A, B; public double C; public int D; public short E; }

static class Log
{
    [ThreadStatic] static StringBuilder text;
    public static void Clear() { text = new StringBuilder(); }
    public static string Text { get { return text.ToString(); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Note(int k, Exception e, Box b)
    {
        Collect();
        text.Append('[').Append(k).Append(':').Append(e == null ? "-" : e.GetType().Name).Append(':').Append(b == null ? -1 : b.X).Append(']');
        return b == null ? 0 : b.X;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Collect() { for (int i = 0; i < 50; i++) GC.KeepAlive(new Box { X = i }); if (++count % 64 == 0) GC.Collect(0); }
    static int count;
}

static class Jitted
{
    // AggressiveOptimization methods are always left to the JIT.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int Boom(int v)
    {
        Log.Collect();
        if (v == 1) throw new InvalidOperationException("boom 1");
        if (v == 2) throw new MyException(2);
        if (v == 3) throw new Derived(3);
        if (v == 4) throw new ArgumentException("arg");
        if (v == 5) throw new NullReferenceException();
        if (v == 6) throw new FormatException();
        return v;
    }
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int Middle(int v) { try { return Guard.Middle(v) + 1; } finally { Log.Note(90, null, null); } }
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int Catcher(int v) { try { return Guard.Finally(v, new Box { X = 5 }); } catch (MyException e) { return Log.Note(91, e, null) + e.Code; } }
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int Code(Exception e) { return e is MyException m ? m.Code : 0; }
}

static class Guard
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Catch(int v, Box keep)
    {
        int local = 100;
        try { int r = Jitted.Boom(v); local = 55; local += Jitted.Boom(0); return keep.X + local + r; }
        catch (InvalidOperationException e) { local += Log.Note(1, e, keep) + 1010; }
        catch (MyException e) { local += Log.Note(2, e, keep) + 2010 + e.Code; }
        return local;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Finally(int v, Box keep)
    {
        int local = 3;
        try { Jitted.Boom(v); local = 10; }
        finally { local += Log.Note(3, null, keep); }
        return local;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Nested(int v, Box keep)
    {
        int r = 0;
        try
        {
            try { Jitted.Boom(v); }
            catch (InvalidOperationException e) { Log.Note(4, e, keep); r = 1000; }
            finally { Log.Note(5, null, keep); }
        }
        catch (MyException e) { Log.Note(6, e, keep); r = 2000; }
        return r + v;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Rethrow(int v)
    {
        try { return Jitted.Boom(v); }
        catch (Exception e) { Log.Note(7, e, null); throw; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int RethrowNested(int v)
    {
        try
        {
            try { return Jitted.Boom(v); }
            catch (Exception e)
            {
                try { Jitted.Boom(4); }
                catch (ArgumentException a) { Log.Note(71, a, null); }
                Log.Note(72, e, null);
                throw;
            }
        }
        catch (Exception e) { return Log.Note(73, e, null) + e.Message.Length; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int ThrowInCatch(int v)
    {
        try
        {
            try { return Jitted.Boom(v); }
            catch (Exception e) { Log.Note(8, e, null); throw new MyException(9); }
        }
        catch (MyException e) { Log.Note(9, e, null); return e.Code + 900; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int ReturnInTry(int v, Box keep)
    {
        try { if (Jitted.Boom(v) == 9) return 600; if (v == 8) return 700 + keep.X; return 500; }
        finally { Log.Note(11, null, keep); }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Middle(int v) { try { return Jitted.Boom(v); } finally { Log.Note(12, null, null); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Outer(int v) { try { return Jitted.Middle(v); } catch (MyException e) { Log.Note(13, e, null); return 333; } }
    static bool Test(Exception e, Box keep, int want) { Log.Note(14, e, keep); if (e is FormatException) throw new ArgumentException("in filter"); return Jitted.Code(e) == want; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Filter(int v, Box keep)
    {
        int local = 100;
        try { int r = Jitted.Boom(v); local = 70; return r; }
        catch (Exception e) when (Test(e, keep, 2)) { local += Log.Note(16, e, keep) + 4010; }
        catch (MyException e) { local += Log.Note(17, e, keep) + 5000; }
        return local;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int FilterNested(int v, Box keep)
    {
        int local = 100;
        try { return Jitted.Boom(v); }
        catch (InvalidOperationException e)
        {
            Log.Note(20, e, keep);
            try
            {
                try { Jitted.Boom(2); local = -5; }
                finally { Log.Note(21, null, keep); }
            }
            catch (MyException m) when (Test(m, keep, 2)) { local += Log.Note(22, m, keep) + 7010; }
        }
        return local;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string FilterLocals(int v, string text, long big, double d, Pair pair, Box keep)
    {
        int calls = 0; string seen = "none"; var p = pair; byte small = 200; double sum = d;
        try
        {
            p.B += 1; small += 10; seen = text + v; sum += big;
            Jitted.Boom(v);
            return "no";
        }
        catch (Exception e) when (++calls > 0 && (seen += "/" + e.Message + p.B + small) != null && (sum += p.D) > 0 && (p.A = e) != null && Log.Note(60, e, keep) == 1) { return "not me"; }
        catch (Exception e) when ((calls += 10) == 11 && Log.Note(61, e, keep) >= 0)
        {
            return calls + seen + sum + small + p.B + ((Exception)p.A).Message + p.C + keep.X + e.Message;
        }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int NullIn(Box b) { try { return b.X; } catch (NullReferenceException e) { return 888 + Log.Note(18, e, null); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int NullStore(Box b, int[] a, int i, int d)
    {
        int r = 0;
        try { b.X = 5; r += 1; } catch (NullReferenceException) { r += 2; }
        try { b.Other = a; r += 10; } catch (NullReferenceException) { r += 20; }
        try { r += a[i]; r += 100; } catch (NullReferenceException) { r += 200; } catch (IndexOutOfRangeException) { r += 400; }
        try { r += 100000 / d; r += 1000; } catch (DivideByZeroException) { r += 2000; }
        try { r += checked(int.MaxValue + d); r += 10000; } catch (OverflowException) { r += 20000; }
        try { r += a.Length; } catch (NullReferenceException) { r += 30000; }
        try { r += ((string)(object)b).Length; } catch (InvalidCastException) { r += 40000; } catch (NullReferenceException) { r += 50000; }
        try { r += (int)(object)a; } catch (InvalidCastException) { r += 100000; } catch (NullReferenceException) { r += 200000; }
        try { var n = new int[d - 1]; r += n.Length; } catch (OverflowException) { r += 1000000; }
        try { r += b.ToString().Length; } catch (NullReferenceException) { r += 2000000; }
        try { object[] o = new string[1]; o[0] = b; r += 4000000; } catch (ArrayTypeMismatchException) { r += 5000000; }
        return r;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int FinallyThrows(int v) { try { return Jitted.Boom(v); } finally { Log.Note(19, null, null); if (v != 0) throw new MyException(5); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Loop(int n)
    {
        int ok = 0;
        for (int i = 0; i < n; i++)
        {
            var a = new Box { X = i };
            try { Jitted.Boom(i & 3); if (i % 7 == 0) continue; if (i > 90) break; ok += 2; }
            catch (Exception e) { var b = new Box { X = i, Other = e }; a.Other = b; }
            finally { ok += a.X == i ? 1 : 1000; }
            if (a.Other is Box c && c.X != i) ok += 5000;
        }
        return ok;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int LoopInHandler(int v, int[] a)
    {
        int s = 0; object o = a;
        try { Jitted.Boom(v); s = 1; }
        catch (MyException e) { for (int i = 0; i < a.Length; i++) { s += a[i]; if (i % 100 == 0) s += Log.Note(40, i == 0 ? e : null, null); } }
        finally { foreach (int x in a) s ^= x; for (int i = 0; i < 3000; i++) s += i & (o == null ? 0 : 1); }
        return s;
    }
    // Leaves through several levels, from try and from catch, to several targets.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Levels(int v, int w)
    {
        int r = 0;
        for (int i = 0; i < 3; i++)
        {
            try
            {
                try
                {
                    try { if (w == 1) return r + 1; if (w == 2) continue; if (w == 3) break; if (w == 4) goto done; Jitted.Boom(v); r += 10; }
                    finally { r += 100; Log.Note(50, null, null); try { if (w == 5) Jitted.Boom(1); } catch (InvalidOperationException) { r += 7; } finally { r += 3; } }
                }
                catch (MyException) { if (w == 6) return r + 5; if (w == 7) break; if (w == 8) continue; r += 1000; }
                finally { r += 10000; Log.Note(51, null, null); }
                r += 2;
            }
            finally { r += 100000; Log.Note(52, null, null); if (w == 9) r += 4; }
        }
        r += 1000000;
    done:
        return r + 20;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Locked(object gate, int v) { int r = 1; try { lock (gate) { r = 2; Jitted.Boom(v); r = 3; } } catch (MyException) { r += 10; } return Monitor.IsEntered(gate) ? -1 : r; }
    sealed class Resource : IDisposable { public void Dispose() { Log.Note(30, null, null); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Using(int v) { try { using (new Resource()) using (v > 6 ? null : new Resource()) { return Jitted.Boom(v); } } catch (Exception e) { return e.Message.Length; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int ForEach(List<int> list, IEnumerable<int> items, int v)
    {
        int s = 0;
        foreach (int x in list) { if (x == v) continue; s += x; }
        try { foreach (int x in items) { s += Jitted.Boom(x) * 10; if (x == 99) break; } } catch (MyException e) { s += e.Code * 1000; }
        return s;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Pair StructResult(int v, Pair p) { Pair r = p; try { r = Make(v); r.B++; } catch (Exception) { r.D += 5; } finally { r.B += 100; } return r; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static Pair Make(int v) { Pair p; p.A = "a" + v; p.B = v; p.C = null; p.D = Jitted.Boom(v); return p; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Out(int v, out string s, ref Pair p) { s = "before"; try { p.B++; s = "in"; Jitted.Boom(v); s = "after"; } catch (Exception e) { p.A = e; s += e.Message; } finally { p.D++; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object Empty(object o) { try { } finally { o = o ?? "x"; } try { } catch (Exception) { o = "never"; } return o; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Deep(int n, int v) { try { return n == 0 ? Jitted.Boom(v) : Deep(n - 1, v) + 1; } finally { depth++; } }
    static int depth;
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int DeepCatch(int n, int v) { depth = 0; try { Deep(n, v); } catch (Exception e) { return depth * 10 + e.Message.Length; } return depth; }
    // The second handler contains a try block, whose clause stands between those of the first and of the second.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int NestedInSecond(int v)
    {
        try { return Jitted.Boom(v); }
        catch (InvalidOperationException) { return -1; }
        catch (MyException e) when (Log.Note(64, e, null) == 0) { try { return Jitted.Boom(e.Code + 2) + 1000; } catch (ArgumentException) { return -2; } finally { Log.Note(65, e, null); } }
        catch (Exception e) { try { return Jitted.Boom(e.Message.Length) + 2000; } catch (Exception) { return -3; } }
    }
    // What a handler throws is not for its siblings.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Siblings(int v)
    {
        int r = 0;
        try
        {
            try { r = Jitted.Boom(v) + Jitted.Boom(v + 1) + Jitted.Boom(v + 2); }
            catch (InvalidOperationException) { r += 10; throw new MyException(12); }
            catch (ArgumentException) { r += 20; try { Jitted.Boom(2); } finally { r += 1; } }
            catch (MyException e) when (e.Code == 2) { r += 30; try { Jitted.Boom(3); } catch (FormatException) { r += 2; } }
            catch (MyException) { r += 40; throw; }
            catch (NullReferenceException e) { r += 50; throw new FormatException("from five", e); }
            catch (Exception e) { r += 60; Log.Note(66, e, null); throw new InvalidOperationException("again"); }
        }
        catch (MyException e) { r += 1000 + e.Code; }
        catch (Exception e) { r += 2000 + e.Message.Length; }
        return r;
    }
    // Regions inside a handler, behind an earlier handler that has a try block around it as well.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int InLaterHandler(int v)
    {
        int r = 0;
        try
        {
            try { Jitted.Boom(v); }
            catch (InvalidOperationException) { r += 10; throw new ArgumentException("first"); }
            catch (ArgumentException) { r += 20; try { Jitted.Boom(2); } finally { r += Log.Note(81, null, null); } }
            catch (FormatException) { r += 30; try { Jitted.Boom(1); } catch (InvalidOperationException) { r += 5; } finally { r += Log.Note(82, null, null); } Jitted.Boom(3); }
        }
        catch (MyException e) { r += 1000 + e.Code; }
        catch (Exception) { r += 2000; }
        return r;
    }
    // Parameters that stay in the caller's frame, in handlers and filters.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Sizes(Big b, decimal m, Pair p, int v, Box keep)
    {
        try { b.A += v; b.E--; m *= 2; p.B += v; Jitted.Boom(v); b.D++; return "no" + b.A + b.E + m + p.B; }
        catch (MyException e) { m += e.Code; return "catch" + b.A + b.B + b.C + b.D + b.E + m + p.A + p.B + p.C + keep.X; }
        catch (Exception e) when (b.D == 4 && (b.B += 5) > 0 && m > 1 && Log.Note(62, e, (Box)p.C) == 7) { return "when" + b.A + b.B + b.C + b.D + b.E + m + p.A + p.B; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string References(ref int x, ref Pair p, Span<byte> s, in Big b, int v)
    {
        ref long d = ref p.D; bool flag = true; byte first = s[0]; sbyte negative = -7; char c = 'q';
        try { x++; d++; s[0]++; Log.Collect(); Jitted.Boom(v); return "none" + x + p.D + s[0]; }
        catch (Exception e) when (s.Length > 1 && x++ > 0 && d++ > 0 && (s = s.Slice(1))[0]++ < 200 && (flag = !flag) | negative-- < -6 && c++ > 'p' && Log.Note(63, e, null) == 0 && b.A == v)
        { Log.Collect(); return "caught" + x + d + s.Length + s[0] + first + flag + negative + c + b.A + e.Message; }
        catch (MyException) { Log.Collect(); return "other" + x + d + s.Length + s[0] + first + flag + negative + c; }
        finally { Log.Collect(); x += 100; d += 100; if (s.Length > 0) s[0] += 10; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Generic<T>(T value, int v) { try { Jitted.Boom(v); return value; } catch (MyException) { return default(T); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string ManyValues(int v, int a, int b, int c, int d, int e, int f, int g, double x, double y, string s)
    {
        int a1 = a, b1 = b, c1 = c; long d1 = d; float x1 = (float)x; double y1 = y; string t = s;
        try { a1 += b; b1 *= c; c1 -= d; d1 <<= 3; x1 += (float)y; y1 *= x; t += "1"; Jitted.Boom(v); a1++; b1++; c1++; d1++; x1++; y1++; t += "2"; Jitted.Boom(v - 1); a1 += e; b1 += f; c1 += g; }
        catch (Exception ex) { t += ex.Message; a1 += e; b1 += f; c1 += g; d1 += a1; x1 *= 2; y1 += x1; }
        return t + a1 + "," + b1 + "," + c1 + "," + d1 + "," + x1 + "," + y1;
    }
}

static class Program
{
    static string Run(Func<string> f) { Log.Clear(); string r; try { r = f(); } catch (Exception e) { r = e.GetType().Name + "!" + e.Message; } return r + " " + Log.Text + "\n"; }
    static string Run(Func<int> f) { return Run(() => f().ToString()); }
    static IEnumerable<int> Items(int n) { try { for (int i = 0; i < n; i++) yield return i * 7 % 5 == 2 ? 50 : i == 4 ? 2 : 0; } finally { Log.Note(55, null, null); } }
    static string Body()
    {
        var keep = new Box { X = 7 };
        var t = new StringBuilder();
        for (int i = 0; i < 10; i++)
        {
            int v = i;
            t.Append("Catch").Append(Run(() => Guard.Catch(v, keep)));
            t.Append("Finally").Append(Run(() => Guard.Finally(v, keep)));
            t.Append("Nested").Append(Run(() => Guard.Nested(v, keep)));
            t.Append("Rethrow").Append(Run(() => Guard.Rethrow(v)));
            t.Append("RethrowNested").Append(Run(() => Guard.RethrowNested(v)));
            t.Append("ThrowInCatch").Append(Run(() => Guard.ThrowInCatch(v)));
            t.Append("ReturnInTry").Append(Run(() => Guard.ReturnInTry(v, keep)));
            t.Append("Outer").Append(Run(() => Guard.Outer(v)));
            t.Append("Catcher").Append(Run(() => Jitted.Catcher(v)));
            t.Append("Filter").Append(Run(() => Guard.Filter(v, keep)));
            t.Append("FilterNested").Append(Run(() => Guard.FilterNested(v, keep)));
            t.Append("FilterLocals").Append(Run(() => Guard.FilterLocals(v, "t", 1L << 40, 0.5, new Pair { B = 3, C = "c", D = 9 }, keep)));
            t.Append("FinallyThrows").Append(Run(() => Guard.FinallyThrows(v)));
            t.Append("Locked").Append(Run(() => Guard.Locked(keep, v)));
            t.Append("Using").Append(Run(() => Guard.Using(v)));
            t.Append("ForEach").Append(Run(() => Guard.ForEach(new List<int> { 1, 2, 3, v }, Items(v), v)));
            t.Append("StructResult").Append(Run(() => { var p = Guard.StructResult(v, new Pair { A = "p", B = 1, C = keep, D = 2 }); return "" + p.A + p.B + (p.C == keep) + p.D; }));
            t.Append("Out").Append(Run(() => { var p = new Pair { A = "p" }; string s; Guard.Out(v, out s, ref p); return s + (p.A is Exception) + p.B + p.D; }));
            t.Append("Siblings").Append(Run(() => Guard.Siblings(v))).Append(Run(() => Guard.Siblings(v - 1))).Append(Run(() => Guard.Siblings(v - 2)));
            t.Append("InLaterHandler").Append(Run(() => Guard.InLaterHandler(v)));
            t.Append("NestedInSecond").Append(Run(() => Guard.NestedInSecond(v)));
            t.Append("Sizes").Append(Run(() => Guard.Sizes(new Big { A = 1, B = 2, C = 3.5, D = 4, E = -5 }, 1.5m, new Pair { A = "a", B = 1, C = keep, D = 2 }, v, keep)));
            t.Append("References").Append(Run(() => { var p = new Pair { A = "p", D = 5 }; int x = v; var bytes = new byte[] { 1, 2, 3 }; var b = new Big { A = 3 }; string r; try { r = Guard.References(ref x, ref p, bytes, in b, v); } catch (Exception e) { r = e.Message; } return r + x + p.D + string.Join(",", bytes); }));
            t.Append("DeepCatch").Append(Run(() => Guard.DeepCatch(v * 5, v)));
            t.Append("ManyValues").Append(Run(() => Guard.ManyValues(v, 1, 2, 3, 4, 5, 6, 7, 1.5, 2.5, "s")));
            t.Append("Generic").Append(Run(() => Guard.Generic("g", v)));
            t.Append("LoopInHandler").Append(Run(() => Guard.LoopInHandler(v, new int[500])));
            for (int w = 0; w < 10; w++) { int u = w; t.Append("Levels").Append(Run(() => Guard.Levels(v, u))); }
        }
        t.Append("Loop").Append(Run(() => Guard.Loop(100)));
        t.Append(Run(() => Guard.NullIn(null))).Append(Run(() => Guard.NullIn(keep)));
        t.Append(Run(() => Guard.NullStore(null, null, 0, 0))).Append(Run(() => Guard.NullStore(new Box(), new[] { 3 }, 0, 3))).Append(Run(() => Guard.NullStore(new Box(), new[] { 3 }, 5, 0)));
        t.Append(Run(() => "" + Guard.Empty(null) + Guard.Empty(1)));
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
