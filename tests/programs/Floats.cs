// native: F32::* F64::* Conversions::*
// Floating point bit for bit: NaN, infinities, negative zero, remainder, comparisons, conversions in and out of range.
using System;
using System.Text;

static class F32
{
    public static float Add(float a, float b) { return a + b; }
    public static float Sub(float a, float b) { return a - b; }
    public static float Mul(float a, float b) { return a * b; }
    public static float Div(float a, float b) { return a / b; }
    public static float Rem(float a, float b) { return a % b; }
    public static float Neg(float a) { return -a; }
    public static float Chain(float a, float b) { float s = 0; for (int i = 0; i < 10; i++) { s = s * a + b; s /= 1.1f; } return s; }
    public static int Compare(float a, float b) { return (a < b ? 1 : 0) | (a <= b ? 2 : 0) | (a == b ? 4 : 0) | (a != b ? 8 : 0) | (a >= b ? 16 : 0) | (a > b ? 32 : 0) | (!(a < b) ? 64 : 0) | (!(a > b) ? 128 : 0); }
    public static double Widen(float a, double b) { return a + b; }
}

static class F64
{
    public static double Add(double a, double b) { return a + b; }
    public static double Sub(double a, double b) { return a - b; }
    public static double Mul(double a, double b) { return a * b; }
    public static double Div(double a, double b) { return a / b; }
    public static double Rem(double a, double b) { return a % b; }
    public static double Neg(double a) { return -a; }
    public static double Poly(double x) { return ((x * 3.25 - 1.5) * x + 7.125) * x - 2.0; }
    public static int Compare(double a, double b) { return (a < b ? 1 : 0) | (a <= b ? 2 : 0) | (a == b ? 4 : 0) | (a != b ? 8 : 0) | (a >= b ? 16 : 0) | (a > b ? 32 : 0); }
    public static int Branches(double a, double b) { int r = 0; if (a < b) r++; else r += 10; if (!(a >= b)) r += 100; while (a < b && r < 2000) { r += 1000; } return r; }
    public static double Max(double a, double b) { return a > b ? a : b; }
    public static double Calls(double a) { return Math.Sqrt(Math.Abs(a)) + Math.Floor(a) - Math.Ceiling(a / 3); }
    public static double Sum(double[] a) { double s = 0; for (int i = 0; i < a.Length; i++) s += a[i] * i; return s; }
}

static class Conversions
{
    public static float ToSingle(double a) { return (float)a; }
    public static double ToDouble(float a) { return a; }
    public static float FromInt(int a) { return a; }
    public static double FromInt64(int a) { return a; }
    public static float FromLong(long a) { return a; }
    public static double FromLong64(long a) { return a; }
    public static double FromUInt(uint a) { return a; }
    public static float FromUInt32(uint a) { return a; }
    public static double FromULong(ulong a) { return a; }
    public static float FromULong32(ulong a) { return a; }
    public static int ToInt(double a) { return (int)a; }
    public static long ToLong(double a) { return (long)a; }
    public static uint ToUInt(double a) { return (uint)a; }
    public static ulong ToULong(double a) { return (ulong)a; }
    public static sbyte ToSByte(double a) { return (sbyte)a; }
    public static byte ToByte(double a) { return (byte)a; }
    public static short ToShort(double a) { return (short)a; }
    public static ushort ToUShort(double a) { return (ushort)a; }
    public static int FloatToInt(float a) { return (int)a; }
    public static long FloatToLong(float a) { return (long)a; }
    public static uint FloatToUInt(float a) { return (uint)a; }
    public static ulong FloatToULong(float a) { return (ulong)a; }
    public static int CheckedInt(double a) { return checked((int)a); }
    public static long CheckedLong(double a) { return checked((long)a); }
    public static byte CheckedByte(double a) { return checked((byte)a); }
    public static ulong CheckedULong(double a) { return checked((ulong)a); }
    public static long Bits(double a) { return BitConverter.DoubleToInt64Bits(a); }
}

static class Program
{
    static readonly double[] values = { 0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, 3.999999, 1e-310, 127.9, 128, 255.5, 256, -128.5, -129, 32767.5, 65535.9, 65536, 2147483647, 2147483648, -2147483648.0, -2147483649.0, 4294967295.0, 4294967296.0, 9.2233720368547758e18, -9.2233720368547758e18, 1.8446744073709552e19, 1e30, -1e30, 1e300, double.Epsilon, double.MaxValue, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 3.4e38, 0.1, Math.PI };
    static uint hash;

    static void Note(long value) { for (int i = 0; i < 8; i++) hash = (hash ^ (byte)(value >> (8 * i))) * 16777619; }
    // The payload of a NaN is nobody's promise; that it is one is.
    static void Note(double value) { Note(double.IsNaN(value) ? 0x7ff8dead : BitConverter.DoubleToInt64Bits(value)); }
    static void Try(Func<long> f) { try { Note(f()); } catch (OverflowException) { Note(-77); } }

    static string Line(string name) { string s = name + " " + hash.ToString("x8") + "\n"; hash = 2166136261; return s; }

    static string Body()
    {
        var text = new StringBuilder();
        hash = 2166136261;
        foreach (double x in values)
            foreach (double y in values)
            {
                float a = (float)x, b = (float)y;
                Note(F32.Add(a, b)); Note(F32.Sub(a, b)); Note(F32.Mul(a, b)); Note(F32.Div(a, b)); Note(F32.Rem(a, b)); Note(F32.Neg(a)); Note(F32.Chain(a, b)); Note(F32.Compare(a, b)); Note(F32.Widen(a, y));
            }
        text.Append(Line("f32"));
        foreach (double a in values)
            foreach (double b in values)
            {
                Note(F64.Add(a, b)); Note(F64.Sub(a, b)); Note(F64.Mul(a, b)); Note(F64.Div(a, b)); Note(F64.Rem(a, b)); Note(F64.Neg(a)); Note(F64.Poly(a)); Note(F64.Compare(a, b)); Note(F64.Branches(a, b)); Note(F64.Max(a, b)); Note(F64.Calls(a));
            }
        Note(F64.Sum(values));
        text.Append(Line("f64"));
        foreach (double a in values)
        {
            float f = (float)a;
            Note(Conversions.ToSingle(a)); Note(Conversions.ToDouble(f));
            Note(Conversions.ToInt(a)); text.Append(Conversions.ToInt(a)).Append(' ');
            Note(Conversions.ToLong(a)); text.Append(Conversions.ToLong(a)).Append(' ');
            Note(Conversions.ToUInt(a)); text.Append(Conversions.ToUInt(a)).Append(' ');
            Note((long)Conversions.ToULong(a)); text.Append(Conversions.ToULong(a)).Append(' ');
            text.Append(Conversions.ToSByte(a)).Append(' ').Append(Conversions.ToByte(a)).Append(' ').Append(Conversions.ToShort(a)).Append(' ').Append(Conversions.ToUShort(a)).Append(' ');
            text.Append(Conversions.FloatToInt(f)).Append(' ').Append(Conversions.FloatToLong(f)).Append(' ').Append(Conversions.FloatToUInt(f)).Append(' ').Append(Conversions.FloatToULong(f)).Append('\n');
            Try(() => Conversions.CheckedInt(a)); Try(() => Conversions.CheckedLong(a)); Try(() => Conversions.CheckedByte(a)); Try(() => (long)Conversions.CheckedULong(a));
            if (!double.IsNaN(a)) Note(Conversions.Bits(a));
        }
        foreach (long n in new long[] { 0, 1, -1, 16777217, int.MinValue, int.MaxValue, uint.MaxValue, long.MaxValue, long.MinValue, 9007199254740993, -9007199254740993, 0x7fffffffffffff80 })
        {
            Note(Conversions.FromInt((int)n)); Note(Conversions.FromInt64((int)n)); Note(Conversions.FromLong(n)); Note(Conversions.FromLong64(n));
            Note(Conversions.FromUInt((uint)n)); Note(Conversions.FromUInt32((uint)n)); Note(Conversions.FromULong((ulong)n)); Note(Conversions.FromULong32((ulong)n));
        }
        text.Append(Line("conversions"));
        return text.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
