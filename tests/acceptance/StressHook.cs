// A startup hook (docs/design/features/host-startup-hook.md of dotnet/runtime): compacting collections from another thread
// for the whole life of an unmodified application, which gets as much time between two as a collection takes. How many
// there were is written to the file that NATIVEGEN_STRESS_COUNT names when the process ends, so that a test can tell that
// it did stress.
using System;
using System.Diagnostics;
using System.IO;
using System.Threading;

internal static class StartupHook
{
    static int collections;

    public static void Initialize()
    {
        string file = Environment.GetEnvironmentVariable("NATIVEGEN_STRESS_COUNT");
        AppDomain.CurrentDomain.ProcessExit += (sender, e) => File.WriteAllText(file, collections.ToString());
        var thread = new Thread(Collect);
        thread.IsBackground = true;
        thread.Start();
    }

    static void Collect()
    {
        var holes = new object[64];
        for (;; collections++)
        {
            // Objects of changing size that die at once leave holes, so that compaction moves what survives.
            for (int i = 0; i < holes.Length; i++) holes[i] = new byte[24 + (i * 37 + collections) % 200];
            long start = Stopwatch.GetTimestamp();
            GC.Collect(collections % 3, GCCollectionMode.Forced, true, true);
            Thread.Sleep((int)(1000 * (Stopwatch.GetTimestamp() - start) / Stopwatch.Frequency) + 1);
        }
    }
}
