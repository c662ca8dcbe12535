// native: Data::*
// gc: yes
// compiler: roslyn
// Static fields with initial data: spans over constants, arrays made from them, at odd alignments.
using System;
using System.Runtime.CompilerServices;
using System.Text;

static class Data
{
    static ReadOnlySpan<byte> Five => new byte[] { 1, 2, 3, 4, 250 };
    static ReadOnlySpan<bool> Flags => new[] { true, false, true };
    static ReadOnlySpan<sbyte> Signed => new sbyte[] { -1, -128, 127 };
    static ReadOnlySpan<byte> Utf8 => "grüße"u8;
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Sum() { int t = 0; foreach (byte b in Five) t = t * 3 + b; return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int At(int i) => Five[i];
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Others() => Flags[0] + " " + Flags[1] + Signed[1] + Signed.Length + Utf8.Length + Utf8[2];
    [MethodImpl(MethodImplOptions.NoInlining)] public static bool Same() => Unsafe.AreSame(ref Unsafe.AsRef(in Five[0]), ref Unsafe.AsRef(in Five[0])) && Five == Five;
    [MethodImpl(MethodImplOptions.NoInlining)] public static long Arrays() { var a = new[] { 1, 2, 3, int.MinValue, 5 }; var b = new long[] { -1, long.MaxValue, 3 }; var c = new double[] { 1.5, double.NaN, -0.0 }; a[0]++; return a[0] + a[3] + b[1] + (long)c[0] + new[] { 1, 2, 3, int.MinValue, 5 }[0]; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Searched(byte x) => Five.IndexOf(x);
    [MethodImpl(MethodImplOptions.NoInlining)] public static string Kept(int n) { ReadOnlySpan<byte> s = Five; string text = ""; for (int i = 0; i < n; i++) text += new object().GetType().Name.Length + s[i % s.Length]; return text; }
}

static class Program
{
    static string Body()
    {
        var text = new StringBuilder(); text.Append(Data.Sum());
        for (int i = 0; i < 6; i++)
        {
            try { text.Append(Data.At(i)); } catch (IndexOutOfRangeException) { text.Append("out of range"); }
        }
        return text + Data.Others() + Data.Same() + Data.Arrays() + Data.Searched(3) + Data.Kept(20);
    }

    static int Main() => Harness.Run(Body);
}
