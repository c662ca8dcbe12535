// How long a collection waits for a loop of another thread: see bench/suspension.py.
//
//   Suspension.dll KIND LENGTH COLLECTIONS     prints the waits in microseconds, one per line
using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;

static class Loops
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    public sealed class Node { public int Id; public Node Next; }

    // Without calls; the first three are loops that an optimiser may vectorise.
    [MethodImpl(No)] public static int Sum(int[] a, int turns) { int s = 0; for (int t = 0; t < turns; t++) for (int i = 0; i < a.Length; i++) s += a[i]; return s; }
    [MethodImpl(No)] public static int Map(int[] a, int[] b, int turns) { for (int t = 0; t < turns; t++) for (int i = 0; i < a.Length && i < b.Length; i++) b[i] = a[i] * 3 + t; return b[7]; }
    [MethodImpl(No)] public static double Floats(double[] a, int turns) { double s = 0; for (int t = 0; t < turns; t++) for (int i = 0; i < a.Length; i++) s += a[i] * 1.5; return s; }
    [MethodImpl(No)] public static int Hash(int[] a, long n) { int s = 0; for (long i = 0; i < n; i++) s = s * 31 + a[(int)(i & 1023)]; return s; }
    [MethodImpl(No)] public static int Chase(Node node, long n) { int s = 0; for (long i = 0; i < n; i++) { node = node.Next; s ^= node.Id; } return s; }
    // With calls that return at once.
    [MethodImpl(No)] static int Tiny(int x) { return x + 1; }
    [MethodImpl(No)] static object Give(object o) { return o; }
    [MethodImpl(No)] public static int Calls(long n) { int s = 0; for (long i = 0; i < n; i++) s = Tiny(s); return s; }
    [MethodImpl(No)] public static int References(object o, long n) { int s = 0; for (long i = 0; i < n; i++) if (Give(o) == o) s++; return s; }
    [MethodImpl(No)] public static int Rare(int[] a, long n) { int s = 0; for (long i = 0; i < n; i++) { s += a[(int)(i & 1023)]; if ((i & 4095) == 0) s = Tiny(s); } return s; }

    public static Func<long, object> Make(string kind)
    {
        var a = new int[10000]; var b = new int[10000]; var d = new double[10000];
        for (int i = 0; i < a.Length; i++) d[i] = a[i] = i * 7919;
        var ring = new Node(); ring.Next = ring;
        for (int i = 1; i < 100; i++) ring.Next = new Node { Id = i, Next = ring.Next };
        switch (kind)
        {
            case "sum": return n => Sum(a, (int)(n / a.Length));
            case "map": return n => Map(a, b, (int)(n / a.Length));
            case "floats": return n => Floats(d, (int)(n / a.Length));
            case "hash": return n => Hash(a, n);
            case "chase": return n => Chase(ring, n);
            case "calls": return n => Calls(n);
            case "references": return n => References(ring, n);
            case "rare": return n => Rare(a, n);
            default: throw new ArgumentException(kind);
        }
    }
}

static class Program
{
    static volatile bool stop;
    static volatile int started;

    static int Main(string[] args)
    {
        Func<long, object> loop = Loops.Make(args[0]);
        long length = long.Parse(args[1]);
        var waits = new double[int.Parse(args[2])];
        GC.Collect();
        var thread = new Thread(() => { loop(20000); started = 1; while (!stop) loop(length); });
        thread.Start();
        while (started == 0) Thread.Sleep(1);
        for (int i = 0; i < waits.Length; i++)
        {
            Thread.Sleep(1);
            long begin = Stopwatch.GetTimestamp();
            GC.Collect(0, GCCollectionMode.Forced, true);
            waits[i] = (Stopwatch.GetTimestamp() - begin) * 1e6 / Stopwatch.Frequency;
        }
        stop = true;
        thread.Join();
        foreach (double wait in waits) Console.WriteLine(wait.ToString("F1", System.Globalization.CultureInfo.InvariantCulture));
        return 0;
    }
}
