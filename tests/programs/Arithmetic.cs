// native: Ints::* Longs::* Unsigned::* Shifts::* Checked::*
// Integer arithmetic on edge values, checked arithmetic included; exceptions are caught by the JIT-compiled driver.
using System;
using System.Runtime.CompilerServices;
using System.Text;

static class Ints
{
    public static int Add(int a, int b) { return a + b; }
    public static int Sub(int a, int b) { return a - b; }
    public static int Mul(int a, int b) { return a * b; }
    public static int Div(int a, int b) { return a / b; }
    public static int Rem(int a, int b) { return a % b; }
    public static int Logic(int a, int b) { return (a & b) ^ (a | ~b) ^ -a; }
    public static int Mix(int a, int b) { int x = a; x += b * 3; x -= a / (b | 1); x ^= x << 7; x ^= (int)((uint)x >> 9); return x; }
    public static bool Less(int a, int b) { return a < b; }
    public static bool LessEqual(int a, int b) { return a <= b; }
    public static bool Same(int a, int b) { return a == b; }
    public static int DivConst(int a) { return a / 7 + a / -3 + a / 16 + a % 10 + a % 8; }
}

static class Longs
{
    public static long Add(long a, long b) { return a + b; }
    public static long Sub(long a, long b) { return a - b; }
    public static long Mul(long a, long b) { return a * b; }
    public static long Div(long a, long b) { return a / b; }
    public static long Rem(long a, long b) { return a % b; }
    public static long Logic(long a, long b) { return (a & b) ^ (a | ~b) ^ -a; }
    public static bool Less(long a, long b) { return a < b; }
    public static bool Greater(long a, long b) { return a > b; }
    public static long DivConst(long a) { return a / 7 + a / -3 + a / 16 + a % 10 + a % 8; }
    public static ulong MulHigh(ulong a, ulong b)
    {
        ulong al = (uint)a, ah = a >> 32, bl = (uint)b, bh = b >> 32;
        ulong t = al * bl, k = t >> 32;
        t = ah * bl + k;
        ulong w1 = (uint)t, w2 = t >> 32;
        t = al * bh + w1;
        return ah * bh + w2 + (t >> 32);
    }
}

static class Unsigned
{
    public static uint Div(uint a, uint b) { return a / b; }
    public static uint Rem(uint a, uint b) { return a % b; }
    public static ulong Div64(ulong a, ulong b) { return a / b; }
    public static ulong Rem64(ulong a, ulong b) { return a % b; }
    public static bool Less(uint a, uint b) { return a < b; }
    public static bool Less64(ulong a, ulong b) { return a < b; }
    public static uint Small(byte a, ushort b, sbyte c, short d) { return (uint)(a + b * 3 - c * 5 + d); }
    public static byte ToByte(int a) { byte b = (byte)a; b += 200; return b; }
    public static sbyte ToSByte(int a) { sbyte b = (sbyte)a; b -= 100; return b; }
    public static ushort ToUShort(int a) { ushort b = (ushort)a; b *= 3; return b; }
    public static short ToShort(int a) { short b = (short)a; b <<= 1; return b; }
    public static char ToChar(int a) { return (char)(a + 'A'); }
}

static class Shifts
{
    public static int Left(int a, int n) { return a << n; }
    public static int Right(int a, int n) { return a >> n; }
    public static uint RightUn(uint a, int n) { return a >> n; }
    public static long Left64(long a, int n) { return a << n; }
    public static long Right64(long a, int n) { return a >> n; }
    public static ulong RightUn64(ulong a, int n) { return a >> n; }
    public static uint Rotate(uint a, int n) { return (a << n) | (a >> (32 - n)); }
}

static class Checked
{
    public static int Add(int a, int b) { return checked(a + b); }
    public static int Sub(int a, int b) { return checked(a - b); }
    public static int Mul(int a, int b) { return checked(a * b); }
    public static uint AddUn(uint a, uint b) { return checked(a + b); }
    public static uint SubUn(uint a, uint b) { return checked(a - b); }
    public static uint MulUn(uint a, uint b) { return checked(a * b); }
    public static long Add64(long a, long b) { return checked(a + b); }
    public static long Mul64(long a, long b) { return checked(a * b); }
    public static ulong MulUn64(ulong a, ulong b) { return checked(a * b); }
    public static sbyte I1(long a) { return checked((sbyte)a); }
    public static byte U1(long a) { return checked((byte)a); }
    public static short I2(int a) { return checked((short)a); }
    public static ushort U2(int a) { return checked((ushort)a); }
    public static int I4(long a) { return checked((int)a); }
    public static uint U4(long a) { return checked((uint)a); }
    public static ulong U8(long a) { return checked((ulong)a); }
    public static long I8(ulong a) { return checked((long)a); }
    public static byte U1FromU8(ulong a) { return checked((byte)a); }
    public static int I4FromU4(uint a) { return checked((int)a); }
    public static sbyte I1FromU4(uint a) { return checked((sbyte)a); }
}

static class Program
{
    static readonly int[] ints = { 0, 1, -1, 2, -2, 7, 10, -13, 31, 32, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, 65535, 65536, 1000003, int.MaxValue, int.MinValue, int.MaxValue - 1, int.MinValue + 1 };
    static readonly long[] longs = { 0, 1, -1, 2, -2, 7, 63, 64, 127, 255, 256, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, -(1L << 32), 123456789012345, long.MaxValue, long.MinValue, long.MinValue + 1, long.MaxValue - 1 };
    static StringBuilder text;
    static uint hash;

    static void Note(string name, long value)
    {
        foreach (char c in name) hash = (hash ^ c) * 16777619;
        for (int i = 0; i < 8; i++) hash = (hash ^ (byte)(value >> (8 * i))) * 16777619;
    }

    static void Try(string name, Func<long> f)
    {
        try { Note(name, f()); }
        catch (ArithmeticException e) { foreach (char c in e.GetType().Name) Note(name, c); }
    }

    static void Line(string name) { text.Append(name).Append(' ').Append(hash.ToString("x8")).Append('\n'); hash = 2166136261; }

    static string Body()
    {
        text = new StringBuilder();
        hash = 2166136261;
        foreach (int a in ints)
            foreach (int b in ints)
            {
                Note("add", Ints.Add(a, b)); Note("sub", Ints.Sub(a, b)); Note("mul", Ints.Mul(a, b));
                Try("div", () => Ints.Div(a, b)); Try("rem", () => Ints.Rem(a, b)); Try("mix", () => Ints.Mix(a, b));
                Note("logic", Ints.Logic(a, b)); Note("lt", Ints.Less(a, b) ? 1 : 0); Note("le", Ints.LessEqual(a, b) ? 1 : 0); Note("eq", Ints.Same(a, b) ? 1 : 0);
                Note("divc", Ints.DivConst(a));
            }
        Line("ints");
        foreach (long a in longs)
            foreach (long b in longs)
            {
                Note("add", Longs.Add(a, b)); Note("sub", Longs.Sub(a, b)); Note("mul", Longs.Mul(a, b));
                Try("div", () => Longs.Div(a, b)); Try("rem", () => Longs.Rem(a, b)); Note("logic", Longs.Logic(a, b));
                Note("lt", Longs.Less(a, b) ? 1 : 0); Note("gt", Longs.Greater(a, b) ? 1 : 0); Note("divc", Longs.DivConst(a));
                Note("mulhigh", (long)Longs.MulHigh((ulong)a, (ulong)b));
            }
        Line("longs");
        foreach (int a in ints)
            foreach (int b in ints)
            {
                Try("div", () => Unsigned.Div((uint)a, (uint)b)); Try("rem", () => Unsigned.Rem((uint)a, (uint)b)); Note("lt", Unsigned.Less((uint)a, (uint)b) ? 1 : 0);
                Note("small", Unsigned.Small((byte)a, (ushort)b, (sbyte)b, (short)a));
                Note("byte", Unsigned.ToByte(a)); Note("sbyte", Unsigned.ToSByte(a)); Note("ushort", Unsigned.ToUShort(a)); Note("short", Unsigned.ToShort(a)); Note("char", Unsigned.ToChar(a));
            }
        foreach (long a in longs)
            foreach (long b in longs)
            {
                Try("div64", () => (long)Unsigned.Div64((ulong)a, (ulong)b)); Try("rem64", () => (long)Unsigned.Rem64((ulong)a, (ulong)b)); Note("lt64", Unsigned.Less64((ulong)a, (ulong)b) ? 1 : 0);
            }
        Line("unsigned");
        foreach (long a in longs)
            for (int n = -3; n < 70; n += 4)
            {
                Note("l", Shifts.Left((int)a, n)); Note("r", Shifts.Right((int)a, n)); Note("ru", Shifts.RightUn((uint)a, n));
                Note("l64", Shifts.Left64(a, n)); Note("r64", Shifts.Right64(a, n)); Note("ru64", (long)Shifts.RightUn64((ulong)a, n)); Note("rot", Shifts.Rotate((uint)a, n));
            }
        Line("shifts");
        foreach (int a in ints)
            foreach (int b in ints)
            {
                Try("add", () => Checked.Add(a, b)); Try("sub", () => Checked.Sub(a, b)); Try("mul", () => Checked.Mul(a, b));
                Try("addun", () => Checked.AddUn((uint)a, (uint)b)); Try("subun", () => Checked.SubUn((uint)a, (uint)b)); Try("mulun", () => Checked.MulUn((uint)a, (uint)b));
                Try("i2", () => Checked.I2(a)); Try("u2", () => Checked.U2(a)); Try("i4u4", () => Checked.I4FromU4((uint)a)); Try("i1u4", () => Checked.I1FromU4((uint)a));
            }
        foreach (long a in longs)
        {
            foreach (long b in longs) { Try("add64", () => Checked.Add64(a, b)); Try("mul64", () => Checked.Mul64(a, b)); Try("mulun64", () => (long)Checked.MulUn64((ulong)a, (ulong)b)); }
            Try("i1", () => Checked.I1(a)); Try("u1", () => Checked.U1(a)); Try("i4", () => Checked.I4(a)); Try("u4", () => Checked.U4(a));
            Try("u8", () => (long)Checked.U8(a)); Try("i8", () => Checked.I8((ulong)a)); Try("u1u8", () => Checked.U1FromU8((ulong)a));
        }
        Line("checked");
        return text.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
