// native: Control::*
// Branches, loops, switches and evaluation order.
using System;
using System.Text;

static class Control
{
    public static int Dense(int x) { switch (x) { case 0: return 10; case 1: return 11; case 2: return 12; case 3: return 13; case 4: case 5: return 45; case 6: return 16; default: return -1; } }
    public static int Sparse(int x) { switch (x) { case -100: return 1; case 0: return 2; case 77: return 3; case 1000: return 4; case 1000000: return 5; default: return 6; } }
    public static int Fall(int x) { int r = 0; switch (x & 3) { case 0: r += 1; goto case 1; case 1: r += 10; goto case 2; case 2: r += 100; break; default: r = -5; break; } return r; }
    public static string Text(string s) { switch (s) { case "one": return "1"; case "two": return "2"; case "three": return "3"; case "four": return "4"; case "five": return "5"; case "six": return "6"; case "seven": return "7"; default: return s ?? "null"; } }
    public static int Collatz(int n) { int steps = 0; while (n != 1) { n = (n & 1) == 0 ? n / 2 : 3 * n + 1; steps++; if (steps > 1000) break; } return steps; }
    public static int Nested(int n) { int s = 0; for (int i = 0; i < n; i++) { for (int j = i; j < n; j++) { if ((i ^ j) % 3 == 0) continue; if (j - i > 5) break; s += i * j; } } return s; }
    public static bool Short(int a, int b, int[] log) { return Put(log, 0, a > 0) && (Put(log, 1, b > 0) || Put(log, 2, a > b)) && !Put(log, 3, a == b); }
    static bool Put(int[] log, int i, bool value) { log[i]++; return value; }
    public static int Ternary(int a, int b, int c) { return a < b ? b < c ? 1 : a < c ? 2 : 3 : a < c ? 4 : b < c ? 5 : 6; }
    public static long Fibonacci(int n) { return n < 2 ? n : Fibonacci(n - 1) + Fibonacci(n - 2); }
    public static int Order(int[] a) { int i = 0; return a[i++] * 100 + a[i++] * 10 + a[i++] + (i = 5) * 1000 + i; }
    public static int Swap(int a, int b) { int t = a; a = b; b = t; for (int i = 0; i < 3; i++) { t = a; a = b + i; b = t - i; } return a * 1000 + b; }
    public static int Goto(int n) { int r = 0; again: r += n; if (--n > 0) goto again; return r; }
    public static int DoWhile(int n) { int r = 1; do { r = r * 3 + n; n -= 2; } while (n > 0); return r; }
    public static object Merge(int n, object a, string b) { object o = n > 0 ? a : b; return o ?? "none"; }
    public static double MergeFloat(int n, double a, float b) { return n > 0 ? a : b; }
    public static uint Sieve(int n)
    {
        var composite = new bool[n + 1];
        uint sum = 0;
        for (int i = 2; i <= n; i++)
        {
            if (composite[i]) continue;
            sum += (uint)i;
            for (long j = (long)i * i; j <= n; j += i) composite[j] = true;
        }
        return sum;
    }
    public static int Long(int n) { int s = 0; for (long i = 0; i < n; i++) s += (int)(i % 7); return s; }
}

static class Program
{
    static string Body()
    {
        var t = new StringBuilder();
        for (int i = -2; i < 9; i++) t.Append(Control.Dense(i)).Append(',').Append(Control.Fall(i)).Append(' ');
        foreach (int i in new[] { -100, 0, 77, 1000, 1000000, 5, -1 }) t.Append(Control.Sparse(i)).Append(' ');
        foreach (string s in new[] { "one", "two", "three", "four", "five", "six", "seven", "eight", "", null }) t.Append(Control.Text(s)).Append(' ');
        t.Append(Control.Collatz(27)).Append(' ').Append(Control.Nested(20)).Append(' ');
        for (int a = -1; a < 3; a++) for (int b = -1; b < 3; b++) { var log = new int[4]; t.Append(Control.Short(a, b, log)).Append(string.Join("", log)).Append(' '); for (int c = 0; c < 3; c++) t.Append(Control.Ternary(a, b, c)); }
        t.Append(Control.Fibonacci(18)).Append(' ').Append(Control.Order(new[] { 3, 4, 5 })).Append(' ').Append(Control.Swap(3, 9)).Append(' ').Append(Control.Goto(10)).Append(' ').Append(Control.DoWhile(9)).Append(' ');
        t.Append(Control.Merge(1, "a", "b")).Append(Control.Merge(0, "a", "b")).Append(Control.Merge(0, "a", null)).Append(Control.MergeFloat(1, 0.1, 0.1f)).Append(Control.MergeFloat(0, 0.1, 0.1f)).Append(' ');
        t.Append(Control.Sieve(5000)).Append(' ').Append(Control.Long(10000)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
