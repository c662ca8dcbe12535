// Runs the body of a differential test program as the harness wishes (tests/support/differential.py):
// NATIVEGEN_GC_STRESS=1: with compacting collections from another thread.
// NATIVEGEN_REPEAT_MS=n: again and again for n milliseconds; without stress at least 60 times, so that the tiered JIT
// takes over while the program runs, with stress until 20 collections were forced. Each time the text must be the same.
using System;
using System.Diagnostics;

public static class Harness
{
    public static int Run(Func<string> body)
    {
        bool stress = Environment.GetEnvironmentVariable("NATIVEGEN_GC_STRESS") == "1";
        string wish = Environment.GetEnvironmentVariable("NATIVEGEN_REPEAT_MS");
        int milliseconds = wish == null ? 0 : int.Parse(wish);
        if (stress) GcStress.Start();
        string first = body();
        if (milliseconds > 0)
        {
            var clock = Stopwatch.StartNew();
            int rounds = stress ? 2 : 60;
            for (int i = 1; i < rounds || clock.ElapsedMilliseconds < milliseconds || stress && GcStress.Collections < 20; i++)
            {
                string again = body();
                if (again != first)
                {
                    Console.WriteLine("run " + i + " differs from the first:");
                    Console.WriteLine(again);
                    return 99;
                }
                if (!stress && i < rounds) System.Threading.Thread.Sleep(1);
            }
        }
        if (stress) GcStress.Stop();
        Console.Write(first);
        return 0;
    }
}
