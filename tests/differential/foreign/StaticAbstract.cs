// Static abstract and virtual members of interfaces: generic math, own operators, defaults.
using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Collections.Generic;
public interface IKind<T> where T : IKind<T> { static abstract string Kind { get; } static virtual string Twice => T.Kind + T.Kind; static abstract T operator +(T a, T b); static abstract void Bump(ref T a, long by); }
public struct Red : IKind<Red> { public string S; public int N; public static string Kind => "red"; public static Red operator +(Red a, Red b) => new Red { S = a.S + b.S, N = a.N + b.N }; static void IKind<Red>.Bump(ref Red a, long by) { a.S += by; a.N++; } }
public struct Blue<U> : IKind<Blue<U>> { public U V; public static string Kind => "blue" + typeof(U).Name; static string IKind<Blue<U>>.Twice => "BLUE"; public static Blue<U> operator +(Blue<U> a, Blue<U> b) => b; static void IKind<Blue<U>>.Bump(ref Blue<U> a, long by) { a.V = default; } }
public class Green : IKind<Green> { public int N; public static string Kind => "green"; public static Green operator +(Green a, Green b) => new Green { N = a.N + b.N }; static void IKind<Green>.Bump(ref Green a, long by) { a = new Green { N = (int)by }; } }
static class Program
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] static string KindOf<T>(T a, T b) where T : IKind<T> { T c = a + b; T.Bump(ref c, 5); return T.Kind + T.Twice + c; }
    class G<T> where T : IKind<T> { [MethodImpl(NI)] public string Use(T a) { T c = a + a; T.Bump(ref c, 7); return T.Kind + T.Twice; } [MethodImpl(NI)] public static string S(T a) => T.Kind + (a + a); }
    [MethodImpl(NI)] static T Sum<T>(IEnumerable<T> s) where T : INumber<T> { T t = T.Zero; foreach (T x in s) t += x * (T.One + T.One); return T.Max(t, T.Abs(-t)); }
    [MethodImpl(NI)] static T Parse<T>(string s) where T : IParsable<T> => T.Parse(s, null);
    static string Body() => KindOf(new Red { S = "a", N = 1 }, new Red { S = "b" }) + KindOf(new Blue<int>(), default) + KindOf(new Blue<string>(), default) + KindOf(new Green(), new Green { N = 3 }) + new G<Red>().Use(default) + new G<Blue<string>>().Use(default) + new G<Green>().Use(new Green()) + G<Green>.S(new Green()) + G<Blue<byte>>.S(default) + Sum([1, 2, 3]) + Sum([1.5, 2]) + Sum([3m, 4m]) + Sum(new byte[] { 3, 4 }) + Sum([BigInteger.Pow(2, 70)]) + Parse<int>("42") + Parse<double>("2.5") + Parse<Guid>("00000000-0000-0000-0000-000000000001") + "\n";
    static int Main() => Harness.Run(Body);
}
