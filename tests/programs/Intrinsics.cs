// native: Chars::* Spans::* Maybe::* Ordered::*
// gc: yes
// compiler: roslyn
// Methods of the core library that are expanded where they are called: strings, spans, Nullable, Volatile.
using System;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;

struct Item { public string Name; public int Count; public Item(string name, int count) { Name = name; Count = count; } }
struct Odd { public byte A, B, C; }

static class Chars
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static int Length(string s) => s.Length;
    [MethodImpl(No)] public static char At(string s, int i) => s[i];
    [MethodImpl(No)] public static int Hash(string s) { int h = 17; for (int i = 0; i < s.Length; i++) h = h * 31 + s[i]; return h; }
    [MethodImpl(No)] public static string Backwards(string s) { string t = ""; for (int i = s.Length - 1; i >= 0; i--) t += s[i]; return t; }
    [MethodImpl(No)] public static int Guarded(string s, int i) { int t = 0; try { t = 1; t += s[i]; t += s.Length; } catch (NullReferenceException) { t += 1000; } catch (IndexOutOfRangeException) { t += 2000; } return t; }
}

static class Spans
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static int Sum(Span<int> s) { int t = 0; for (int i = 0; i < s.Length; i++) t += s[i]; return t; }
    [MethodImpl(No)] public static int Count(ReadOnlySpan<char> s, char c) { int t = 0; foreach (char x in s) if (x == c) t++; return t; }
    [MethodImpl(No)] public static void Fill(Span<byte> s, int from) { for (int i = from; i < s.Length; i++) s[i] = (byte)(i * 3); }
    [MethodImpl(No)] public static int Get(in ReadOnlySpan<int> s, int i) => s[i];
    [MethodImpl(No)] public static bool Empty(Span<string> s, ReadOnlySpan<Odd> r) => s.IsEmpty && r.IsEmpty;
    [MethodImpl(No)] public static string Items(Span<Item> s) { s[1] = s[0]; s[1].Count += 5; ref Item r = ref s[2]; r.Name = Make(s[0].Name); GC.Collect(0); r.Count = s.Length; return s[1].Name + s[1].Count + s[2].Name + s[2].Count; }
    [MethodImpl(No)] static string Make(string s) => s + s.Length;
    [MethodImpl(No)] public static int Odds(Span<Odd> s, int i) { s[i].C = 7; s[i].A++; return s[i].C * 100 + s[i].A + s[0].B; }
    [MethodImpl(No)] public static string Names(ReadOnlySpan<string> s) { string t = ""; for (int i = 0; i < s.Length; i++) { t += s[i]; if (i == 1) GC.Collect(0); } return t; }
    [MethodImpl(No)] public static int Sliced(int[] a, int from, int n) { var s = new Span<int>(a, from, n); s[0] = 50; return Sum(s.Slice(1)) + s[0]; }
}

static class Maybe
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static int Int(int? x) => x.HasValue ? x.Value : x.GetValueOrDefault() - 1;
    [MethodImpl(No)] public static long? Add(long? a, long? b) => a + b;
    [MethodImpl(No)] public static string Item(Item? x) => x.HasValue + x.GetValueOrDefault().Name + (x ?? new Item("default", 3)).Count;
    [MethodImpl(No)] public static byte Byte(byte? x) => x.GetValueOrDefault();
    [MethodImpl(No)] public static double? Half(double? x) => x > 1 ? x / 2 : null;
    [MethodImpl(No)] public static bool Same(DateTime? a, DateTime? b) => a == b;
    [MethodImpl(No)] public static int Throws(int? x) { try { return x.Value; } catch (InvalidOperationException) { return -7; } }
    [MethodImpl(No)] public static int InArray(int?[] a, int i) => a[i].GetValueOrDefault() + (a[i].HasValue ? 100 : 0);
}

static class Ordered
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static int number; static object thing; static long big; static bool flag; static double real;
    [MethodImpl(No)] public static string All(object o) { Volatile.Write(ref number, -5); Volatile.Write(ref thing, o); Volatile.Write(ref big, long.MinValue); Volatile.Write(ref flag, true); Volatile.Write(ref real, 2.5); Interlocked.MemoryBarrier(); Thread.MemoryBarrier(); GC.Collect(0); return Volatile.Read(ref number) + "" + Volatile.Read(ref thing) + Volatile.Read(ref big) + Volatile.Read(ref flag) + Volatile.Read(ref real); }
    [MethodImpl(No)] public static int Array(int[] a, int i) { Volatile.Write(ref a[i], a[i] + 1); return Volatile.Read(ref a[i]); }
    [MethodImpl(No)] public static int Spin(int n) { int t = 0; number = 0; for (int i = 0; i < n; i++) { Volatile.Write(ref number, Volatile.Read(ref number) + i); t += Interlocked.Increment(ref number); } return t; }
}

static class Program
{
    static string Try(Func<object> f) { try { return "" + f(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        foreach (string s in new[] { "", "a", "héllo wörld", null })
        {
            t.Append(Try(() => Chars.Length(s))).Append(Try(() => Chars.Hash(s))).Append(Try(() => Chars.Backwards(s)));
            foreach (int i in new[] { 0, 1, 10, 11, -1, int.MinValue }) t.Append(Try(() => (int)Chars.At(s, i))).Append(Chars.Guarded(s, i)).Append(' ');
        }
        var bytes = new byte[20]; Spans.Fill(bytes, 3);
        t.Append('\n').Append(Spans.Sum(new[] { 1, 2, 3 })).Append(Spans.Sum(default)).Append(Spans.Count("banana", 'a')).Append(bytes[19]).Append(Try(() => { Spans.Fill(new byte[3], -1); return 1; }));
        foreach (int i in new[] { 0, 2, 3, -1 }) t.Append(Try(() => { ReadOnlySpan<int> s = new[] { 7, 8, 9 }; return Spans.Get(s, i); })).Append(Try(() => Spans.Get(default, i))).Append(Try(() => Spans.Odds(new Odd[3], i)));
        t.Append(Spans.Empty(default, default)).Append(Spans.Empty(new[] { "x" }, default)).Append(Spans.Items(new[] { new Item("n", 1), default, default })).Append(Spans.Names(new[] { "a", "bb", "ccc" })).Append(Spans.Sliced(new[] { 1, 2, 3, 4, 5 }, 1, 3)).Append('\n');
        t.Append(Maybe.Int(5)).Append(Maybe.Int(null)).Append(Maybe.Add(1, 2)).Append(Maybe.Add(null, 2)).Append(Maybe.Item(new Item("it", 9))).Append(Maybe.Item(null)).Append(Maybe.Byte(200)).Append(Maybe.Byte(null)).Append(Maybe.Half(9)).Append(Maybe.Half(null)).Append(Maybe.Same(DateTime.MinValue, null)).Append(Maybe.Same(DateTime.MaxValue, DateTime.MaxValue)).Append(Maybe.Throws(null)).Append(Maybe.Throws(3)).Append(Maybe.InArray(new int?[] { 1, null, 3 }, 1)).Append(Maybe.InArray(new int?[] { 1, null, 3 }, 2)).Append('\n');
        t.Append(Ordered.All("thing")).Append(Ordered.All(null)).Append(Ordered.Array(new[] { 4, 5 }, 1)).Append(Try(() => Ordered.Array(null, 0))).Append(Ordered.Spin(1000));
        return t.ToString();
    }

    static int Main() => Harness.Run(Body);
}
