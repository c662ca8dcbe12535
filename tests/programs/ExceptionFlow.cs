// native: Flow::* Flow+<Numbers>d__*::* Program::Body
// excluded-3.1: Flow::LongLoops exception-handling
// excluded-3.1: Flow::Faulting exception-handling
// native untrimmed: Flow+<Walk>d__*::MoveNext
// gc: yes
// compiler: roslyn
// Exceptions and what compilers make of them: async and iterator state machines, lock, using, stack traces, runtime frames.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

class Problem : Exception { public int Code; public Problem(int code) : base("problem " + code) { Code = code; } }
class Node { public int X; public Node Next; public virtual int Get(int v) { return v == X ? throw new Problem(v) : X; } }
class Leaf : Node { public override int Get(int v) { try { return base.Get(v) + 1; } finally { X++; } } }
class BadStatic { public static int Value; static BadStatic() { Value = 1; throw new Problem(77); } }
class Chained : IComparable<Chained> { public int K; public int CompareTo(Chained o) { if (K == 3) throw new Problem(3); return K - o.K; } }

static class Flow
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static int counter;
    [MethodImpl(No)] public static void Collect() { for (int i = 0; i < 20; i++) GC.KeepAlive(new Node { X = i }); if (++counter % 128 == 0) GC.Collect(0); }

    // async: a switch into try blocks, awaits in try, in finally and in catch
#if !TRIMMED // IAsyncStateMachine lacks a method there, so that no type can implement it
    [MethodImpl(No)]
    static async Task<int> Walk(int v, List<string> log)
    {
        int sum = 0; var node = new Node { X = v };
        try
        {
            for (int i = 0; i < 4; i++)
            {
                try { await Task.Delay(1); Collect(); if (i == v) throw new Problem(i); sum += i * 10 + node.X; if (v == 9) return -sum; }
                catch (Problem p) when (p.Code != 2) { log.Add("c" + p.Code); await Task.Run(Collect); sum += 1000; }
                finally { log.Add("f" + i); await Task.Delay(1); sum += 1; }
            }
        }
        catch (Problem p) { log.Add("outer" + p.Code); }
        finally { log.Add("end"); }
        return sum;
    }
#else
    static Task<int> Walk(int v, List<string> log) { return Task.FromResult(v); }
#endif
    [MethodImpl(No)]
    public static string Async(int v)
    {
        var log = new List<string>();
        try { int r = Walk(v, log).GetAwaiter().GetResult(); return r + string.Join(",", log); }
        catch (Exception e) { return e.GetType().Name + string.Join(",", log); }
    }
    static IEnumerable<int> Numbers(int n, List<string> log)
    {
        try
        {
            for (int i = 0; i < n; i++)
            {
                try { Collect(); if (i == 5) throw new Problem(5); yield return i; }
                finally { log.Add("i" + i); }
            }
        }
        finally { log.Add("o"); }
    }
    [MethodImpl(No)]
    public static string Iterate(int n, int stop)
    {
        var log = new List<string>(); int s = 0;
        try { foreach (int x in Numbers(n, log)) { s += x; if (x == stop) break; } }
        catch (Problem p) { s += 100 * p.Code; }
        return s + string.Join(",", log);
    }
    [MethodImpl(No)]
    public static int Virtual(Node n, int v) { try { return n.Get(v); } catch (Problem p) { return -p.Code; } catch (NullReferenceException) { return -1000; } }
    [MethodImpl(No)]
    public static int Null(Node n) { int r = 0; try { r = 1; r += n.Next.X; r = 2; } catch (NullReferenceException) { r += 10; } finally { r += 100; } return r; }
    [MethodImpl(No)]
    public static int OutsideTry(Node n, bool caught) { int r = 0; try { r = 5; } finally { r += caught ? 1 : n.X; } return r + n.X; }
    [MethodImpl(No)]
    public static int NullInHandler(Node n) { try { try { throw new Problem(1); } catch (Problem) { return n.X; } finally { counter++; } } catch (NullReferenceException) { return 44; } }
    [MethodImpl(No)]
    static int CallNull(Node n) { try { throw new Problem(1); } catch (Problem) { return n.X; } }
    [MethodImpl(No)]
    public static int NullInLastHandler(Node n) { try { return CallNull(n); } catch (NullReferenceException e) { return e.StackTrace.Contains("CallNull") ? 45 : 46; } }
    [MethodImpl(No)]
    public static string Static() { try { return "" + BadStatic.Value; } catch (TypeInitializationException e) { return e.InnerException.Message; } }
    // runtime frames: reflection, sorting callbacks, delegates, lazy initialisation, dynamic casts
    [MethodImpl(No)] public static int Thrower(int v) { Collect(); try { if (v > 0) throw new Problem(v); return 1; } finally { counter += 2; } }
    [MethodImpl(No)]
    public static string Reflect(int v)
    {
        try { return "" + typeof(Flow).GetMethod("Thrower").Invoke(null, new object[] { v }); }
        catch (TargetInvocationException e) when (e.InnerException is Problem p && p.Code == 2) { return "two"; }
        catch (TargetInvocationException e) { return e.InnerException.Message; }
    }
    [MethodImpl(No)]
    public static string Sorted(int n)
    {
        var a = Enumerable.Range(0, n).Select(i => new Chained { K = i }).ToArray();
        try { Array.Sort(a); return "sorted"; } catch (InvalidOperationException e) { return e.InnerException.Message; }
    }
    [MethodImpl(No)]
    public static string Delegates(int v)
    {
        Func<int, int> f = Thrower; f += Thrower; var t = new StringBuilder();
        try { t.Append(f(v)); } catch (Problem p) { t.Append(p.Message); }
        var lazy = new Lazy<int>(() => Thrower(v));
        for (int i = 0; i < 2; i++) try { t.Append(lazy.Value); } catch (Problem p) when (p.Code > 1) { t.Append("L").Append(p.Code); } catch (Problem) { t.Append("one"); }
        return t.ToString();
    }
    [MethodImpl(No)]
    public static string Captured(int v)
    {
        ExceptionDispatchInfo info = null;
        try { Thrower(v); } catch (Exception e) { info = ExceptionDispatchInfo.Capture(e); }
        try { info?.Throw(); return "none"; } catch (Exception e) { return e.Message + Frames(e); }
    }
    // stack traces
    [MethodImpl(No)] static void C(int v) { if (v == 0) throw new Problem(0); if (v == 1) ((Node)null).Get(0); if (v == 2) { var a = new int[v]; a[v]++; } if (v == 3) { object o = "s"; v = (int)o; } if (v == 4) v /= v - 4; throw new InvalidOperationException(); }
    [MethodImpl(No)] static void B(int v) { try { C(v); } finally { counter++; } }
    [MethodImpl(No)] static void A(int v) { try { B(v); } catch (Problem) { throw; } catch (Exception e) when (e.Message == null) { } }
    [MethodImpl(No)]
    public static string Trace(int v) { try { A(v); return ""; } catch (Exception e) { return e.GetType().Name + Frames(e); } }
    public static string Frames(Exception e)
    {
        var t = new StringBuilder();
        foreach (StackFrame f in new StackTrace(e).GetFrames()) { string n = f.GetMethod().Name; if (n.Length < 9 && n != "Unbox") t.Append(' ').Append(n); } // 10 unboxes in managed code
        return t.ToString();
    }
    [MethodImpl(No)]
    public static string Locks(object gate, int v)
    {
        var t = new StringBuilder(); bool taken = false;
        try { Monitor.Enter(gate, ref taken); t.Append(taken); lock (gate) { if (v == 1) throw new Problem(1); t.Append('x'); } }
        catch (Problem) { t.Append('p'); }
        finally { if (taken) { Monitor.Exit(gate); t.Append('e'); } }
        return t.Append(Monitor.IsEntered(gate)).ToString();
    }
    [MethodImpl(No)]
    public static long Switches(int v)
    {
        long r = 0; long big = 1L << 40; double d = 0.25; decimal m = 1.5m; ulong u = 7; char c = 'a'; short s = -3; bool b = false;
        for (int i = 0; i < 6; i++)
        {
            try
            {
                switch ((v + i) % 6)
                {
                    case 0: r += big; d *= 2; break;
                    case 1: m += 2; u <<= 3; goto case 2;
                    case 2: c++; s -= 5; if (v == 3) continue; break;
                    case 3: b = !b; throw new Problem(i);
                    case 4: if (v == 4) return r + (long)d + (long)m + (long)u + c + s + (b ? 1 : 0); break;
                    default: r = checked(r + int.MaxValue * (long)v); break;
                }
            }
            catch (Problem p) when (p.Code != 1 && (r += 3) > 0) { big >>= 1; d += 1; u ^= 0xff; s *= 2; continue; }
            catch (Problem) { m *= 2; b ^= true; c = 'z'; }
            finally { r += s + c + (long)(d * 4) + (long)m + (long)u + (b ? 1000 : 0); Collect(); }
        }
        return r;
    }
    [MethodImpl(No)]
    public static int Retry(int n) { int tries = 0; again: try { tries++; Thrower(n - tries); return tries; } catch (Problem) { goto again; } }
    [MethodImpl(No)]
    public static unsafe int Pinned(byte[] data, int v)
    {
        int s = 0;
        try { fixed (byte* p = data) { Collect(); s += p[0]; Thrower(v); Collect(); s += p[1]; } } catch (Problem p) { s += p.Code * 100; }
        return s;
    }
    // The frame grows before the try block; handlers and filters still find everything.
    [MethodImpl(No)]
    public static unsafe string Allocated(int n, int v, string text)
    {
        int* p = stackalloc int[n]; var keep = new Node { X = v };
        for (int i = 0; i < n; i++) p[i] = i;
        Span<long> more = stackalloc long[n * 3]; more[n] = 5;
        try { p[0] += 10; more[0] = n; Thrower(v); p[0] += 100; }
        catch (Problem e) when (e.Code == 2 && (more[1] += p[0]) > 0 && keep.X == 2) { Collect(); text += "filter" + more[1]; }
        catch (Problem e) { Collect(); text += "catch" + e.Code; more[n]++; }
        finally { Collect(); p[n - 1]++; }
        return text + p[0] + p[n - 1] + more[0] + more[n] + keep.X;
    }
    [MethodImpl(No)]
    public static void ByRef(ref Node n, ref int x, int v) { try { x++; n = new Node { X = x }; Thrower(v); n.X += 10; } catch (Problem) { Collect(); n.X += 100; x += 1000; } finally { Collect(); x += n.X; } }
    [MethodImpl(No)]
    public static int LongLoops(int n)
    {
        int s = 0;
        try { Thrower(n); }
        catch (Problem) { for (int i = 0; i < 20000; i++) { var k = new Node { X = i }; s += k.X & 1; if (i % 1000 == 999) Collect(); } }
        finally { for (int i = 0; i < 20000; i++) { var k = new Node { X = i }; s += k.X & 1; if (i % 1000 == 999) Collect(); } }
        return s;
    }
    [MethodImpl(No)]
    static void Faulting(int n) { try { Thrower(n); } finally { int s = 0; var keep = new Node { X = n }; for (int i = 0; i < 20000; i++) { var k = new Node { X = i }; s += k.X & keep.X; } counter += s & 0; } }
    [MethodImpl(No)]
    public static int CatchFaulting(int n) { try { Faulting(n); return 0; } catch (Problem p) { return p.Code; } }
    [MethodImpl(No)]
    public static string Threads()
    {
        var results = new int[4];
        var threads = Enumerable.Range(0, 4).Select(k => new Thread(() => { for (int i = 0; i < 50; i++) results[k] += CatchOne(i) + Retry(3); })).ToArray();
        foreach (var t in threads) t.Start();
        foreach (var t in threads) t.Join();
        return string.Join(",", results);
    }
    [MethodImpl(No)]
    static int CatchOne(int i) { var n = new Node { X = i }; try { Thrower(i & 3); return n.X; } catch (Problem p) { Collect(); return p.Code + n.X; } }
}

static class Program
{
    static string Body()
    {
        var t = new StringBuilder();
        for (int v = 0; v < 10; v++)
        {
            t.Append(Flow.Async(v)).Append('\n').Append(Flow.Iterate(v, 3)).Append(Flow.Iterate(v, -1)).Append('\n');
            t.Append(Flow.Virtual(new Node { X = 3 }, v)).Append(Flow.Virtual(new Leaf { X = 4 }, v)).Append(Flow.Virtual(null, v)).Append(' ');
            t.Append(Flow.Reflect(v)).Append(Flow.Sorted(v)).Append(Flow.Delegates(v)).Append(Flow.Captured(v)).Append(Flow.Trace(v)).Append('\n');
            t.Append(Flow.Locks(t, v)).Append(Flow.Switches(v)).Append(' ').Append(Flow.Retry(v)).Append(' ').Append(Flow.Pinned(new byte[] { 3, 4 }, v)).Append(' ');
            t.Append(Flow.Allocated(v + 5, v, "a")).Append(Flow.Allocated(3000 * v + 1, v, "b")).Append(' ');
            var n = new Node(); int x = v; Flow.ByRef(ref n, ref x, v); t.Append(n.X).Append(' ').Append(x).Append('\n');
        }
        t.Append(Flow.Null(null)).Append(Flow.Null(new Node())).Append(Flow.Null(new Node { Next = new Node() })).Append(' ');
        t.Append(Flow.OutsideTry(new Node(), true)).Append(Flow.NullInHandler(null)).Append(Flow.NullInHandler(new Node())).Append(Flow.NullInLastHandler(null)).Append(Flow.Static()).Append(Flow.Static());
        foreach (bool b in new[] { true, false }) try { t.Append(Flow.OutsideTry(null, b)); } catch (NullReferenceException e) { t.Append(Flow.Frames(e)); }
        t.Append(Flow.LongLoops(1)).Append(Flow.LongLoops(0)).Append(Flow.CatchFaulting(1)).Append(Flow.Threads()).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
