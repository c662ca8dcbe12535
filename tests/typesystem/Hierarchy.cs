// Ways to override and to implement; the tests ask the runtime which method each call hits.
using System;
using System.Collections;
using System.Collections.Generic;

public interface IA { void M(); int P { get; } }
public interface IB : IA { void N(); }
public interface IG<T> { void M(T x); T Get(); }
public interface IO { void M(); }
public class Plain : IA { public void M() { } public int P { get { return 1; } } }
public class Explicit : IA { void IA.M() { } public void M() { } int IA.P { get { return 1; } } }
public class Virtual : IB { public virtual void M() { } public virtual int P { get { return 1; } } public virtual void N() { } }
public class Overriding : Virtual { public override void M() { } }
public class Deeper : Overriding { public sealed override void N() { } public override string ToString() { return ""; } }
public class Hiding : Virtual { public new virtual void M() { } }
public class HidingAgain : Hiding, IA { public override void M() { } }
public class Reimplementing : Virtual, IA { void IA.M() { } }
public class ReimplementingByName : Explicit, IA { }
public class NewWithoutInterface : Plain { public new void M() { } }
public class NewWithInterface : Plain, IA { public new void M() { } }
public class Both : IA, IO { public void M() { } public int P { get { return 1; } } void IO.M() { } }
public abstract class Abstract : IA { public abstract void M(); public abstract int P { get; } public abstract int Q(); }
public class Concrete : Abstract { public override void M() { } public override int P { get { return 1; } } public override int Q() { return 1; } }
public class Inherited { public void M() { } public virtual int P { get { return 1; } } }
public class ViaBase : Inherited, IA { }
public class Generic<T> : IG<T>, IG<T[]> { public virtual void M(T x) { } public virtual T Get() { return default(T); } public void M(T[] x) { } T[] IG<T[]>.Get() { return null; } }
public class GenericInt : Generic<int> { public override void M(int x) { } public override int Get() { return 1; } }
public class GenericString : Generic<string>, IG<string> { void IG<string>.M(string x) { } }
public class Overloads { public virtual void M(int a) { } public virtual void M(string a) { } public virtual void M<T>(T a) { } public virtual void M<T, U>(T a, U b) { } public virtual void M(ref int a) { } }
public class OverloadsToo : Overloads { public override void M(string a) { } public override void M<T>(T a) { } public override void M(ref int a) { } }
public sealed class Sealed : OverloadsToo { public override void M(int a) { } public override void M<T, U>(T a, U b) { } public override bool Equals(object o) { return true; } public override int GetHashCode() { return 1; } }
public struct Struct : IA, IEquatable<Struct>, IComparable { public void M() { } public int P { get { return 1; } } public bool Equals(Struct o) { return true; } int IComparable.CompareTo(object o) { return 0; } public override string ToString() { return ""; } }
public struct Enumerated : IEnumerable<int> { public IEnumerator<int> GetEnumerator() { yield return 1; } IEnumerator IEnumerable.GetEnumerator() { return null; } }
public enum Enum1 { A }
public class Internal { internal virtual void M() { } protected internal virtual void N() { } protected virtual void O() { } }
public class InternalToo : Internal { internal override void M() { } protected internal override void N() { } protected override void O() { } }
public class Disposing : IDisposable { void IDisposable.Dispose() { Dispose(); } protected virtual void Dispose() { } }
public class DisposingToo : Disposing, IDisposable { public new void Dispose() { } }
public delegate void Handler(int a);
public class Dict : Dictionary<string, int>, IDictionary<string, int> { }
public class Comparer : Comparer<int> { public override int Compare(int a, int b) { return 0; } }
public interface ICo<out T> { T Get(); } public interface IContra<in T> { void Set(T x); }
public class Co : ICo<object> { object ICo<object>.Get() { return 1; } }
public class CoToo : Co, ICo<string> { string ICo<string>.Get() { return null; } }
public class CoThree : CoToo, IContra<object>, IContra<string> { public void Set(object x) { } public void Set(string x) { } }
public struct CoStruct : ICo<object>, ICo<string>, IContra<object>, IContra<string> { object ICo<object>.Get() { return 1; } string ICo<string>.Get() { return null; } public void Set(object x) { } public void Set(string x) { } }
