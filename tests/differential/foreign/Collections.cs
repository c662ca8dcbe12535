// Framework generics over the program's own struct, over primitives, and over both.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;

public struct MyS : IEquatable<MyS>, IComparable<MyS> { public int A; public string B; public bool Equals(MyS o) => A == o.A && B == o.B; public override int GetHashCode() => A; public override bool Equals(object o) => o is MyS s && Equals(s); public override string ToString() => A + B; public int CompareTo(MyS o) => A.CompareTo(o.A); }

static class Program
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] static string Lists() { var l = new List<MyS>(); for (int i = 0; i < 20; i++) l.Add(new MyS { A = i, B = "b" + i }); l.Remove(new MyS { A = 3, B = "b3" }); return l.Count + " " + l.Contains(new MyS { A = 7, B = "b7" }) + l.IndexOf(new MyS { A = 9, B = "b9" }) + l[5] + l.FindIndex(x => x.A == 11); }
    [MethodImpl(NI)] static string Dicts() { var d = new Dictionary<int, MyS>(); for (int i = 0; i < 50; i++) d[i * 7] = new MyS { A = i, B = "v" + i }; d.Remove(14); var t = new StringBuilder(); foreach (var p in d) t.Append(p.Key).Append(p.Value); return t.ToString() + d.ContainsKey(21) + d.TryGetValue(28, out var v) + v; }
    [MethodImpl(NI)] static string Keys() { var d = new Dictionary<MyS, string>(); for (int i = 0; i < 30; i++) d.Add(new MyS { A = i }, "v" + i); return d[new MyS { A = 4 }] + d.Count + d.ContainsKey(new MyS { A = 99 }); }
    [MethodImpl(NI)] static string Strings() { var d = new Dictionary<string, MyS>(); for (int i = 0; i < 30; i++) d.Add("k" + i, new MyS { A = i }); var t = new StringBuilder(); foreach (var p in d) t.Append(p.Key).Append(p.Value.A); return t + "" + d["k5"] + d.Count; }
    [MethodImpl(NI)] static string Tuples() { ValueTuple<int, MyS> p = (1, new MyS { A = 5, B = "x" }); var q = (p, 2.5, new MyS()); return p.ToString() + q + p.Equals((1, new MyS { A = 5, B = "x" })) + p.CompareTo((0, new MyS())) + new KeyValuePair<MyS, string>(new MyS { A = 1 }, "z") + Tuple.Create(new MyS(), 3); }
    [MethodImpl(NI)] static string Casts() { var l = new List<MyS> { new MyS { A = 4 } }; var i = (System.Collections.IList)l; string r = ""; try { i.Add("no"); } catch (ArgumentException e) { r += e.Message.Length; } i.Add(new MyS { A = 9, B = "i" }); try { i.CopyTo(new string[4], 0); } catch (ArgumentException e) { r += e.GetType().Name; } return r + i.Contains(new MyS { A = 9, B = "i" }) + i.IndexOf("x") + l.Count; }
    [MethodImpl(NI)] static string Lazy() { var l = new Lazy<MyS>(() => new MyS { A = 3, B = "lazy" }); return l.IsValueCreated + "" + l.Value + l + new StrongBox<MyS>(new MyS { A = 2 }).Value; }
    [MethodImpl(NI)] static string Sorts() { var r = new Random(5); var a = new MyS[100]; for (int i = 0; i < a.Length; i++) a[i] = new MyS { A = r.Next(50), B = "s" + i }; Array.Sort(a, (x, y) => x.A != y.A ? x.A - y.A : string.CompareOrdinal(x.B, y.B)); var t = new StringBuilder(); foreach (var x in a) t.Append(x); Array.Sort(a); Array.Reverse(a); return t.ToString() + a[0].A + Array.BinarySearch(a, new MyS { A = 77 }) + Array.IndexOf(a, a[5]) + Array.Find(a, x => x.A == 3).A + Array.ConvertAll(a, x => (long)x.A).Length; }
#if TRIMMED
    static string Prior(HashSet<MyS> h) { return ""; }
#else
    [MethodImpl(NI)] static string Prior(HashSet<MyS> h) { var pq = new PriorityQueue<MyS, int>(); foreach (var x in h) pq.Enqueue(x, -x.A); return pq.Dequeue().ToString(); }
#endif
    [MethodImpl(NI)] static string Sets() { var h = new HashSet<MyS>(); for (int i = 0; i < 40; i++) h.Add(new MyS { A = i % 13, B = "h" }); var q = new Queue<MyS>(); var s = new Stack<MyS>(); var ll = new LinkedList<MyS>(); var sd = new SortedDictionary<MyS, int>(); foreach (var x in h) { q.Enqueue(x); s.Push(x); ll.AddLast(x); sd[x] = x.A; } return h.Count + "" + q.Dequeue() + s.Pop() + ll.First.Value + sd.Count + Prior(h) + h.Contains(new MyS { A = 3, B = "h" }) + string.Join(",", sd.Keys) + string.Join(";", s); }
    [MethodImpl(NI)] static string Spans() { Span<MyS> s = new MyS[8]; for (int i = 0; i < 8; i++) s[i] = new MyS { A = i * i, B = "" + i }; s.Reverse(); var t = s.Slice(2, 3).ToArray(); Span<(int, byte)> w = stackalloc (int, byte)[4]; w.Fill((3, 4)); w[1] = (5, 6); ReadOnlyMemory<MyS> m = t; return "" + t.Length + t[0] + MemoryExtensions.IndexOf(w, ((int, byte))(5, 6)) + s.IndexOf(new MyS { A = 4, B = "2" }) + m.Slice(1).Length + m.Span[1] + ((ReadOnlySpan<MyS>)s).Contains(new MyS { A = 49, B = "7" }); }
    [MethodImpl(NI)] static string Nulls() { MyS? a = null, b = new MyS { A = 6 }; var l = new List<MyS?> { a, b }; var d = new Dictionary<MyS, MyS?> { [b.Value] = a }; return "" + a.HasValue + b.Value + l.Contains(null) + l.IndexOf(b) + d[new MyS { A = 6 }].HasValue + Nullable.Equals(a, b) + a.GetValueOrDefault().A + b.Equals(new MyS { A = 6 }) + b.GetHashCode(); }
    static string Body()
    {
        var t = new StringBuilder();
        foreach (Func<string> f in new Func<string>[] { Lists, Dicts, Keys, Strings, Tuples, Casts, Lazy, Sorts, Sets, Spans, Nulls })
            t.Append(f()).Append('\n');
        return t.ToString();
    }
    static int Main() => Harness.Run(Body);
}
