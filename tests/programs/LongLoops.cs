// native: LongLoops::*
// A collection does not wait for a loop to end, whatever is in the loop: when it is done, the loop is still running. What
// a loop has done by then is read from what it writes to memory; one that is already at its end is repeated longer.
using System;
using System.Runtime.CompilerServices;
using System.Threading;

sealed class Link { public int Id; public Link Next; }

static class LongLoops
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    public static int[] Map(int[] a, int[] b, int turns) { for (int t = 1; t <= turns; t++) for (int i = 0; i < a.Length && i < b.Length; i++) b[i] = a[i] + t; return b; }
    public static int[] Accumulate(int[] a, int[] b, int turns) { for (int t = 1; t <= turns; t++) { int s = 0; for (int i = 0; i < a.Length; i++) s += a[i]; b[b.Length - 1] = t; b[0] = s; } return b; }
    public static int[] Chase(Link first, int[] b, int turns) { for (int t = 1; t <= turns; t++) { Link n = first; for (int i = 0; i < 1000; i++) n = n.Next; b[1] = n.Id; b[b.Length - 1] = t; } return b; }
    [MethodImpl(No)] static int Tiny(int x) { return x + 1; }
    [MethodImpl(No)] static object Give(object o) { return o; }
    public static int[] Calls(int[] b, int turns) { for (int t = 1; t <= turns; t++) { for (int i = 0; i < 1000; i++) b[2] = Tiny(i); b[b.Length - 1] = t; } return b; }
    public static int[] References(object o, int[] b, int turns) { for (int t = 1; t <= turns; t++) { for (int i = 0; i < 1000; i++) if (Give(o) != o) b[3]++; b[b.Length - 1] = t; } return b; }
    public static int[] Pointers(int[] b, int turns) { ref int place = ref b[b.Length - 1]; for (int t = 1; t <= turns; t++) { int s = 0; for (int i = 0; i < 1000; i++) s ^= place + i; b[4] = s; place = t; } return b; }
    public static int[] InTry(int[] b, int turns) { for (int t = 1; t <= turns; t++) { try { for (int i = 0; i < 1000; i++) b[5] ^= i; } finally { b[b.Length - 1] = t; } } return b; }
    public static int[] Goto(int[] b, int turns) { int t = 0, i; again: i = 0; inner: if (++i < 1000) goto inner; b[b.Length - 1] = ++t; if (t < turns) goto again; return b; }
}

static class Program
{
    static volatile int started;

    static string Collects(Func<int[], int, int[]> loop)
    {
        for (int turns = 20000; turns < 200000000; turns *= 4)
        {
            var b = new int[10000];
            int length = turns;
            started = 0;
            var thread = new Thread(() => { loop(b, 2); b[b.Length - 1] = 0; started = 1; loop(b, length); });
            thread.Start();
            while (started == 0) Thread.Yield();
            GC.Collect();
            int done = Volatile.Read(ref b[b.Length - 1]);
            thread.Join();
            if (done < length) return b[b.Length - 1] == length ? "still running\n" : "wrong\n";
        }
        return "waited for the end\n";
    }

    static int Main()
    {
        var a = new int[10000];
        var ring = new Link(); ring.Next = ring;
        for (int i = 1; i < 100; i++) ring.Next = new Link { Id = i, Next = ring.Next };
        Console.Write(Collects((b, n) => LongLoops.Map(a, b, n)));
        Console.Write(Collects((b, n) => LongLoops.Accumulate(a, b, n)));
        Console.Write(Collects((b, n) => LongLoops.Chase(ring, b, n)));
        Console.Write(Collects(LongLoops.Calls));
        Console.Write(Collects((b, n) => LongLoops.References(a, b, n)));
        Console.Write(Collects(LongLoops.Pointers));
        Console.Write(Collects(LongLoops.InTry));
        Console.Write(Collects(LongLoops.Goto));
        return 0;
    }
}
