// native: Bits::* Floats::* Types::*
// compiler: roslyn
// Arithmetic of the core library that is expanded where it is called, on edge values, bit for bit; comparisons of types.
using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;

static class Bits
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static string Counts(uint x) => BitOperations.LeadingZeroCount(x) + "," + BitOperations.TrailingZeroCount(x) + "," + BitOperations.TrailingZeroCount((int)x) + "," + BitOperations.PopCount(x) + "," + BitOperations.Log2(x);
    [MethodImpl(No)] public static string Counts(ulong x) => BitOperations.LeadingZeroCount(x) + "," + BitOperations.TrailingZeroCount(x) + "," + BitOperations.TrailingZeroCount((long)x) + "," + BitOperations.PopCount(x) + "," + BitOperations.Log2(x);
    [MethodImpl(No)] public static string Rotations(uint x, int n) => BitOperations.RotateLeft(x, n) + "," + BitOperations.RotateRight(x, n) + "," + BitOperations.RotateLeft(x, 5) + "," + BitOperations.RotateRight(x, 0);
    [MethodImpl(No)] public static string Rotations(ulong x, int n) => BitOperations.RotateLeft(x, n) + "," + BitOperations.RotateRight(x, n) + "," + BitOperations.RotateLeft(x, 5) + "," + BitOperations.RotateRight(x, 0);
    [MethodImpl(No)] public static int Loop(uint[] all) { int sum = 0; foreach (uint x in all) sum += BitOperations.PopCount(x) * 3 + BitOperations.Log2(x) + BitOperations.LeadingZeroCount(x); return sum; }
    [MethodImpl(No)] public static string Constants() => BitOperations.LeadingZeroCount(0u) + "," + BitOperations.TrailingZeroCount(0) + "," + BitOperations.Log2(0UL) + "," + BitOperations.PopCount(ulong.MaxValue) + "," + BitOperations.RotateLeft(1u, 33) + "," + BitOperations.TrailingZeroCount(0L) + "," + BitOperations.LeadingZeroCount(0UL);
}

static class Floats
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    [MethodImpl(No)] public static long Abs(double x) => BitConverter.DoubleToInt64Bits(Math.Abs(x));
    [MethodImpl(No)] public static long Sqrt(double x) => BitConverter.DoubleToInt64Bits(Math.Sqrt(x));
    [MethodImpl(No)] public static int AbsF(float x) => BitConverter.SingleToInt32Bits(MathF.Abs(x)) ^ BitConverter.SingleToInt32Bits(Math.Abs(-x));
    [MethodImpl(No)] public static int SqrtF(float x) => BitConverter.SingleToInt32Bits(MathF.Sqrt(x));
    [MethodImpl(No)] public static double Double(long bits) => BitConverter.Int64BitsToDouble(bits);
    [MethodImpl(No)] public static float Single(int bits) => BitConverter.Int32BitsToSingle(bits);
    [MethodImpl(No)] public static string Literals() => BitConverter.DoubleToInt64Bits(Math.Sqrt(-4.0)) + "," + BitConverter.DoubleToInt64Bits(Math.Sqrt(2.0)) + "," + BitConverter.DoubleToInt64Bits(Math.Sqrt(-0.0)) + "," + BitConverter.DoubleToInt64Bits(Math.Abs(double.NaN)) + "," + BitConverter.DoubleToInt64Bits(Math.Sqrt(double.NegativeInfinity)) + "," + BitConverter.SingleToInt32Bits(MathF.Sqrt(-1f)) + "," + BitConverter.DoubleToInt64Bits(Math.Sqrt(double.NaN));
    [MethodImpl(No)] public static double Norm(double[] v) { double s = 0; for (int i = 0; i < v.Length; i++) s += Math.Abs(v[i]) * v[i]; return Math.Sqrt(Math.Abs(s)); }
    [MethodImpl(No)] public static string Integers(int a, long b, short c, sbyte d) { string all = ""; try { all += Math.Abs(a); all += Math.Abs(b); all += Math.Abs(c); all += Math.Abs(d); } catch (OverflowException) { all += "o"; } return all + Math.Abs(-2.5m); }
}

static class Types
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    sealed class Strange : System.Reflection.TypeDelegator { public Strange(Type t) : base(t) { } public override bool Equals(Type o) => true; public override bool Equals(object o) => true; public override int GetHashCode() => 1; }
    [MethodImpl(No)] public static bool Is(object o) => o.GetType() == typeof(string);
    [MethodImpl(No)] public static bool IsNot(Type t) => typeof(int[]) != t;
    [MethodImpl(No)] public static string Known() => (typeof(int) == typeof(uint)) + "" + (typeof(string) != typeof(object)) + (typeof(Types) == typeof(Types)) + (typeof(DayOfWeek) == typeof(int));
    [MethodImpl(No)] public static string Shared<T>(object o) => (typeof(T) == typeof(string)) + "" + (typeof(T) == o.GetType()) + (typeof(T[]) != o.GetType());
    [MethodImpl(No)] public static string Unknown(Type a, Type b) => (a == b) + "" + (a != b) + (b == null) + (null == a);
    [MethodImpl(No)] public static string Odd() => IsNot(new Strange(typeof(int[]))) + "" + Unknown(new Strange(typeof(int)), new Strange(typeof(string))) + Unknown(typeof(int), new Strange(typeof(int)));
}

static class Program
{
    static string Body()
    {
        var t = new StringBuilder();
        uint[] words = { 0, 1, 2, 3, 7, 0x80000000, 0x7fffffff, 0xffffffff, 0x00010000, 0xaaaaaaaa, 12345678 };
        ulong[] longs = { 0, 1, 0x8000000000000000, ulong.MaxValue, 1UL << 32, 0xffffffff, 0x5555555555555555, 0x7fffffffffffffff };
        foreach (uint x in words) { t.Append(Bits.Counts(x)).Append(' '); foreach (int n in new[] { 0, 1, 31, 32, 33, -1, int.MinValue }) t.Append(Bits.Rotations(x, n)).Append(' '); t.Append('\n'); }
        foreach (ulong x in longs) { t.Append(Bits.Counts(x)).Append(' '); foreach (int n in new[] { 0, 1, 63, 64, 65, -1, 32 }) t.Append(Bits.Rotations(x, n)).Append(' '); t.Append('\n'); }
        t.Append(Bits.Loop(words)).Append(Bits.Constants()).Append('\n');
        double[] doubles = { 0, -0.0, 1, -1, 2, 1e-320, -1e-320, double.MaxValue, double.MinValue, double.Epsilon, double.PositiveInfinity, double.NegativeInfinity, double.NaN, -double.NaN, Floats.Double(0x7ff0000000000001), Floats.Double(unchecked((long)0xfff8000000001234)), 1e300, 0.1 };
        foreach (double x in doubles) t.Append(Floats.Abs(x).ToString("x")).Append(' ').Append(Floats.Sqrt(x).ToString("x")).Append(' ').Append(Floats.AbsF((float)x).ToString("x")).Append(' ').Append(Floats.SqrtF((float)x).ToString("x")).Append('\n');
        foreach (int bits in new[] { 0x7f800001, unchecked((int)0xff800001), 0x7fc00000, 1, unchecked((int)0x80000001), 0x3f800000 }) t.Append(BitConverter.SingleToInt32Bits(Floats.Single(bits)).ToString("x")).Append(Floats.SqrtF(Floats.Single(bits)).ToString("x")).Append(Floats.AbsF(Floats.Single(bits)).ToString("x")).Append('\n');
        t.Append(Floats.Literals()).Append(' ').Append(Floats.Norm(new[] { 1.5, -2, 3.25 })).Append(Floats.Integers(-5, long.MinValue, 3, 4)).Append(Floats.Integers(-5, -7, short.MinValue, 4)).Append(Floats.Integers(-5, -7, 3, -128)).Append('\n');
        t.Append(Types.Is("s")).Append(Types.Is(5)).Append(Types.IsNot(typeof(int[]))).Append(Types.IsNot(null)).Append(Types.Known()).Append(Types.Shared<string>("x")).Append(Types.Shared<object>(new object[0])).Append(Types.Unknown(typeof(int), typeof(int))).Append(Types.Unknown(null, null)).Append(Types.Odd()).Append('\n');
        return t.ToString();
    }
    static int Main() { return Harness.Run(Body); }
}
