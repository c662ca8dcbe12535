// Layouts that only C# 11 and later can write.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[InlineArray(3)] public struct A0 { public byte a; }
[InlineArray(4)] public struct A1 { public float a; }
[InlineArray(2)] public struct A2 { public object a; }
[InlineArray(2)] public struct A3 { public (string, int) a; }
[InlineArray(5)] public struct A4<T> { public T a; }
[InlineArray(1)] public struct A5 { public string a; }
[InlineArray(3)] public struct A6 { public A0 a; }
public struct A7 { public byte a; public A4<short> b; public A4<string> c; public byte d; }
public class A8 { public A1 a; public A0 b; public A2 c; public int d; }
public struct A9 { public A1 a; }
public struct A10 { public A0 a; public float b; }
public unsafe struct F0 { public byte a; public delegate*<int, void> b; }
public unsafe class F1 { public byte a; public delegate*<int, void> b; public object c; }
public struct I0 { public byte a; public Int128 b; }
public struct I1 { public UInt128 a; public byte b; }
public class I2 { public byte a; public nint b; public Half c; public nuint d; }
public struct I3 { public DateOnly a; public TimeOnly b; public byte c; }
public record struct P0(int A, byte B, DateTime C, string? D);
public readonly record struct P1(float X, float Y);
public ref struct B0 { public int a; public ref int b; public int c; }
public ref struct B1 { public ref byte a; public object b; public byte c; }
public ref struct B2 { public byte a; public Span<int> b; public B0 c; public byte d; }
public ref struct B3 { public ref int a; public double b; }
