// Takes in small members of another assembly and of the framework.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

struct Own { public int A; public string B; }

static class Program
{
    static StringBuilder output;

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Say(object o) { output.Append(Convert.ToString(o, CultureInfo.InvariantCulture)).Append('\n'); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Fields(Box box)
    {
        box.Value = 5; box.Value += 3; box.Name += "!"; box.Small = (byte)(box.Value * 100);
        box.Place = box.Place + 1;
        Say(box.Value); Say(box.Name); Say(box.Small); Say(box.Twice()); Say(box.IsBig); Say(box.Narrow(0x1FFFF));
        Say(box.Widen(-3)); Say(box.Both.First); Say(((Box)box.Both.Second).Value); Say(Box.Answer + Box.Constant);
        Say(Box.Literal); Say(ReferenceEquals(Box.Literal, "a literal of the library")); Say(box.Virtual);
        Say(Box.Max(box.Value, 3) + Box.Max(2, box.Value) * 10);
        Say(new Box().Value); Say(new Box(3).Value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Framed(Box nothing, Box box)
    {
        try { Say(nothing.Value); } catch (NullReferenceException) { Say("null read"); }
        try { nothing.Name = "x"; } catch (NullReferenceException) { Say("null written"); }
        try { Say(box.Divide(0)); } catch (DivideByZeroException) { Say("divided"); } finally { Say(box.Divide(2)); }
        try { Say(box.Throws()); } catch (InvalidOperationException e) { Say(e.Message); Say(e.StackTrace.Contains("Throws")); }
        try { throw new Failure(box.Value); } catch (Failure f) { Say(f.Code); }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Asked()
    {
        Say(Box.Here()); Say(Box.Asks());
        Say(Box.Shown(5)); Say(new Box(4).Marked());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Derivation(Derived derived)
    {
        derived["a"] = 1;
        Say(derived.Extra + derived.Count); Say(derived.Inner.Value); Say(derived.Deep);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Generics<T>(T value, Cell<T> cell)
    {
        cell.Item = value; Cell<T>.Made += 2;
        Say(cell.Item); Say(Cell<T>.Made); Say(cell.Some().GetType()); Say(cell.Boxed()); Say(cell.Is("s"));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Exact(Cell<string> strings, Cell<int> numbers, Cell<Own> own)
    {
        strings.Item = "s" + numbers.Item; numbers.Item++; own.Item = new Own { A = numbers.Item, B = strings.Item };
        Cell<string>.Made += 5; Cell<int>.Made += 6; Cell<Own>.Made += 7;
        Say(strings.Item); Say(numbers.Item); Say(own.Item.A + own.Item.B); Say(strings.Some().GetType());
        Say(strings.Boxed()); Say(numbers.Boxed()); Say(strings.Is("s")); Say(strings.Is(4)); Say(numbers.Is(4));
        Say(Cell<string>.Made * 100 + Cell<int>.Made * 10 + Cell<Own>.Made);
        var pair = new Pair<Own>(own.Item, strings); Say(pair.First.B); Say(pair.Second == strings); Say(pair.Kind);
        var text = new Pair<string>("t", null); Say(text.First + text.Kind + (text.Second == null));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Structs(Vec vec)
    {
        Say(vec.Sum); Say(vec.Mark); Say(vec.Swapped().Y * 10 + vec.Swapped().X); vec.X = 8; Say(vec.Sum);
        Vec[] all = { vec, vec.Swapped() }; double sum = 0;
        foreach (Vec each in all) sum += each.Sum + each.Swapped().Mark;
        Say(sum);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Statics()
    {
        int before = Log.Count(); Say(Late.Nothing); Say(Precise.Nothing); Say(before <= Log.Count()); Say(Late.Token);
        Say(Precise.State >= 100); Log.PerThread = 3;
        int other = -1; var thread = new Thread(() => { other = Log.PerThread; Log.PerThread = 9; });
        thread.Start(); thread.Join(); Say(other); Say(Log.PerThread); Log.PerThread = 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Framework(List<int> numbers, List<string> texts, KeyValuePair<string, Own> pair, Tuple<string, int> tuple)
    {
        Say(numbers.Count + texts.Count); Say(pair.Key + pair.Value.B); Say(tuple.Item1 + tuple.Item2);
        Say(new Version(3, 4, 5).Minor); Say(new TimeSpan(1, 2, 3).Ticks); Say(new DateTime(5).Ticks);
        Say(new ArraySegment<string>(new[] { "a", "b", "c" }, 1, 2).Offset); Say(StringComparer.Ordinal != null);
        Say(CancellationToken.None.CanBeCanceled); Say(Task.CompletedTask.IsCompleted);
        foreach (KeyValuePair<string, int> each in new Dictionary<string, int> { { "k", 4 } }) Say(each.Key + each.Value);
        foreach (string text in texts) Say(text);
        Say(new ValueTask<int>(5).IsCompleted); Say(new ValueTask<int>(6).Result);
        Say(new AggregateException(new Exception("inner")).InnerExceptions.Count);
        Say(new Lazy<int>(() => 4).Value); Say(Encoding.UTF8.CodePage); Say(new object().Equals(null));
        Say(CultureInfo.InvariantCulture.Name.Length); Say(new WeakReference<string>("w").TryGetTarget(out _));
    }

#if TRIMMED
    static Task<int> Later(Box box, ValueTask<int> first) { return Task.FromResult(first.Result + box.Value + 3); }
#else
    static async Task<int> Later(Box box, ValueTask<int> first)
    {
        int value = await first; await Task.Yield(); return value + box.Value + await new ValueTask<int>(3);
    }
#endif

    public static string Run()
    {
        output = new StringBuilder();
        Fields(new Box(1)); Framed(null, new Box(8)); Asked(); Derivation(new Derived());
        Generics("s", new Cell<string>()); Generics(4, new Cell<int>()); Generics(new Own(), new Cell<Own>());
        Cell<string>.Made = Cell<int>.Made = Cell<Own>.Made = 0;
        Exact(new Cell<string>(), new Cell<int>(), new Cell<Own>()); Structs(new Vec(1.5, 2.25));
        Cell<string>.Made = Cell<int>.Made = Cell<Own>.Made = 0;
        Statics();
        Framework(new List<int> { 1, 2 }, new List<string> { "x" }, new KeyValuePair<string, Own>("key", new Own { B = "b" }), Tuple.Create("t", 1));
        Say(Later(new Box(5), new ValueTask<int>(2)).Result);
        return output.ToString();
    }

    static int Main() { return Harness.Run(Run); }
}
