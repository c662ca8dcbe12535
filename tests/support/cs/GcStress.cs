// Compacting collections from another thread while the program runs: every reference that native code holds must be
// reported to the collector and updated, or the program prints something else than under the JIT.
using System;
using System.Diagnostics;
using System.Runtime;
using System.Threading;

public static class GcStress
{
    static volatile bool running;
    static Thread thread;

    // Number of collections forced so far.
    public static int Collections;

    public static void Start()
    {
        running = true;
        thread = new Thread(Collect);
        thread.IsBackground = true;
        thread.Start();
    }

    public static void Stop()
    {
        running = false;
        thread.Join();
    }

    static void Collect()
    {
        var holes = new object[64];
        for (int round = 0; running; round++)
        {
            // Objects of changing size that die at once leave holes, so that compaction moves what survives.
            for (int i = 0; i < holes.Length; i++) holes[i] = new byte[24 + (i * 37 + round) % 200];
#if !TRIMMED
            if (round % 50 == 0) GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
#endif
            long start = Stopwatch.GetTimestamp();
            GC.Collect(round % 3, GCCollectionMode.Forced, true, true);
            Collections++;
            // Half of the time belongs to the program: without a pause it is stopped again before it got anywhere.
            Thread.Sleep(1 + (int)((Stopwatch.GetTimestamp() - start) * 1000 / Stopwatch.Frequency));
        }
        GC.KeepAlive(holes);
    }
}
