// native: Lists::* Maps::* Others::*
// gc: yes
// Non-generic code that uses exact instances of other assemblies' generics.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;

struct Key : IEquatable<Key> { public int A; public string B; public Key(int a, string b) { A = a; B = b; } public bool Equals(Key o) { return A == o.A && B == o.B; } public override int GetHashCode() { return A * 31 + B.Length; } public override bool Equals(object o) { return o is Key && Equals((Key)o); } }
class Node : IComparable<Node> { public int Rank; public string Label; public int CompareTo(Node o) { return Rank.CompareTo(o.Rank); } }

static class Lists
{
    public static string Strings(int n) { var l = new List<string>(); for (int i = 0; i < n; i++) l.Add("s" + i); l.Insert(2, "in"); l.RemoveAt(0); l[1] = l[2] + "x"; return l.Count + l[1] + l.IndexOf("s3") + l.Contains("in"); }
    public static long Ints(int n) { var l = new List<int>(n); for (int i = 0; i < n; i++) l.Add(i * i); long s = 0; for (int i = 0; i < l.Count; i++) s += l[i]; l.Reverse(); return s + l[0]; }
    public static string Enumerate(List<string> l) { var t = new StringBuilder(); foreach (string s in Copy(l)) t.Append(s); return t.ToString(); }
    static string[] Copy(List<string> l) { return l.ToArray(); }
    public static string Interfaces(IList<string> l, ICollection<int> c, IEnumerable e) { l.Add("z"); c.Add(4); IEnumerator x = e.GetEnumerator(); x.MoveNext(); return l.Count + l[0] + c.Count + c.Contains(4) + x.Current; }
    public static string Keys(List<Key> l) { l.Add(new Key(1, "one")); l.Add(new Key(2, "two")); Key k = l[0]; k.A = 50; return l[0].A + l[1].B + k.A + l.Contains(new Key(2, "two")); }
    public static string Sorted(List<Node> l) { l.Sort(); return l[0].Label + l[l.Count - 1].Label; }
}

static class Maps
{
    public static string Words(string text) { var d = new Dictionary<string, int>(); string[] words = text.Split(' '); for (int i = 0; i < words.Length; i++) { int n; d.TryGetValue(words[i], out n); d[words[i]] = n + 1; } return d.Count + "," + d["a"] + d.ContainsKey("zz"); }
    public static string Objects(Dictionary<int, object> d) { d[5] = "five"; d.Add(6, 6); object o; return (string)d[5] + d[6] + d.TryGetValue(7, out o) + (o == null) + d.Remove(5); }
    public static string Structs(Dictionary<Key, Node> d) { d[new Key(1, "x")] = new Node { Label = "n" }; Node n; return d.TryGetValue(new Key(1, "x"), out n) + n.Label + d.ContainsKey(new Key(2, "x")); }
    public static KeyValuePair<string, int> Pair(string s) { return new KeyValuePair<string, int>(s, s.Length); }
    public static string UsePair(string s) { KeyValuePair<string, int> p = Pair(s); return p.Key + p.Value; }
    public static string Set(HashSet<string> h) { return "" + h.Add("a") + h.Add("a") + h.Count; }
}

static class Others
{
    public static string Tuples(int a, string b) { var t = Tuple.Create(a, b); return t.Item1 + t.Item2 + t; }
    public static (int, string) Value(int a) { return (a, "v" + a); }
    public static string UseValue(int a) { var v = Value(a); v.Item1 += 5; return v.Item1 + v.Item2; }
    public static int? Max(int[] a) { int? m = null; for (int i = 0; i < a.Length; i++) if (!m.HasValue || a[i] > m.Value) m = a[i]; return m; }
    public static string Funcs(Func<int, string> f, Action<string> a, Predicate<int> p) { a(f(3)); return f(4) + p(5); }
    public static string LazyValue(Lazy<string> l) { return l.Value + l.IsValueCreated; }
    public static int Linq(int[] a) { return a.Where(x => x != 0).Aggregate(0, (x, y) => x + y) + a.Max() + a.Count() + a.First(); }
    public static string LinqStrings(string[] a) { return string.Join(",", a.Reverse().ToArray()) + a.Last() + a.Contains("b"); }
    public static string Empty() { return Array.Empty<string>().Length + "" + Enumerable.Empty<int>().Count(); }
    public static string Slice(int[] a) { var s = new ArraySegment<int>(a, 1, 2); return s.Count + "" + s.Offset + s.Array.Length; }
    public static int Compare(string a, string b) { return Comparer<string>.Default.Compare(a, b) + EqualityComparer<int>.Default.GetHashCode(5); }
    public static string Interlock(string s) { string x = "old"; string y = Interlocked.CompareExchange(ref x, s, "old"); return x + y; }
    public static string Queue(Queue<int> q, Stack<string> s) { q.Enqueue(1); q.Enqueue(2); s.Push("a"); s.Push("b"); return q.Dequeue() + s.Pop() + q.Count + s.Peek(); }
}

static class Program
{
    static string Body()
    {
        var t = new StringBuilder();
        t.Append(Lists.Strings(9)).Append(Lists.Ints(40)).Append(Lists.Enumerate(new List<string> { "a", "b" })).Append(Lists.Interfaces(new List<string> { "q" }, new List<int> { 1 }, new ArrayList { "first" })).Append(Lists.Keys(new List<Key>())).Append(Lists.Sorted(new List<Node> { new Node { Rank = 3, Label = "c" }, new Node { Rank = 1, Label = "a" } })).Append('\n');
        t.Append(Maps.Words("a b a c a b")).Append(Maps.Objects(new Dictionary<int, object>())).Append(Maps.Structs(new Dictionary<Key, Node>())).Append(Maps.UsePair("pair")).Append(Maps.Set(new HashSet<string>())).Append('\n');
        string seen = "";
        t.Append(Others.Tuples(1, "t")).Append(Others.UseValue(4)).Append(Others.Max(new[] { 3, 9, 2 })).Append(Others.Max(new int[0]).HasValue).Append(Others.Funcs(i => "f" + i, s => seen = s, i => i > 4)).Append(seen).Append(Others.LazyValue(new Lazy<string>(() => "lazy"))).Append(Others.Linq(new[] { 4, 5 })).Append(Others.LinqStrings(new[] { "a", "b" })).Append(Others.Empty()).Append(Others.Slice(new[] { 1, 2, 3, 4 })).Append(Others.Compare("a", "b")).Append(Others.Interlock("new")).Append(Others.Queue(new Queue<int>(), new Stack<string>())).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
