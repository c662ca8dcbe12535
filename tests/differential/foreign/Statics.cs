// Code that reference types share in the framework's generics, with static fields of its own or of other generic classes.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;

public struct MyS : IEquatable<MyS> { public int A; public string B; public bool Equals(MyS o) => A == o.A; public override int GetHashCode() => A; }

static class Program
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] static async Task<string> Later(int n)
    {
        string text = "" + n;
        for (int i = 0; i < 3; i++)
        {
            await Task.Yield();
            text += i;
        }
        if (n == 2) throw new InvalidOperationException("two");
        return text;
    }
    [MethodImpl(NI)] static async Task<string> Caught(int n)
    {
        try { return await Later(n); }
        catch (InvalidOperationException e) { return e.Message; }
    }
    [MethodImpl(NI)] static string Awaited() => Caught(1).GetAwaiter().GetResult() + Caught(2).GetAwaiter().GetResult() + Later(3).GetAwaiter().GetResult();
    [MethodImpl(NI)] static string Added()
    {
        var d = new ConcurrentDictionary<MyS, string>();
        for (int i = 0; i < 200; i++) d.TryAdd(new MyS { A = i % 150 }, "v" + i);
        for (int i = 0; i < 50; i++) d[new MyS { A = i }] = "w" + i;
        return d.Count + d[new MyS { A = 7 }] + d[new MyS { A = 99 }] + d.GetOrAdd(new MyS { A = 999 }, k => "new" + k.A);
    }
    [MethodImpl(NI)] static string Sorted()
    {
        var d = new Dictionary<string, string>();
        for (int i = 0; i < 40; i++) d["k" + i * 7 % 40] = "v" + i;
        var t = new StringBuilder();
        foreach (var p in d.OrderBy(p => p.Value, StringComparer.Ordinal).ThenBy(p => p.Key, StringComparer.Ordinal)) t.Append(p.Key).Append(p.Value);
        return t.ToString();
    }
    static string Body() => Awaited() + "\n" + Added() + "\n" + Sorted() + "\n";
    static int Main() => Harness.Run(Body);
}
