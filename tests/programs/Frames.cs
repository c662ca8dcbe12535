// native: Stack::* Grid::* Boxed::*
// gc: yes
// compiler: roslyn
// Memory in the frame (stackalloc), arrays with several dimensions, delegates to methods of structs.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;

class Holder { public int X; public object Next; public Holder(int x) { X = x; } }
struct Cell { public object Name; public int Count; public Cell(object name, int count) { Name = name; Count = count; } }
struct Counter { public int N; public object Tag; public int Add(int x) { N += x; GC.Collect(0); return N; } public override string ToString() => Tag + ":" + N; public static int Twice(int x) => 2 * x; }

static class Stack
{
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe int Sum(int n) { int* p = stackalloc int[n]; int zero = 0; for (int i = 0; i < n; i++) zero |= p[i]; for (int i = 0; i < n; i++) p[i] = i * 7; int t = zero; for (int i = 0; i < n; i++) t += p[i]; return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe long Fixed() { long* p = stackalloc long[5] { 1, 2, 3, 4, 5 }; byte* q = stackalloc byte[3]; q[0] = 9; q[2] = 8; return p[4] * 100 + q[0] + q[1] + q[2] + (((long)p & 15) == 0 ? 1000 : 0); }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Spans(int n) { Span<int> s = n < 100 ? stackalloc int[n] : new int[n]; for (int i = 0; i < s.Length; i++) s[i] = i; var h = new Holder(n); Collect(); int t = h.X; foreach (int x in s) t += x; return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Collect() { for (int i = 0; i < 100; i++) GC.KeepAlive(new Holder(i)); GC.Collect(0); }
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe bool Nothing(int n) { byte* p = stackalloc byte[n]; return p == null; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe string Guarded(int n, string text) { char* p = stackalloc char[n]; string s = text; try { for (int i = 0; i < text.Length; i++) { if (i >= n) throw new InvalidOperationException(s); p[i] = text[i]; s += i; } } catch (InvalidOperationException e) { Collect(); return e.Message + p[0] + p[n - 1]; } finally { Collect(); } return new string(p, 0, text.Length) + s; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe int InTry(int n) { int t = 0; try { int* p = stackalloc int[n]; p[n - 1] = 5; Collect(); t = p[n - 1] + p[0]; if (n == 3) throw new Exception(); } catch (Exception) { t += 100; } return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static unsafe int Deep(int n, int size) { byte* p = stackalloc byte[size]; p[size - 1] = (byte)n; if (n == 0) return 1; return Deep(n - 1, size) + p[size - 1] - (byte)n + p[0]; }
}

static class Grid
{
    [MethodImpl(MethodImplOptions.NoInlining)] public static int[,] Make(int a, int b) => new int[a, b];
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Get(int[,] g, int i, int j) => g[i, j];
    [MethodImpl(MethodImplOptions.NoInlining)] public static void Set(int[,] g, int i, int j, int v) { g[i, j] = v; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Change(int[,] g, int i, int j) { g[i, j] += 5; ref int r = ref g[j, i]; r++; return r; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static long Sum(int[,] g) { long t = 0; for (int i = 0; i < g.GetLength(0); i++) for (int j = 0; j < g.GetLength(1); j++) t = t * 3 + g[i, j]; return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Names(string[,] g, string s) { g[1, 1] = s; g[0, 0] = g[1, 1] + "!"; return g[0, 0] + g[1, 1] + (g[0, 1] ?? "null"); }
    [MethodImpl(MethodImplOptions.NoInlining)] public static void Covariant(object[,] g, object o) { g[0, 0] = o; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Cells(int n) { var g = new Cell[n, 2, 3]; g[1, 1, 2] = new Cell(new Holder(4), 3); g[1, 1, 2].Count++; GC.Collect(0); Cell c = g[1, 1, 2]; g[0, 0, 0] = c; g[0, 0, 0].Name = "n" + n; return ((Holder)c.Name).X + "" + c.Count + g[0, 0, 0].Name + g[0, 0, 0].Count + g.Length + g.Rank; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static double Four(double[,,,] g, int i) { g[i, 1, 0, 1] = 2.5; return g[i, 1, 0, 1] + g[1, 1, 1, 1]; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static sbyte Small(sbyte[,] g, int i) { g[i, i] = -3; g[0, 1] = (sbyte)(g[i, i] * 50); return g[0, 1]; }
}

static class Boxed
{
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Delegates(Counter c) { Func<int, int> f = c.Add; int t = f(3) + f(4) * 100; Func<string> s = c.ToString; Func<int, int> w = Counter.Twice; c.N = 1; return t + s() + w(5) + c.N; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Func<int, int> Of(List<Counter> l) => l[0].Add;
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Enums(DayOfWeek d) { Func<string> f = d.ToString; Func<object, bool> e = d.Equals; Func<int> h = 42.GetHashCode; return f() + e(d) + e(3) + h(); }
}

static class Program
{
    static string Try(Func<object> f) { try { return "" + f(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        foreach (int n in new[] { 0, 1, 2, 3, 17, 1000, 5000, 100000 }) t.Append(Stack.Sum(n)).Append(' ').Append(Stack.Spans(n)).Append(' ').Append(Stack.Nothing(n)).Append(' ');
        t.Append(Stack.Fixed()).Append(' ').Append(Stack.Guarded(10, "hello")).Append(' ').Append(Stack.Guarded(3, "hello")).Append(' ').Append(Stack.InTry(3)).Append(Stack.InTry(4)).Append(' ').Append(Stack.Deep(100, 20)).Append(Stack.Deep(50, 9000)).Append('\n');
        var g = Grid.Make(3, 4); for (int i = 0; i < 3; i++) for (int j = 0; j < 4; j++) Grid.Set(g, i, j, i * 10 + j);
        t.Append(Grid.Sum(g)).Append(' ').Append(Grid.Change(g, 1, 2)).Append(' ').Append(Grid.Sum(g)).Append(' ').Append(Grid.Names(new string[2, 2], "x")).Append(Grid.Cells(2)).Append(' ').Append(Grid.Four(new double[2, 2, 2, 2], 1)).Append(Grid.Small(new sbyte[2, 2], 1)).Append('\n');
        foreach (int i in new[] { 0, 2, 3, -1, int.MinValue }) t.Append(Try(() => Grid.Get(g, i, 1))).Append(Try(() => Grid.Get(g, 1, i))).Append(Try(() => { Grid.Set(g, 0, i, 1); return 1; })).Append(Try(() => Grid.Make(i, 2).Length)).Append(' ');
#if !TRIMMED // no arrays with other lower bounds than 0
        var odd = (int[,])Array.CreateInstance(typeof(int), new[] { 2, 2 }, new[] { -5, 10 });
        t.Append(Try(() => { Grid.Set(odd, -5, 10, 7); Grid.Set(odd, -4, 11, 8); return Grid.Get(odd, -5, 10) + Grid.Get(odd, -4, 11); })).Append(Try(() => Grid.Get(odd, 0, 0))).Append(Try(() => Grid.Get(odd, -6, 10)));
#endif
        t.Append(Try(() => Grid.Get(null, 0, 0))).Append(Try(() => { Grid.Set(null, 0, 0, 1); return 1; }));
        t.Append(Try(() => { Grid.Covariant(new object[1, 1], 4); return 1; })).Append(Try(() => { Grid.Covariant(new string[1, 1], 4); return 1; })).Append(Try(() => { Grid.Covariant(new string[1, 1], "s"); return 1; })).Append(Try(() => { Grid.Covariant(null, "s"); return 1; })).Append(Try(() => { Grid.Covariant(new object[0, 1], "s"); return 1; })).Append('\n');
        t.Append(Boxed.Delegates(new Counter { N = 10, Tag = "tag" })).Append(' ').Append(Boxed.Of(new List<Counter> { new Counter { N = 5 } })(6)).Append(' ').Append(Boxed.Enums(DayOfWeek.Friday));
        return t.ToString();
    }

    static int Main() => Harness.Run(Body);
}
