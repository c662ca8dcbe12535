// Ref fields, inline arrays, static abstract members, generic math over every kind of number, checked and saturating conversions.
using System; using System.Collections.Generic; using System.Linq; using System.Numerics; using System.Runtime.CompilerServices; using System.Runtime.InteropServices; using System.Text; using System.Threading; using System.Threading.Tasks;
[InlineArray(7)] struct Seven<T> { T e; }
[InlineArray(3)] struct Three { int e; }
[InlineArray(4)] struct Strs { string s; }
ref struct RF { public ref int R; public ref readonly string S; public Span<byte> B; public ref Seven<string> Q; }
ref struct Chain { public ref Big B; public int K; public Chain Next(int i) => new Chain { B = ref Unsafe.Add(ref B, i), K = K + i }; }
struct Big { public long A; public string S; public double D; public object O; public byte X; }
interface INum<T> where T : INum<T> { static abstract T operator +(T a, T b); static abstract T Zero { get; } static virtual T Twice(T a) => a + a; static abstract implicit operator T(int x); static abstract explicit operator checked int(T x); static abstract explicit operator int(T x); }
struct V2 : INum<V2>, IEquatable<V2> { public float X, Y; public static V2 operator +(V2 a, V2 b) => new V2 { X = a.X + b.X, Y = a.Y + b.Y }; public static V2 Zero => default; public static implicit operator V2(int x) => new V2 { X = x, Y = -x }; public static explicit operator checked int(V2 v) => checked((int)v.X); public static explicit operator int(V2 v) => unchecked((int)v.X); public bool Equals(V2 o) => X == o.X; public override string ToString() => X + ":" + Y; }
class Ref1 : INum<Ref1> { public string V = ""; public static Ref1 operator +(Ref1 a, Ref1 b) => new Ref1 { V = a.V + b.V }; public static Ref1 Zero => new Ref1(); public static implicit operator Ref1(int x) => new Ref1 { V = x.ToString() }; public static explicit operator checked int(Ref1 v) => checked(v.V.Length + int.MaxValue); public static explicit operator int(Ref1 v) => v.V.Length; static Ref1 INum<Ref1>.Twice(Ref1 a) => a + a + a; public override string ToString() => V; }
static class P
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    static StringBuilder o = new();
    static void L(string s) => o.Append(s).Append('\n');
    static string X(Action a) { try { a(); return "ok"; } catch (Exception e) { return e.GetType().Name; } }
    [MethodImpl(NI)] static int RefFields(int[] a, string[] s, ref Seven<string> q)
    {
        RF nullr = default; RF r = new RF { R = ref a[2], S = ref s[1], B = stackalloc byte[10], Q = ref q };
        r.R += 5; r.B[3] = 7; GC.Collect(0); r.Q[6] = r.S + r.R + r.B[3];
        r.R = ref a[0]; r.R--; r = Pass(r, ref a[1]); r.R *= 3; r.S = ref s[0];
        return r.R + r.S.Length + (r.Q[6] == null ? 0 : r.Q[6].Length) + (Unsafe.IsNullRef(ref nullr.R) ? 1000 : 0);
    }
    [MethodImpl(NI)] static RF Pass(RF r, ref int x) { return new RF { R = ref x, S = ref r.S, B = r.B, Q = ref r.Q }; }
    [MethodImpl(NI)] static string Chains(Big[] b) { var c = new Chain { B = ref b[0] }; for (int i = 0; i < 4; i++) { c = c.Next(i & 1 | 1); c.B.S += c.K; c.B.O = c.B.S; c.B.A -= i; GC.KeepAlive(new byte[100]); } ref Big last = ref c.B; last.D = last.A * 1.5; return string.Join(",", b.Select(x => x.S + x.A + x.D + x.O)); }
    [MethodImpl(NI)] static Seven<string> Fill(Seven<string> s, string p) { foreach (ref string e in s) { e = p + (e ?? "-"); p += "."; } return s; }
    [MethodImpl(NI)] static string Inline() { Seven<string> s = default; s[2] = "x"; s[^1] = "end"; s = Fill(s, "a"); Span<string> sp = s[1..5]; sp.Reverse(); ReadOnlySpan<string> ro = s; Three t = default; for (int i = 0; i < 3; i++) t[i] = i * i; t[t[1]] += 40; int sum = 0; foreach (int v in t) sum += v; var arr = new Seven<(int, string)>[3]; arr[1][4] = (4, "q"); arr[1][4].Item1++; return string.Join("|", ro.ToArray()) + sum + arr[1][4] + X(() => { Three z = default; int k = int.Parse("3"); z[k] = 1; }) + X(() => { Three z = default; Span<int> q = z[1..int.Parse("4")]; }); }
    [MethodImpl(NI)] static string Num<T>(T a) where T : INum<T> { T s = T.Zero; for (int i = 0; i < 3; i++) s += a + i; int k = unchecked((int)s); string ck; try { ck = checked((int)s).ToString(); } catch (OverflowException) { ck = "ovf"; } return s + "/" + T.Twice(s) + "/" + k + "/" + ck; }
    [MethodImpl(NI)] static string Gen<T>(T a, T b) where T : INumber<T> { string r = ""; foreach (Func<T> f in new Func<T>[] { () => a + b, () => a - b, () => a * b, () => a / b, () => a % b, () => checked(a * b * a), () => T.Max(a, b), () => T.Abs(a - b), () => -a, () => T.Clamp(a, T.Zero, T.One), () => a + T.One }) try { r += f() + ";"; } catch (Exception e) { r += e.GetType().Name + ";"; } return r + a.CompareTo(b) + (a == b) + (a < b) + T.IsNegative(a) + (T.IsNaN(b) ? 7 : T.Sign(b)); }
    [MethodImpl(NI)] static string Conv<A, B>(A a) where A : INumber<A> where B : INumber<B> { string r = ""; try { r += B.CreateTruncating(a); } catch (Exception e) { r += e.GetType().Name; } r += ","; try { r += B.CreateSaturating(a); } catch (Exception e) { r += e.GetType().Name; } r += ","; try { r += B.CreateChecked(a); } catch (Exception e) { r += e.GetType().Name; } return r + ";"; }
    [MethodImpl(NI)] static Int128 Mul(Int128 a, Int128 b, UInt128 c) => a * b + (Int128)(c >> 3) - (Int128)Int64.MaxValue;
    [MethodImpl(NI)] static Int128 Many(int x, Int128 a, long y, Int128 b, short z, Int128 c, Int128 d) => a + b * 2 + c * 3 + d * 4 + x + y + z;
    [MethodImpl(NI)] static (UInt128, Half, nint, nuint, decimal, BigInteger, DateOnly, char) Eight(int n) => ((UInt128)n << 100, (Half)(n / 3.0), n, (nuint)n, n / 7m, BigInteger.Pow(n, 30), DateOnly.FromDayNumber(n * 1000), (char)('a' + n));
    [MethodImpl(NI)] static string EightS() => Eight(5).ToString();
    [MethodImpl(NI)] static string Halfs() { string r = ""; foreach (double d in new[] { 0, -0.0, 1e-8, 65504, 65520, -1e9, double.NaN, double.PositiveInfinity, 1.0009765625, 2049 }) { Half h = (Half)d; r += h + "," + (float)h + "," + (double)h + "," + BitConverter.HalfToUInt16Bits(h).ToString("x") + "," + (int)(float)h / 2 + ";"; } return r; }
    [MethodImpl(NI)] static string Native(nint a, nuint b) { string r = (a * 3 + (nint)b) + "," + (a >> 3) + "," + (a >>> 3) + "," + (b << 60) + "," + (int)a + "," + (a > (nint)b) + ","; r += X(() => { nint z = checked(a * nint.MaxValue); }) + X(() => { uint z = checked((uint)a); }) + X(() => { nuint z = checked((nuint)a); }); return r; }
    [MethodImpl(NI)] static string Shifts(int i, long l, byte b, uint u, ulong ul) => $"{i << 33},{i >> -1},{i >>> 37},{l << 65},{l >> 127},{l >>> -3},{b << 9},{u >> 33},{ul >> 66},{(short)(i >>> 5)},{~ul >>> 60},{(sbyte)(b >>> 1)}";
    [MethodImpl(NI)] static void Ints() { L(Gen((Int128)1 << 126, -5)); L(Gen(UInt128.MaxValue, (UInt128)3)); 
        foreach (Int128 d in new[] { Int128.MinValue, -1, Int128.MaxValue, (Int128)ulong.MaxValue, (Int128)ulong.MaxValue + 1 }) L(Conv<Int128, int>(d) + Conv<Int128, ulong>(d) + Conv<Int128, double>(d) + Conv<Int128, float>(d) + Conv<Int128, decimal>(d) + Conv<Int128, BigInteger>(d) + Conv<Int128, UInt128>(d) + Conv<Int128, Half>(d) + Conv<Int128, char>(d));
        L(Mul((Int128)long.MaxValue * 77, -3, UInt128.MaxValue).ToString()); L(Many(1, 2, 3, (Int128)4 << 70, 5, 6, -7).ToString());  foreach (double d in new[]{1e30,-1,double.NaN}) L(Conv<double, Int128>(d) + Conv<double, UInt128>(d)); }
    static string Body()
    {
        o.Clear();
        Seven<string> q = default; int[] a = { 1, 2, 3 }; string[] s = { "zero", "one" };
        int rf = RefFields(a, s, ref q); string q6 = q[6]; L(rf + " " + string.Join(",", a) + q6);
        L(Chains(new Big[9])); L(Inline());
        L(Num(new V2 { X = 1.5f })); L(Num(new Ref1 { V = "r" })); L(Num(new V2 { X = 3e9f }));
        L(Gen(7, 3)); L(Gen(int.MinValue, -1)); L(Gen(5L, 0L)); L(Gen((byte)200, (byte)100)); L(Gen((sbyte)-128, (sbyte)-1)); L(Gen(1.5, double.NaN)); L(Gen(-0.0f, 0f)); L(Gen((Half)3.5, (Half)0)); L(Gen(decimal.MaxValue, 2m)); L(Gen((nint)(-9), (nint)4)); L(Gen(BigInteger.Pow(10, 40), BigInteger.MinusOne)); L(Gen('a', 'b')); L(Gen((ushort)65535, (ushort)2)); L(Gen(ulong.MaxValue, 2UL));
        foreach (double d in new[] { 0, -1, 255.9, 256, -128.5, 2147483647.5, 2147483648, -2147483648.9, 4294967296, 9.3e18, 1.9e19, -9.3e18, 1e30, double.NaN, double.NegativeInfinity, 1e39 }) { L(Conv<double, sbyte>(d) + Conv<double, byte>(d) + Conv<double, short>(d) + Conv<double, ushort>(d) + Conv<double, int>(d) + Conv<double, uint>(d) + Conv<double, long>(d) + Conv<double, ulong>(d) + Conv<double, float>(d) + Conv<double, Half>(d) + Conv<double, decimal>(d) + Conv<double, nint>(d) + Conv<double, char>(d)); }
        Ints(); L(EightS()); L(Halfs()); L(Native(-5, 7)); L(Shifts(-77, long.MinValue + 5, 255, 0xdeadbeef, 0xfedcba9876543210));
        return o.ToString();
    }
    static int Main() => Harness.Run(Body);
}
