// What C# 12 makes of generics: closures, iterators, async, LINQ, patterns, records, tuples, spans, generic math.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

public record struct Point(int X, int Y) : IComparable<Point> { public int CompareTo(Point o) => (X, Y).CompareTo((o.X, o.Y)); public static Point operator +(Point a, Point b) => new(a.X + b.X, a.Y + b.Y); }
public record Person(string Name, Point At, params int[] Scores) { public double Mean => Scores.Length == 0 ? 0 : Scores.Average(); }
public abstract record Shape; public record Circle(double R) : Shape; public record Box(Point A, Point B) : Shape; public record Group(List<Shape> Parts) : Shape;
public readonly record struct Money(decimal Value, string Unit) : IAdditionOperators<Money, Money, Money> { public static Money operator +(Money a, Money b) => a with { Value = a.Value + b.Value }; }
public interface IKind<T> where T : IKind<T> { static abstract string Kind { get; } static virtual string Twice => T.Kind + T.Kind; }
public struct Red : IKind<Red> { public static string Kind => "red"; }
public struct Blue : IKind<Blue> { public static string Kind => "blue"; public static string Twice => "BLUE"; }
public ref struct Cursor<T> { Span<T> rest; public Cursor(Span<T> s) { rest = s; } public bool Next(out T t) { if (rest.IsEmpty) { t = default!; return false; } t = rest[0]; rest = rest[1..]; return true; } }
public struct Fill<T> where T : struct { public T A; public T? B; public readonly override string ToString() => A + "/" + B; }

static class Program
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] static string Closures() { int n = 0; Point p = new(1, 2); Func<int, Point> f = k => { n += k; p = p with { X = p.X + n }; return p; }; var fs = new List<Func<Point>>(); foreach (int i in new[] { 1, 2, 3 }) fs.Add(() => f(i)); return string.Join(";", fs.Select(g => g())) + n; }
    [MethodImpl(NI)] static IEnumerable<Point> Walk(int n) { Point p = default; try { for (int i = 0; i < n; i++) { yield return p; p += new Point(i, 1); } } finally { Log.Append("[end]"); } }
    [MethodImpl(NI)] static IEnumerable<T> Twice<T>(IEnumerable<T> s, Func<T, T> f) { foreach (T t in s) { yield return t; yield return f(t); } }
    [MethodImpl(NI)] static string Iterators() { var t = new StringBuilder(); foreach (var p in Walk(3)) t.Append(p); foreach (var p in Twice(Walk(2), x => x + x)) t.Append(p); using (var e = Walk(9).GetEnumerator()) { e.MoveNext(); } return t.Append(Walk(100).Skip(90).First()).Append(Take()).ToString(); }
    [MethodImpl(NI)] static string Linq() { var ps = Enumerable.Range(0, 20).Select(i => new Point(i % 5, i)).ToArray(); var q = from p in ps where p.Y % 2 == 0 group p by p.X into g orderby g.Key descending select (g.Key, Sum: g.Sum(x => x.Y), Max: g.Max()); var join = ps.Join(ps, a => a.X, b => b.Y, (a, b) => (a, b.X)).Count(); return string.Join(",", q) + join + ps.Aggregate((a, b) => a + b) + ps.ToDictionary(p => p.Y, p => p)[7] + ps.ToLookup(p => p.X)[2].Last() + ps.OrderBy(p => p).ThenByDescending(p => p.Y).Last() + ps.Distinct().Count() + ps.Zip(ps.Skip(1), (a, b) => a + b).ElementAt(3) + string.Join("|", ps.Chunk(7).Select(c => c.Length)) + ps.Select(p => (double)p.X).Average() + ps.MinBy(p => -p.Y) + ps.Reverse().TakeWhile(p => p.Y > 15).Count() + ps.SelectMany(p => new[] { p.X, p.Y }).Sum() + ps.Any(p => p.X > 9) + ps.Except([new Point(0, 0)]).Count() + ps.GroupBy(p => p.X > 2).ToDictionary(g => g.Key, g => g.Count())[true]; }
    [MethodImpl(NI)] static string Match(object o) => o switch { Point(0, var y) => "zero " + y, Point { X: > 3 and < 9 } p => "mid " + p, Person { Scores: [var a, .., var b] } => "ends " + a + b, Person { At: (_, 5), Name.Length: > 2 } => "at", Circle { R: >= 2 } c => "big" + c.R, Shape s => Area(s).ToString("F2"), int[] and [1, 2, ..] => "onetwo", ValueTuple<string, int> t => t.ToString(), null => "null", _ => "?" };
    [MethodImpl(NI)] static double Area(Shape s) => s switch { Circle(var r) => Math.PI * r * r, Box((var a, var b), (var c, var d)) => Math.Abs((c - a) * (d - b)), Group { Parts: var parts } => parts.Sum(Area), _ => throw new InvalidOperationException() };
    [MethodImpl(NI)] static string Patterns() => string.Join(",", new object[] { new Point(0, 4), new Point(5, 1), new Person("Al", new(1, 1), 3, 4, 5), new Person("Bob", new(2, 5)), new Circle(3), new Circle(1), new Box(new(0, 0), new(2, 3)), new Group([new Circle(1), new Box(new(1, 1), new(4, 4))]), new[] { 1, 2, 9 }, ("a", 3), null, 4.5 }.Select(Match));
    [MethodImpl(NI)] static string Records() { var a = new Person("Al", new(1, 2), 5); var b = a with { At = new(3, 4) }; var (name, at, _) = b; var set = new HashSet<Point> { new(1, 1), new(1, 1), new(2, 1) }; return a + "" + (a == b) + (a with { } == a) + name + at + set.Count + new Point(3, 4).Equals(new Point(3, 4)) + b.Mean; }
    [MethodImpl(NI)] static (int Count, (string, Point) Last) Stats(IEnumerable<Point> s) { int n = 0; Point last = default; foreach (var p in s) { n++; last = p; } return (n, ("last", last)); }
    [MethodImpl(NI)] static string Tuples() { var (c, (s, p)) = Stats(Walk(4)); var d = new Dictionary<(int, string), (Point, long?)> { [(1, "a")] = (new(1, 1), 3), [(2, "b")] = (default, null) }; (c, p) = (c + 1, p + p); return s + c + p + d[(1, "a")] + d.ContainsKey((2, "c")) + ((1, 2.5, "x", 'c', 5, 6, 7, 8) == (1, 2.5, "x", 'c', 5, 6, 7, 8)) + new Fill<Point> { A = p, B = null } + new Fill<(int, byte)> { B = (1, 2) } + Take(); }
    [MethodImpl(NI)] static string Spans() { Span<Point> s = stackalloc Point[6]; for (int i = 0; i < s.Length; i++) s[i] = new(i * 7 % 5, i); s.Sort(); var c = new Cursor<Point>(s[1..4]); var t = new StringBuilder(); while (c.Next(out var p)) t.Append(p); ReadOnlySpan<char> text = "12,7,,x,99"; foreach (var r in Ranges(text)) t.Append(text[r.Item1..r.Item2]).Append('.'); return t.Append(s.ToArray().AsSpan().IndexOf(new Point(0, 0))).Append(s.BinarySearch(new Point(4, 2))).ToString(); }
    static List<(int, int)> Ranges(ReadOnlySpan<char> s) { var l = new List<(int, int)>(); int from = 0; for (int i = 0; i <= s.Length; i++) if (i == s.Length || s[i] == ',') { l.Add((from, i)); from = i + 1; } return l; }
    [MethodImpl(NI)] static T Sum<T>(IEnumerable<T> s) where T : INumber<T> { T t = T.Zero; foreach (T x in s) t += x * (T.One + T.One); return t; }
    [MethodImpl(NI)] static T Add<T>(params T[] s) where T : IAdditionOperators<T, T, T> { T t = s[0]; foreach (T x in s.AsSpan(1)) t += x; return t; }
    [MethodImpl(NI)] static string KindOf<T>() where T : IKind<T> => T.Kind + T.Twice;
    [MethodImpl(NI)] static T Parse<T>(string s) where T : IParsable<T> => T.Parse(s, null);
    [MethodImpl(NI)] static string Numbers() => "" + Sum([1, 2, 3]) + Sum([1.5, 2]) + Sum([3m, 4m]) + Sum(new byte[] { 3, 4 }) + Sum([BigInteger.Pow(2, 70)]) + Add(new Money(1, "e"), new Money(2.5m, "x")) + Add(1L, 2L) + KindOf<Red>() + KindOf<Blue>() + Parse<int>("42") + Parse<double>("2.5") + Parse<Guid>("00000000-0000-0000-0000-000000000001") + int.CreateSaturating(1e20) + Add(new Complex(1, 2), new Complex(3, 4)).Real;
    [MethodImpl(NI)] static async Task<T> Later<T>(T t, int how) { if (how == 1) await Task.Yield(); if (how == 2) await Task.Delay(1).ConfigureAwait(false); if (how == 3) throw new InvalidOperationException("later " + t); return t; }
    [MethodImpl(NI)] static async ValueTask<Point> Value(Point p, int how) { try { return await Later(p, how) + await new ValueTask<Point>(new Point(1, 1)); } catch (InvalidOperationException e) when (e.Message.Length > 3) { await Task.Yield(); return new(e.Message.Length, how); } finally { Log.Append("v"); await Later(0, 1); } }
    [MethodImpl(NI)] static async IAsyncEnumerable<Point> Stream(int n, [EnumeratorCancellation] CancellationToken c = default) { for (int i = 0; i < n; i++) { if (i % 2 == 1) await Task.Yield(); c.ThrowIfCancellationRequested(); yield return await Value(new(i, i), i % 4); } }
    [MethodImpl(NI)] static async Task<string> Async() { var t = new StringBuilder(); for (int i = 0; i < 4; i++) t.Append(await Value(new(i, 2), i)); await foreach (var p in Stream(5)) t.Append(p); var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Later((i, new Point(i, i)), i % 3))); t.Append(all.Sum(x => x.Item2.Y)); try { await Later(new Point(1, 1), 3); } catch (InvalidOperationException e) { t.Append(e.Message); } using var stop = new CancellationTokenSource(); try { await foreach (var p in Stream(9).WithCancellation(stop.Token)) if (p.X > 2) stop.Cancel(); } catch (OperationCanceledException) { t.Append("stopped"); } var first = await await Task.WhenAny(Later(5, 0), Later(5, 2)); var source = new TaskCompletionSource<Point>(); _ = Task.Run(() => source.SetResult(new(7, 7))); t.Append(first).Append(await source.Task); await using (new Done()) t.Append('u'); return t.Append(Take().Replace("v", "")).ToString(); }
    class Done : IAsyncDisposable { public async ValueTask DisposeAsync() { await Task.Yield(); Log.Append("done"); } }
    [MethodImpl(NI)] static string Awaited() => Async().GetAwaiter().GetResult();
    static readonly StringBuilder Log = new();
    static string Take() { lock (Log) { string s = Log.ToString(); Log.Clear(); return s; } }
    static string Body() { var t = new StringBuilder(); foreach (Func<string> f in (Func<string>[])[Closures, Iterators, Linq, Patterns, Records, Tuples, Spans, Numbers, Awaited]) t.Append(f()).Append('\n'); return t.ToString(); }
    static int Main() => Harness.Run(Body);
}
