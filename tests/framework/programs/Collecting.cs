// LINQ and collections over value types: instances of the framework's own generics, as its images carry them.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;

static class Program
{
    enum Color { Red, Green, Blue }

    static string Join<T>(IEnumerable<T> values) { return string.Join(",", values.Select(v => v == null ? "-" : v.ToString())); }

    static IEnumerable<T> Lazy<T>(IEnumerable<T> values) { foreach (T value in values) yield return value; }

    static void Lists<T>(StringBuilder text, params T[] values) where T : IComparable<T>
    {
        var list = new List<T>(values);
        list.Sort(); list.Reverse(); list.Insert(1, values[0]); list.AddRange(list.ToArray()); list.RemoveAt(2); list.InsertRange(3, Lazy(values));
        text.Append(typeof(T).Name).Append(": ").Append(Join(list)).Append('|').Append(list.IndexOf(values[1])).Append(list.BinarySearch(values[0])).Append(list.Contains(values[2])).Append(list.FindLastIndex(v => v.Equals(values[0])));
        list.RemoveAll(v => v.CompareTo(values[1]) == 0); list.ForEach(v => text.Append(';').Append(v));
        var map = new Dictionary<T, int>(); var sorted = new SortedDictionary<T, T>(); var list2 = new SortedList<T, string>(); var set = new HashSet<T>(); var queue = new Queue<T>(); var stack = new Stack<T>(); var linked = new LinkedList<T>();
        for (int i = 0; i < 60; i++)
        {
            T value = values[i % values.Length];
            int count; map.TryGetValue(value, out count); map[value] = count + i; sorted[value] = values[(i + 1) % values.Length]; list2[value] = "v" + i; set.Add(value); queue.Enqueue(value); if (i % 3 == 0) text.Append(queue.Dequeue()); stack.Push(value); linked.AddFirst(value);
        }
        text.Append('|').Append(Join(map.OrderBy(p => p.Key).Select(p => p.Key + "=" + p.Value))).Append(Join(sorted)).Append(Join(list2)).Append(Join(set.OrderBy(v => v))).Append(stack.Pop()).Append(linked.Last.Value).Append(queue.Count);
        set.IntersectWith(values.Skip(1)); set.SymmetricExceptWith(values.Take(2)); text.Append(set.Count);
        var ordered = new SortedSet<T>(values); text.Append(ordered.Min).Append(ordered.Max).Append(Join(ordered.Reverse()));
        var dictionary = new ConcurrentDictionary<T, int>(); foreach (T value in values) dictionary.AddOrUpdate(value, 1, (k, v) => v + 1); text.Append(dictionary.Count);
        text.AppendLine();
    }

    static void Queries<T>(StringBuilder text, params T[] values) where T : IComparable<T>
    {
        IEnumerable<T> lazy = Lazy(values);
        text.Append(Join(values.Where(v => v.CompareTo(values[0]) != 0).Select(v => v).Skip(1).Take(3))).Append('|').Append(Join(lazy.OrderBy(v => v).ThenByDescending(v => v.GetHashCode()))).Append('|').Append(Join(values.Distinct().Concat(lazy).Reverse().Prepend(values[1]).Append(values[2])));
        text.Append('|').Append(Join(lazy.GroupBy(v => v.ToString().Length).Select(g => g.Key + ":" + g.Count()))).Append(Join(values.Zip(lazy.Skip(1), (a, b) => a + "/" + b))).Append(Join(values.Join(lazy, a => a, b => b, (a, b) => a)));
        text.Append('|').Append(lazy.Max()).Append(lazy.Min()).Append(lazy.First()).Append(lazy.Last()).Append(lazy.ElementAt(1)).Append(lazy.Any()).Append(lazy.Contains(values[1])).Append(values.SequenceEqual(lazy)).Append(lazy.Count(v => v.Equals(values[0]))).Append(lazy.Aggregate("", (s, v) => s + v));
        text.Append('|').Append(Join(lazy.Union(values).Except(values.Take(1)).Intersect(lazy))).Append(Join(lazy.ToDictionary(v => Guid.NewGuid(), v => v).Values.OrderBy(v => v))).Append(Join(lazy.ToLookup(v => v)[values[0]])).Append(Join(values.SelectMany(v => new[] { v, v }).SkipWhile(v => v.Equals(values[0])).TakeWhile(v => true)));
        text.AppendLine();
    }

    static void Immutable<T>(StringBuilder text, params T[] values)
    {
        ImmutableArray<T> array = ImmutableArray.CreateRange(values).Add(values[0]).Insert(1, values[1]).RemoveAt(0);
        ImmutableList<T> list = ImmutableList.CreateRange(Lazy(values)).AddRange(values).Reverse().SetItem(0, values[2]);
        ImmutableDictionary<int, T> map = ImmutableDictionary<int, T>.Empty; ImmutableSortedDictionary<string, T> sorted = ImmutableSortedDictionary<string, T>.Empty;
        for (int i = 0; i < values.Length * 3; i++) { map = map.SetItem(i * 7 % 11, values[i % values.Length]); sorted = sorted.SetItem("k" + i * 5 % 13, values[i % values.Length]); }
        var queue = ImmutableQueue.Create(values).Enqueue(values[0]).Dequeue(); var stack = ImmutableStack.Create(values).Push(values[1]); var set = ImmutableHashSet.Create(values).Add(values[0]).Remove(values[1]);
        text.Append(Join(array)).Append(array.IndexOf(values[2])).Append(Join(list)).Append(list.IndexOf(values[1])).Append(Join(map.OrderBy(p => p.Key))).Append(Join(sorted.OrderBy(p => p.Key, StringComparer.Ordinal))).Append(Join(queue)).Append(Join(stack)).Append(set.Count).Append(Join(array.ToBuilder().Select(v => v))).AppendLine();
    }

    static string Body()
    {
        var text = new StringBuilder();
        Lists(text, 5, -3, 17, 5, 0, 99); Lists(text, 5L, -3L, 17L); Lists<byte>(text, 5, 3, 200, 0); Lists(text, 'x', 'a', 'm'); Lists(text, 1.5, -2.25, 1e10); Lists(text, "b", "a", "zz"); Lists(text, true, false, true); Lists<short>(text, -5, 300, 7); Lists(text, 5u, 0u, uint.MaxValue); Lists(text, 1.5m, -7m, 3m); Lists(text, new DateTime(2020, 1, 2), new DateTime(1999, 5, 5), new DateTime(2001, 1, 1)); Lists(text, TimeSpan.FromHours(3), TimeSpan.Zero, TimeSpan.FromDays(-1)); Lists(text, Guid.Empty, new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), new Guid("00000000-0000-0000-0000-000000000001"));
        Queries(text, 5, -3, 17, 5, 0, 99); Queries(text, 5L, -3L, 17L, 5L); Queries(text, 1.5, -2.25, 1e10, 1.5); Queries<byte>(text, 5, 3, 200, 0); Queries(text, 'x', 'a', 'm', 'a'); Queries(text, 1.5m, -7m, 3m, 3m); Queries(text, "b", "a", "zz", "b");
        Immutable(text, 5, -3, 17, 5); Immutable(text, "b", "a", "zz"); Immutable<byte>(text, 5, 3, 200); Immutable(text, Color.Blue, Color.Red, Color.Green); Immutable(text, new KeyValuePair<string, int>("p", 1), new KeyValuePair<string, int>("q", 2), new KeyValuePair<string, int>("r", 3));
        int[] numbers = { 3, -4, 9, 12, 0 }; long[] longs = { 3, long.MaxValue / 4 }; double[] doubles = { 3.5, -1, 7 }; int?[] holes = { 3, null, -7 };
        text.Append(numbers.Sum()).Append(',').Append(numbers.Average()).Append(',').Append(longs.Sum()).Append(',').Append(doubles.Average()).Append(',').Append(holes.Sum()).Append(',').Append(holes.Max()).Append(',').Append(numbers.Select(n => (long)n * n).Max()).Append(',').Append(numbers.Sum(n => (decimal)n)).Append(',').Append(Enumerable.Range(5, 40).Where(n => n % 3 == 0).Select(n => n * 0.5).Sum()).AppendLine();
        var pairs = numbers.Select((n, i) => (n, i)).OrderBy(p => p.n).ToDictionary(p => p.i, p => (p.n, Name: "n" + p.n)); text.Append(Join(pairs.OrderBy(p => p.Key))).AppendLine();
        var tuples = new Dictionary<(int, string), List<(int, Color)>>(); for (int i = 0; i < 30; i++) { var key = (i % 4, "k" + i % 3); if (!tuples.TryGetValue(key, out var found)) tuples[key] = found = new List<(int, Color)>(); found.Add((i, (Color)(i % 3))); }
        text.Append(Join(tuples.OrderBy(t => t.Key).Select(t => t.Key + "=" + Join(t.Value)))).AppendLine();
        Array.Sort(numbers, (a, b) => b - a); Array.Sort(doubles); text.Append(Join(numbers)).Append(Join(doubles)).Append(Array.BinarySearch(doubles, 3.5)).Append(Array.FindAll(numbers, n => n > 2).Length).Append(Join(Array.ConvertAll(numbers, n => (byte)n))).AppendLine();
        try { foreach (int n in new List<int>(numbers) is var l ? l : null) l.Add(n); } catch (InvalidOperationException e) { text.Append(e.GetType().Name); }
        try { new Dictionary<int, int> { [1] = 1 }.Add(1, 2); } catch (ArgumentException e) { text.Append(e.GetType().Name); }
        return text.AppendLine().ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
