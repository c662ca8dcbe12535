// native: Layouts::*
// gc: yes
// Structs of every layout kind as parameters, results, locals and fields: what an image assumes of them must be what the runtime lays out.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[StructLayout(LayoutKind.Auto)] struct AutoFlags { public bool A, B; }
[StructLayout(LayoutKind.Auto)] struct AutoByte { public byte A; }
[StructLayout(LayoutKind.Auto)] struct AutoShort { public byte A; public short B; }
[StructLayout(LayoutKind.Auto)] struct AutoInts { public byte A; public int B; public byte C; }
[StructLayout(LayoutKind.Auto)] struct AutoObject { public byte A; public string B; public int C; }
struct AutoInside { public byte X; public AutoFlags F; public short Y; }
struct AutoShortInside { public byte X; public AutoShort F; public byte Y; }
[StructLayout(LayoutKind.Auto)] struct AutoNested { public byte X; public AutoShort F; public int Y; }
[StructLayout(LayoutKind.Explicit)] struct ExplicitFlags { [FieldOffset(0)] public bool A; [FieldOffset(1)] public bool B; }
[StructLayout(LayoutKind.Explicit)] struct ExplicitChars { [FieldOffset(0)] public char A; [FieldOffset(4)] public char B; }
[StructLayout(LayoutKind.Explicit)] struct ExplicitUnion { [FieldOffset(0)] public int A; [FieldOffset(0)] public float B; [FieldOffset(4)] public short C; }
[StructLayout(LayoutKind.Explicit)] struct ExplicitObject { [FieldOffset(8)] public string A; [FieldOffset(0)] public int B; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] struct Packed { public byte A; public int B; public short C; }
[StructLayout(LayoutKind.Sequential, Pack = 2)] struct Packed2 { public byte A; public long B; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] struct PackedVolatile { public byte A; public volatile int B; public volatile float D; }
struct Flags { public bool A; public char B; public bool C; }
struct FlagsInside { public short X; public Flags F; public byte Y; }
struct WithNullable { public byte X; public bool? Y; public int? Z; public DateTime? T; }
struct WithTuple { public byte X; public ValueTuple<bool, bool> F; public ValueTuple<byte, short, string> G; }
struct WithDecimal { public byte X; public decimal D; public Guid G; public TimeSpan T; public DateTime W; public DateTimeOffset O; }

static class Layouts
{
    const MethodImplOptions Off = MethodImplOptions.NoInlining;
    [MethodImpl(Off)] static AutoFlags Swap(AutoFlags x) { var r = new AutoFlags(); r.A = x.B; r.B = !x.A; return r; }
    [MethodImpl(Off)] static AutoByte Next(AutoByte x) { x.A += 7; return x; }
    [MethodImpl(Off)] static AutoShort Next(AutoShort x) { x.A++; x.B -= 300; return x; }
    [MethodImpl(Off)] static AutoInts Next(AutoInts x) { x.A++; x.B *= 3; x.C--; return x; }
    [MethodImpl(Off)] static AutoObject Next(AutoObject x) { x.A++; x.B += x.C; x.C--; return x; }
    [MethodImpl(Off)] static AutoInside Next(AutoInside x) { x.F = Swap(x.F); x.X++; x.Y += 1000; return x; }
    [MethodImpl(Off)] static AutoShortInside Next(AutoShortInside x) { x.F = Next(x.F); x.X++; x.Y += 3; return x; }
    [MethodImpl(Off)] static AutoNested Next(AutoNested x) { x.F = Next(x.F); x.X++; x.Y += 1000; return x; }
    [MethodImpl(Off)] static ExplicitFlags Next(ExplicitFlags x) { bool a = x.A; x.A = x.B; x.B = !a; return x; }
    [MethodImpl(Off)] static ExplicitChars Next(ExplicitChars x) { x.A++; x.B--; return x; }
    [MethodImpl(Off)] static ExplicitUnion Next(ExplicitUnion x) { x.B += 1.5f; x.C++; return x; }
    [MethodImpl(Off)] static ExplicitObject Next(ExplicitObject x) { x.A += x.B; x.B++; return x; }
    [MethodImpl(Off)] static Packed Next(Packed x) { x.A++; x.B *= 5; x.C -= 9; return x; }
    [MethodImpl(Off)] static int Volatile(int n) { var x = new PackedVolatile(); for (int i = 0; i < n; i++) { x.A++; x.B += x.A; x.D += 0.5f; } return x.B + (int)x.D + x.A; }
    [MethodImpl(Off)] static Packed2 Next(Packed2 x) { x.A++; x.B *= 5; return x; }
    [MethodImpl(Off)] static Flags Next(Flags x) { x.A = x.C; x.B++; x.C = !x.C; return x; }
    [MethodImpl(Off)] static FlagsInside Next(FlagsInside x) { x.X++; x.F = Next(x.F); x.Y++; return x; }
    [MethodImpl(Off)] static WithNullable Next(WithNullable x) { x.Y = x.Y == null ? true : !x.Y; x.Z = x.Z + 1; x.T = x.T.GetValueOrDefault().AddDays(1); x.X++; return x; }
    [MethodImpl(Off)] static WithTuple Next(WithTuple x) { x.F = Next(x.F); x.G.Item3 += x.G.Item2; x.G.Item1++; x.X++; return x; }
    [MethodImpl(Off)] static ValueTuple<bool, bool> Next(ValueTuple<bool, bool> x) { return new ValueTuple<bool, bool>(x.Item2, !x.Item1); }
    [MethodImpl(Off)] static WithDecimal Next(WithDecimal x) { x.D *= 1.5m; x.T += TimeSpan.FromSeconds(1); x.W = x.W.AddHours(1); x.O = x.O.AddHours(24); x.X++; x.G = new Guid(x.X, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11); return x; }

    public static string All()
    {
        var f = Swap(Swap(Swap(new AutoFlags())));
        var b = Next(new AutoByte());
        var s = Next(Next(new AutoShort()));
        var i = Next(new AutoInts { A = 250, B = 1000000007, C = 0 });
        var o = Next(Next(new AutoObject { A = 1, B = "b", C = 5 }));
        var ai = Next(Next(new AutoInside()));
        var si = Next(Next(new AutoShortInside()));
        var n = Next(Next(new AutoNested()));
        var ef = Next(Next(new ExplicitFlags { A = true }));
        var ec = Next(new ExplicitChars { A = 'a', B = 'z' });
        var eu = Next(new ExplicitUnion { A = 1, C = 7 });
        var eo = Next(Next(new ExplicitObject { A = "o", B = 3 }));
        var p = Next(new Packed { A = 255, B = 123456789, C = 5 });
        var p2 = Next(new Packed2 { A = 255, B = 12345678901234 });
        var fl = Next(new Flags { A = true, B = 'q', C = true });
        var fi = Next(new FlagsInside { X = -1, F = fl, Y = 255 });
        var wn = Next(Next(new WithNullable { Z = 4 }));
        var wt = Next(Next(new WithTuple { G = new ValueTuple<byte, short, string>(1, 2, "g") }));
        var wd = Next(Next(new WithDecimal { D = 2, X = 9 }));
        return f.A + " " + f.B + " " + b.A + " " + s.A + "," + s.B + " " + i.A + "," + i.B + "," + i.C + " " + o.A + o.B + o.C
            + " " + ai.X + ai.F.A + ai.F.B + ai.Y + " " + si.X + "," + si.F.A + "," + si.F.B + "," + si.Y + " " + n.X + "," + n.F.A + "," + n.F.B + "," + n.Y
            + " " + ef.A + ef.B + " " + ec.A + ec.B + " " + eu.A + "," + eu.B + "," + eu.C + " " + eo.A + eo.B + " " + p.A + "," + p.B + "," + p.C + " " + p2.A + "," + p2.B
            + " " + fl.A + fl.B + fl.C + " " + fi.X + fi.F.A + fi.F.B + fi.F.C + fi.Y + " " + wn.X + "," + wn.Y + "," + wn.Z + "," + wn.T.Value.Ticks
            + " " + wt.X + wt.F + wt.G + " " + wd.D + "," + wd.G + "," + wd.T.Ticks + "," + wd.W.Ticks + "," + wd.O.Ticks + "," + wd.X + " " + Volatile(70);
    }
}

class Program
{
    static string Body() { string all = ""; for (int i = 0; i < 5; i++) all += Layouts.All() + "\n"; return all; }
    static int Main() { return Harness.Run(Body); }
}
