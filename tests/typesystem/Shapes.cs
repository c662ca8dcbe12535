// Types whose layout and calling convention the tests compare with the runtimes; nothing of it runs.
using System;
using System.Collections.Generic;
using System.IO;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Threading;

public class GB<T>{ public T v; public byte b; }
public struct S0 { public byte a; public int b; }
public struct S1 { public byte a; public long b; public byte c; }
public struct S2 { public int a; public object b; }
public struct S3 { public byte a; public short b; public byte c; public int d; public byte e; }
public struct S4 { public bool a; public char b; public bool c; }
public struct S5 { public object a; public byte b; public object c; public int d; }
public struct S6 { public double a; public byte b; }
public struct S7 { public byte a; }
public struct S8 { public byte a; public byte b; public byte c; }
public struct S9 { public short a; public byte b; }
public struct S10 { public byte a; public S0 b; public byte c; }
public struct S11 { public byte a; public S2 b; public byte c; }
public struct S12 { public byte a; public decimal b; }
public struct S13 { public byte a; public DateTime b; public byte c; }
public struct S14 { public byte a; public Guid b; public byte c; }
public struct S15 { public byte a; public S8 b; public int c; }
public struct S16 { public object o; public S8 b; public byte c; }
public struct S17 { public int a; public S4 b; public long c; public S7 d; }
[StructLayout(LayoutKind.Sequential,Pack=1)] public struct S18 { public byte a; public int b; public short c; }
[StructLayout(LayoutKind.Sequential,Pack=2)] public struct S19 { public byte a; public long b; public int c; }
[StructLayout(LayoutKind.Sequential,Pack=4)] public struct S20 { public byte a; public long b; public int c; }
[StructLayout(LayoutKind.Explicit)] public struct S21 { [FieldOffset(0)] public byte a; [FieldOffset(4)] public int b; [FieldOffset(4)] public int c; }
[StructLayout(LayoutKind.Explicit)] public struct S22 { [FieldOffset(0)] public object a; [FieldOffset(8)] public int b; [FieldOffset(12)] public byte c; }
[StructLayout(LayoutKind.Sequential,Size=32)] public struct S23 { public byte a; public int b; }
public struct S24 { public byte a; public S18 b; public int c; }
[StructLayout(LayoutKind.Auto)] public struct S25 { public byte a; public int b; public byte c; }
public struct S26 { public byte a; public TimeSpan b; public byte c; }
public struct S27 { public byte a; public S25 b; public byte c; }
public struct S28 { public IntPtr a; public byte b; public S5 c; public byte d; }
public struct S29 { public float a; public double b; public float c; }
public struct S30 { public S7 a; public S7 b; public object o; public S7 c; }
public struct S31 { public byte a; public DateTimeOffset b; }
[StructLayout(LayoutKind.Explicit,Pack=1)] public struct S32 { [FieldOffset(0)] public byte a; [FieldOffset(1)] public long b; }
public class C0 { public byte a; public int b; public object c; }
public class C1 { public int a; public byte b; public long c; public short d; public object e; public object f; }
public class C2 { public byte a; }
public class C3: C2 { public byte a; public int b; }
public class C4: C2 { public byte c; public byte d; public short e; public long f; }
public class C5: C2 { public object o; public byte x; }
public class C6 { public S8 a; public byte b; }
public class C7 { public S0 a; public object b; public S2 c; public byte d; public int e; }
public class C8 { public decimal a; public byte b; public DateTime c; }
public class C9 { public S7 a; public S7 b; public byte c; }
public class C10: C9 { public byte z; public short y; }
public class C11: C4 { public bool a; public bool b; public int c; public double d; }
public class C12: Exception { public byte a; public int b; }
public class C13: EventArgs { public byte a; public object b; }
public class C14: MemoryStream { public byte a; public int b; }
public class C15: C14 { public short a; }
public class C16: C12 { public byte x; public object y; }
public class C17 { public S30 a; public S8 b; public int c; }
public class C18 { public float a; public IntPtr b; public char c; public string d; }
public class C19 { public byte a; public S18 b; public S3 c; }
public class C20: C19 { public byte q; }
public class C21: C20 { public int a; public int b; public byte c; }
public class C22 { public S29 s; public S14 g; public byte z; }
[StructLayout(LayoutKind.Sequential)] public class C23 { public int a; public byte b; }
[StructLayout(LayoutKind.Sequential)] public class C24 { public object a; public byte b; public int c; public long d; }
public class C25: StringReader { public byte a; public int b; public C25():base(""){} }
public class C26: C25 { public short a; public short b; public byte c; public C26(){} }
public class C27: C8 { public byte p; public short q; }
public class C28: C22 { public byte p; public short q; }
public class C29: C28 { public byte r; }
public class C30: GB<DateTime> { public byte p; public short q; }
public class C31: GB<S8> { public byte p; public short q; }
public class C32: GB<string> { public byte p; public int q; }
public class C33: GB<int> { public byte p; public short q; }
public class C34: C33 { public byte p; public byte q; }
[StructLayout(LayoutKind.Sequential)] public class C35 { public byte a; public long b; public byte c; }
[StructLayout(LayoutKind.Sequential)] public class C36: C35 { public byte a; public int b; }
[StructLayout(LayoutKind.Sequential,Pack=2)] public class C37 { public byte a; public long b; public byte c; }

// Blittable or not, enums, pointers, fixed buffers, given sizes, nesting.
public enum EByte : byte { A } public enum ELong : long { A }
public struct T0 { public EByte a; public ELong b; public EByte c; }
public unsafe struct T1 { public byte a; public int* p; public UIntPtr u; }
public unsafe struct T2 { public byte a; public fixed int b[3]; public fixed byte c[5]; }
public unsafe struct T3 { public fixed float b[4]; }
public unsafe struct T4 { public fixed double b[1]; public object o; }
[StructLayout(LayoutKind.Sequential, Size = 16)] public struct T5 { public float a; public float b; }
[StructLayout(LayoutKind.Sequential, Size = 16)] public struct T6 { public double a; }
[StructLayout(LayoutKind.Sequential, Size = 5)] public struct T7 { public byte a; }
[StructLayout(LayoutKind.Explicit)] public struct T8 { [FieldOffset(0)] public int a; [FieldOffset(4)] public bool b; }
[StructLayout(LayoutKind.Explicit)] public struct T9 { [FieldOffset(0)] public int a; [FieldOffset(4)] public byte b; }
[StructLayout(LayoutKind.Explicit)] public struct T10 { [FieldOffset(0)] public double a; [FieldOffset(0)] public long b; }
[StructLayout(LayoutKind.Explicit)] public struct T11 { [FieldOffset(0)] public float a; [FieldOffset(4)] public float b; [FieldOffset(8)] public double c; }
[StructLayout(LayoutKind.Explicit, Size = 12)] public struct T12 { [FieldOffset(2)] public short a; }
[StructLayout(LayoutKind.Explicit)] public struct T13 { [FieldOffset(8)] public string a; [FieldOffset(8)] public object b; [FieldOffset(0)] public char c; }
[StructLayout(LayoutKind.Explicit, Pack = 2)] public struct T14 { [FieldOffset(0)] public long a; [FieldOffset(8)] public byte b; }
public struct T15 { }
public struct T16 { public T15 a; public T15 b; public int c; }
public struct T17 { public T8 a; public long b; }
public struct T18 { public T5 a; public byte b; }
public struct T19<T, U> { public T a; public U b; public T c; }
public struct T20 { public T19<byte, string> a; public T19<int, long> b; public byte c; }
public struct T21 { public int? a; public DateTime? b; public bool? c; }
public struct T22 { public (byte, int) a; public (string, byte) b; public KeyValuePair<int, string> c; }
public struct T23 { public float a; public int b; public float c; }
public struct T24 { public double a; public int b; }
public struct T25 { public object a; public double b; }
public struct T26 { public float a, b, c, d; }
public struct T27 { public short a; public float b; public double c; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] public struct T28 { public byte a; public long b; public int c; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] public struct T29 { public int a; public float b; public double c; }
public struct T30 { public CancellationToken a; public TimeSpan b; }
public ref struct T31 { public Span<byte> a; public int b; }
public ref struct T32 { public int a; public ReadOnlySpan<char> b; public object c; }
public struct T33 { public decimal a; public byte b; }
public struct T34 { public DateTimeOffset a; public byte b; }
public struct T35 { public char a; public bool b; public T36 c; }
public struct T36 { public bool a; public char b; }
public struct T37 { public Vector2 a; public Vector3 b; }
public struct T40 { public T15 a; public float b; }
public struct T41 { public float a; public T15 b; }
public struct T42 { public T15 a; public T15 b; }
public struct T43 { public T15 a; public double b; }
public struct T44 { public double a; public T15 b; }
public struct T45 { public T42 a; public T42 b; public object c; }
public struct T38 { public Vector4 a; }
public struct T39 { public ArraySegment<int> a; public Memory<byte> b; public byte c; }
[StructLayout(LayoutKind.Sequential)] public class D0 { public byte a; public bool b; public long c; public byte d; }
[StructLayout(LayoutKind.Sequential)] public class D1 { public byte a; public char b; public long c; public byte d; }
[StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)] public class D2 { public byte a; public char b; public long c; public byte d; }
[StructLayout(LayoutKind.Sequential)] public class D3 { public byte a; public T0 b; public byte c; public long d; }
[StructLayout(LayoutKind.Sequential)] public class D4 : D3 { public byte e; public long f; }
[StructLayout(LayoutKind.Sequential, Size = 40)] public class D5 { public byte a; public long b; }
[StructLayout(LayoutKind.Explicit)] public class D6 { [FieldOffset(0)] public byte a; [FieldOffset(16)] public long b; }
[StructLayout(LayoutKind.Explicit)] public class D7 { [FieldOffset(0)] public object a; [FieldOffset(12)] public bool b; }
[StructLayout(LayoutKind.Sequential)] public class D8 { public byte a; public DateTime b; public byte c; }
[StructLayout(LayoutKind.Sequential)] public class D9 { public byte a; public T36 b; public long c; public byte d; }
public class D10<T> { public T a; public byte b; }
public class D11<T> : D10<T> { public byte c; public T d; }
public class D12 : D11<short> { public byte e; }
public class D13 : Attribute { public byte a; public long b; }
public class D14 : D13 { public byte c; public bool d; public char e; }
public class D15 : List<int> { public byte a; public int b; }
public delegate void D16(int a);
public unsafe class D17 { public byte a; public fixed_ b; public int* p; public short c; public struct fixed_ { public fixed byte x[3]; } }
public class D18 { public T31_ a; public struct T31_ { public byte a; public object b; } public byte c; public static int s; public const int k = 3; [ThreadStatic] static int t; }
