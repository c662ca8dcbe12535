// native: Animal::* Dog::* Puppy::* Use::*
using System; using System.Runtime.CompilerServices; using System.Threading;
public class Animal { public virtual Animal Self(int n) => this; public virtual object Value => "animal"; public virtual Animal Other { get { return new Animal(); } } public virtual string Name() => "a"; }
public class Dog : Animal { public override Dog Self(int n) => n > 0 ? this : new Puppy(); public override string Value => "dog"; public override string Name() => "d" + base.Name(); }
public sealed class Puppy : Dog { public override Puppy Self(int n) => this; public override Puppy Other => this; public override string Name() => "p" + base.Name() + base.Self(1).GetType().Name; }
public interface INumber<T> where T : INumber<T> { static abstract T Zero { get; } static abstract T operator +(T a, T b); static virtual string Kind() => "some"; }
public struct Money : INumber<Money> { public long N; public static Money Zero => new Money { N = 100 }; public static Money operator +(Money a, Money b) => new Money { N = a.N + b.N }; public override string ToString() => "m" + N; }
public class Box : INumber<Box> { public int N = 1; public static Box Zero => new Box(); public static Box operator +(Box a, Box b) => new Box { N = a.N + b.N }; public static string Kind() => "box"; public override string ToString() => "b" + N; }
public static class Generic {
  public static string Sum<T>(T[] a) where T : INumber<T> { T s = T.Zero; foreach (var x in a) s += x; return s + T.Kind(); }
}
public static class Use {
  const MethodImplOptions No = MethodImplOptions.NoInlining;
  [MethodImpl(No)] public static string Call(Animal a) => a.Self(1).Name() + a.Value + a.Other.Name() + a.Self(0).GetType().Name;
  [MethodImpl(No)] public static string Dogs(Dog d) => d.Self(0).Name() + d.Value.Length + d.Self(1).Self(2).Value;
  [MethodImpl(No)] public static string Static() => Money.Zero + "" + (Money.Zero + Money.Zero) + Box.Zero + Box.Kind();
  [MethodImpl(No)] public static string Bits(int[] a, long[] b) => Interlocked.And(ref a[0], 12) + "," + Interlocked.Or(ref a[0], 3) + "," + a[0] + Interlocked.And(ref b[1], -16) + "," + Interlocked.Or(ref b[1], 1L << 50) + b[1];
  [MethodImpl(No)] public static string Small(ref byte b, ref short s) => Interlocked.Exchange(ref b, 200) + "," + Interlocked.CompareExchange(ref b, 7, 200) + "," + b + Interlocked.Exchange(ref s, -5) + Interlocked.CompareExchange(ref s, 6, -5) + s;
  [MethodImpl(No)] public static string Methods(Animal a) { Func<int, Animal> f = a.Self; Func<object> g = () => a.Value; return f(0).Name() + g(); }
}
static class Program {
  static int Main() {
    byte b = 1; short s = 2;
    for (int i = 0; i < 3; i++) foreach (var a in new Animal[] { new Animal(), new Dog(), new Puppy() }) { Console.WriteLine(Use.Call(a) + Use.Methods(a)); GC.Collect(); }
    Console.WriteLine(Use.Dogs(new Dog()) + Use.Dogs(new Puppy()) + Use.Static() + Generic.Sum(new[] { Money.Zero }) + Generic.Sum(new[] { new Box(), new Box() }));
    Console.WriteLine(Use.Bits(new[] { 29 }, new[] { 0L, 77 }) + Use.Small(ref b, ref s));
    return 0;
  }
}
