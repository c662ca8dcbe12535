// What C# 8 to 12 added: default interface methods, covariant returns, records, static abstract members.
using System;
using System.Collections.Generic;
using System.Numerics;

public interface IDefault { void M() { } void N(); }
public interface IDefault2 : IDefault { void IDefault.M() { } }
public class UsesDefault : IDefault { public void N() { } }
public class UsesDefault2 : IDefault2 { public void N() { } }
public class OverridesDefault : IDefault2 { public void M() { } public void N() { } }
public class Animal { public virtual Animal Self() => this; public virtual object Other() => this; }
public class Dog : Animal { public override Dog Self() => this; public override string Other() => ""; }
public class Puppy : Dog { public override Puppy Self() => this; }
public class Puppy2 : Dog { public override Dog Self() => this; public override string Other() => ""; }
public record R(int A, string B);
public sealed record S(int A, string B, long C) : R(A, B);
public readonly record struct T(int A, double B);
public interface IStatic<TSelf> where TSelf : IStatic<TSelf> { static abstract TSelf Make(); TSelf Twice(); }
public readonly struct Static : IStatic<Static> { public static Static Make() => default; public Static Twice() => this; }
public struct Number : IAdditionOperators<Number, Number, Number> { public static Number operator +(Number a, Number b) => a; }
public class InitOnly { public virtual int A { get; init; } }
public class InitOnlyToo : InitOnly { public override int A { get; init; } }
