// native: Box`1::* Outer`1* Chain`1::* Precise`1::* Statics`1::* Shapes::[BCDKLNPU]* Loud::Name Host::* Wrap`1::* IDefault`1::* Event`1* Sorter`1::* Memo`2* Deep`1::* Ring`1::* Linked`1* Catch::Try Maker::* Vari::*
// gc: yes
// compiler: roslyn
// What C# makes of generics: default interface methods, virtual generic methods, static constructors, events, state machines, variance, reflection.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;

interface INamed<T> { string Name(T t); }
interface IDefault<T> { T Value { get; } string Describe() => "default " + typeof(T).Name + " " + Value; string Twice(T x) => Describe() + x + new List<T> { x, Value }.Count; }
interface IVisitor { R Visit<R>(Func<object, R> f); }

class Box<T> : INamed<T>, IDefault<T>, IEnumerable<T>, IEquatable<Box<T>>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    protected T[] items; protected int count; public T Value { [MethodImpl(NI)] get => items[0]; }
    [MethodImpl(NI)] public Box(params T[] a) { items = (T[])a.Clone(); count = a.Length; }
    [MethodImpl(NI)] public virtual string Name(T t) => typeof(T).Name + ":" + t;
    [MethodImpl(NI)] public virtual string Generic<U>(U u) => "Box<" + typeof(T).Name + ">.Generic<" + typeof(U).Name + ">" + u;
    [MethodImpl(NI)] public IEnumerator<T> GetEnumerator() { for (int i = 0; i < count; i++) yield return items[i]; }
    [MethodImpl(NI)] IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    [MethodImpl(NI)] public bool Equals(Box<T> o) => o != null && EqualityComparer<T>.Default.Equals(items[0], o.items[0]);
    public T this[int i] { [MethodImpl(NI)] get => items[i]; [MethodImpl(NI)] set => items[i] = value; }
    [MethodImpl(NI)] public ref T Ref(int i) => ref items[i];
    [MethodImpl(NI)] public Dictionary<string, T> ToMap() { var d = new Dictionary<string, T>(); foreach (T t in this) d["" + t] = t; return d; }
    [MethodImpl(NI)] public (T, int) Tuple() => (items[0], count);
    [MethodImpl(NI)] public T Maybe<V>(V v) where V : class => v is T t ? t : default;
    [MethodImpl(NI)] public string Switch(object o) => o switch { T t when t.Equals(items[0]) => "same", T _ => "T", T[] a => "T[]" + a.Length, null => "null", _ => "other" };
}

class Loud : Box<string> { [MethodImpl(MethodImplOptions.NoInlining)] public Loud(string s) : base(s) { } [MethodImpl(MethodImplOptions.NoInlining)] public override string Name(string t) => base.Name(t).ToUpper(); [MethodImpl(MethodImplOptions.NoInlining)] public override string Generic<U>(U u) => "Loud " + base.Generic(u) + typeof(U[]).Name; }

class Outer<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    public class Inner<U> { public T A; public U B; [MethodImpl(NI)] public override string ToString() => typeof(T).Name + "+" + typeof(U).Name + A + B; [MethodImpl(NI)] public Outer<U>.Inner<T> Flip() => new Outer<U>.Inner<T> { A = B, B = A }; }
    public struct Value { public T A; public int N; [MethodImpl(NI)] public Value Next(T a) => new Value { A = a, N = N + 1 }; [MethodImpl(NI)] public override string ToString() => "V" + A + N; [MethodImpl(NI)] public override int GetHashCode() => N; [MethodImpl(NI)] public override bool Equals(object o) => o is Value v && v.N == N; }
    public enum Kind { One = 1, Two }
    [MethodImpl(NI)] public static string Use(T t) { var v = new Value { A = t }; v = v.Next(t).Next(t); var list = new List<Value> { v, v.Next(t) }; object boxed = v; return list[1].ToString() + boxed + boxed.Equals(v) + ((Value)boxed).N + Kind.Two + list.IndexOf(v); }
    [MethodImpl(NI)] public static string Call(Value v) => v.ToString() + v.GetHashCode() + v.Equals(v) + v.GetType().Name;
}

class Chain<T> where T : class
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    readonly List<Func<T, T>> steps = new List<Func<T, T>>();
    [MethodImpl(NI)] public Chain<T> Then(Func<T, T> f) { steps.Add(f); return this; }
    [MethodImpl(NI)] public Chain<T> Log(List<T> log) => Then(x => { log.Add(x); return x; });
    [MethodImpl(NI)] public T Run(T x) { foreach (var f in steps) x = f(x); return x; }
    [MethodImpl(NI)] public U As<U>(T x) where U : class => x as U;
}

class Precise<T> { public static readonly string Text; public static int Runs; const MethodImplOptions NI = MethodImplOptions.NoInlining; static Precise() { Text = "cctor " + typeof(T).Name; Host.Log.Append("[" + Text + "]"); Runs++; } [MethodImpl(NI)] public static string Get() => Text + Runs; [MethodImpl(NI)] public Precise() { Runs += 10; } [MethodImpl(NI)] public string Mine() => Text; }

class Statics<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    static byte b = 1; static T t; static long l = 2; static DateTime d = new DateTime(2020, 1, 2); static string s = "s"; static (int, string) pair = (3, "p"); static bool f = true; static int i = 4; static double x = 1.5; static T[] a = new T[2]; static decimal m = 7.5m;
    [ThreadStatic] static int thread;
    const int Constant = 5;
    [MethodImpl(NI)] public static string Bump(T v) { b++; t = v; l *= 3; d = d.AddDays(1); s += "x"; pair = (pair.Item1 + 1, "q" + v); f = !f; i -= 9; x /= 2; a[1] = v; m++; return "" + b + t + l + d.Day + s + pair + f + i + x + a[1] + a[0] + m + Constant; }
    [MethodImpl(NI)] public static void Reset() { b = 1; t = default; l = 2; d = new DateTime(2020, 1, 2); s = "s"; pair = (3, "p"); f = true; i = 4; x = 1.5; a = new T[2]; m = 7.5m; }
    [MethodImpl(NI)] public static ref int Address() => ref i;
}

class Host { public static StringBuilder Log = new StringBuilder(); [MethodImpl(MethodImplOptions.NoInlining)] public static string Take() { string s = Log.ToString(); Log.Clear(); return s; } }

struct Wrap<T> : IDefault<T>, IComparable<Wrap<T>> { public T V; public int Order; public T Value { [MethodImpl(MethodImplOptions.NoInlining)] get => V; } [MethodImpl(MethodImplOptions.NoInlining)] public int CompareTo(Wrap<T> o) => Order.CompareTo(o.Order); [MethodImpl(MethodImplOptions.NoInlining)] public override string ToString() => "W" + V; }

class Event<T> { const MethodImplOptions NI = MethodImplOptions.NoInlining; public event Action<T, object> Fired; [MethodImpl(NI)] public void Fire(T t) => Fired?.Invoke(t, this); [MethodImpl(NI)] public void Listen(List<string> log) { Fired += (t, o) => log.Add(t + o.GetType().Name); Fired += Own; } [MethodImpl(NI)] void Own(T t, object o) { last = t; } T last; [MethodImpl(NI)] public T Last() => last; }

class Sorter<T> : IComparer<T> where T : IComparable<T> { const MethodImplOptions NI = MethodImplOptions.NoInlining; [MethodImpl(NI)] public int Compare(T x, T y) => y.CompareTo(x); [MethodImpl(NI)] public T[] Sort(IEnumerable<T> s) { var a = s.ToArray(); Array.Sort(a, this); return a; } [MethodImpl(NI)] public T Best(T a, T b) => a.CompareTo(b) >= 0 ? a : b; }

class Memo<K, V> { const MethodImplOptions NI = MethodImplOptions.NoInlining; readonly Dictionary<K, V> known = new Dictionary<K, V>(); readonly Func<K, V> make; public int Calls; [MethodImpl(NI)] public Memo(Func<K, V> f) { make = f; } [MethodImpl(NI)] public V Get(K k) { if (!known.TryGetValue(k, out V v)) { Calls++; known[k] = v = make(k); } return v; } [MethodImpl(NI)] public IEnumerable<KeyValuePair<K, V>> Pairs() => known.Where(p => p.Value != null).Select(p => p); }

class Deep<T> { [MethodImpl(MethodImplOptions.NoInlining)] public static string Go(int n) => n == 0 ? typeof(T).Name : Deep<Deep<T>>.Go(n - 1) + Deep<Wrap<T>>.Go2(0); [MethodImpl(MethodImplOptions.NoInlining)] public static string Go2(int n) => n == 0 ? "!" : Deep<Wrap<T>>.Go2(n - 1); }

class Ring<T> { const MethodImplOptions NI = MethodImplOptions.NoInlining; readonly T[] a; int head, n; [MethodImpl(NI)] public Ring(int size) { a = new T[size]; } [MethodImpl(NI)] public bool Push(T t) { if (n == a.Length) return false; a[(head + n++) % a.Length] = t; return true; } [MethodImpl(NI)] public bool Pop(out T t) { if (n == 0) { t = default; return false; } t = a[head]; a[head] = default; head = (head + 1) % a.Length; n--; return true; } [MethodImpl(NI)] public Span<T> Span() => a.AsSpan(0, n); }

class Linked<T> : IEnumerable<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    class Node { public T V; public Node Next; }
    public struct Enumerator : IEnumerator<T> { Node at; readonly Linked<T> of; bool started; [MethodImpl(NI)] internal Enumerator(Linked<T> l) { of = l; at = null; started = false; } public T Current { [MethodImpl(NI)] get => at.V; } object IEnumerator.Current { [MethodImpl(NI)] get => at.V; } [MethodImpl(NI)] public bool MoveNext() { at = started ? at.Next : of.first; started = true; return at != null; } [MethodImpl(NI)] public void Reset() { started = false; } [MethodImpl(NI)] public void Dispose() { } }
    Node first; int version;
    [MethodImpl(NI)] public Linked<T> Add(T v) { first = new Node { V = v, Next = first }; version++; return this; }
    [MethodImpl(NI)] public Enumerator GetEnumerator() => new Enumerator(this);
    [MethodImpl(NI)] IEnumerator<T> IEnumerable<T>.GetEnumerator() => GetEnumerator();
    [MethodImpl(NI)] IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    [MethodImpl(NI)] public string Join() { var t = new StringBuilder(); foreach (T v in this) t.Append(v).Append(','); foreach (T v in (IEnumerable<T>)this) t.Append(v).Append(';'); return t.ToString(); }
}

class Visitor : IVisitor { readonly object o; public Visitor(object x) { o = x; } [MethodImpl(MethodImplOptions.NoInlining)] public R Visit<R>(Func<object, R> f) => f(o); }

static class Vari { const MethodImplOptions NI = MethodImplOptions.NoInlining; [MethodImpl(NI)] public static IEnumerable<object> Up<T>(IEnumerable<T> s) where T : class => s; [MethodImpl(NI)] public static Func<T, object> Fun<T>(Func<object, T> f) where T : class => f; [MethodImpl(NI)] public static bool Is<T>(object o) => o is IEnumerable<T>; [MethodImpl(NI)] public static T[] Store<T>(T[] a, T v) { a[0] = v; return a; } }

static class Catch
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static string Try<T>(Func<T> f, T otherwise) { try { return "ok " + f(); } catch (InvalidOperationException e) { return "caught " + e.Message + typeof(T).Name + otherwise; } finally { Host.Log.Append("<" + typeof(T).Name + ">"); } }
    [MethodImpl(NI)] public static string When<T>(Func<T> f, T t) { try { return "" + f(); } catch (Exception e) when (e.Message == typeof(T).Name) { return "when " + t; } catch (Exception e) { return "else " + e.Message; } }
}

static class Async
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static async Task<List<T>> Collect<T>(IEnumerable<Task<T>> tasks) { var l = new List<T>(); foreach (var t in tasks) l.Add(await t); return l; }
    [MethodImpl(NI)] public static async Task<T> Later<T>(T t, bool yield) { if (yield) await Task.Yield(); return t; }
    [MethodImpl(NI)] public static async ValueTask<string> Name<T>(T t) { try { var l = await Collect(new[] { Later(t, true), Later(t, false) }); return typeof(T).Name + l.Count + l[1]; } finally { await Task.Yield(); } }
}

static class Maker
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static object Make(Type definition, params Type[] args) => Activator.CreateInstance(definition.MakeGenericType(args));
    [MethodImpl(NI)] public static object Call(string method, Type t, params object[] args) => typeof(Shapes).GetMethod(method).MakeGenericMethod(t).Invoke(null, args);
}

static class Shapes
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static string Describe<T>(IDefault<T> d, T x) => d.Describe() + d.Twice(x);
    [MethodImpl(NI)] public static string DescribeIn<D, T>(D d, T x) where D : IDefault<T> => "" + d.Value + x;
    [MethodImpl(NI)] public static string Best<T>(params T[] a) where T : IComparable<T> { var s = new Sorter<T>(); return string.Join(",", s.Sort(a)) + s.Best(a[0], a[1]); }
    [MethodImpl(NI)] public static Func<T> Const<T>(T t) { int n = 0; Func<T> f = () => { n++; return t; }; f(); return () => { n += 2; Host.Log.Append(n); return f(); }; }
    [MethodImpl(NI)] public static Func<A, C> Compose<A, B, C>(Func<A, B> f, Func<B, C> g) => a => g(f(a));
    [MethodImpl(NI)] public static Func<T, string> Static<T>() => Show<T>;
    [MethodImpl(NI)] public static string Show<T>(T t) => typeof(T).Name + "!" + t;
    [MethodImpl(NI)] public static string Local<T>(T t) { string In(T u) => "in" + u + t + typeof(T).Name; return In(t) + new Func<T, string>(In)(t); }
    [MethodImpl(NI)] public static string Linq<T>(IEnumerable<T> s) where T : class => string.Join("|", s.Where(x => x != null).Select((x, i) => x + "" + i).OrderByDescending(x => x).GroupBy(x => x.Length).Select(g => g.Key + ":" + g.Count()));
    [MethodImpl(NI)] public static T Pick<T>(bool first, in T a, in T b) => first ? a : b;
    [MethodImpl(NI)] public static string Kind<T>() => typeof(T) == typeof(string) ? "string" : typeof(T) == typeof(int) ? "int" : typeof(T).IsValueType ? "value" : "ref";
    [MethodImpl(NI)] public static T[,] Grid<T>(T t) { var g = new T[2, 2]; g[1, 1] = t; return g; }
    [MethodImpl(NI)] public static string Null<T>(T? t) where T : struct => t.HasValue ? "has" + t.Value : "none" + default(T);
    [MethodImpl(NI)] public static object BoxIt<T>(T t) => t;
    // T may be a Nullable of a struct that reference types share: what to cast to is looked up, and takes the boxed value.
    [MethodImpl(NI)] public static string Probe<T>(object o) { string s = (o is T) + (o is T t ? t + "" : "-"); try { return s + (T)o + ";"; } catch (InvalidCastException) { return s + "!;"; } catch (NullReferenceException) { return s + "0;"; } }
    [MethodImpl(NI)] public static string Probes() { string s = ""; foreach (object o in new object[] { null, 5, "x", ("a", "b"), (object)("a", 1), new Version(1, 2) }) s += Probe<(string, string)?>(o) + Probe<(string, string)>(o) + Probe<int?>(o) + Probe<int>(o) + Probe<string>(o) + Probe<(string, int)?>(o) + Probe<KeyValuePair<string, object>?>(o); return s; }
    [MethodImpl(NI)] public static T Unbox<T>(object o) => (T)o;
}

static class Program
{
    static void All<T>(StringBuilder t, T a, T b) where T : IComparable<T>
    {
        var box = new Box<T>(a, b, a);
        t.Append(box.Name(a)).Append(((INamed<T>)box).Name(b)).Append(box.Generic("s")).Append(box.Generic(5)).Append(box.Generic(box)).Append(string.Join("", box)).Append(box.Equals(new Box<T>(a))).Append(box.Equals(new Box<T>(b)));
        box[1] = a; box.Ref(2) = b; t.Append(box[2]).Append(box.ToMap().Count).Append(box.Tuple()).Append(box.Maybe("z")).Append(box.Switch(a)).Append(box.Switch(b)).Append(box.Switch(new[] { a })).Append(box.Switch(null)).Append(box.Switch(box));
        t.Append(Shapes.Describe(box, b)).Append(Shapes.DescribeIn<Box<T>, T>(box, a)).Append(Shapes.Describe(new Wrap<T> { V = a }, b)).Append(Shapes.DescribeIn<Wrap<T>, T>(new Wrap<T> { V = b }, a)).Append('\n');
        t.Append(new Outer<T>.Inner<int> { A = a, B = 3 }.Flip()).Append(new Outer<T>.Inner<string> { A = a, B = "b" }.Flip()).Append(Outer<T>.Use(a)).Append(Outer<T>.Call(new Outer<T>.Value { A = b, N = 8 })).Append('\n');
        t.Append(Precise<T>.Get()); Host.Take(); t.Append(new Precise<T>().Mine()).Append(Statics<T>.Bump(a)).Append(Statics<T>.Bump(b)); Statics<T>.Address() += 100; t.Append(Statics<T>.Bump(a)).Append('\n'); Statics<T>.Reset(); Precise<T>.Runs = 1;
        var log = new List<string>(); var e = new Event<T>(); e.Fire(a); e.Listen(log); e.Fire(b); t.Append(log[0]).Append(e.Last());
        t.Append(Shapes.Best(a, b, a)).Append(Shapes.Best(new Wrap<T> { V = a, Order = 2 }, new Wrap<T> { V = b, Order = 3 }));
        var memo = new Memo<T, string>(x => "m" + x); t.Append(memo.Get(a)).Append(memo.Get(a)).Append(memo.Get(b)).Append(memo.Calls).Append(memo.Pairs().Count()); var memo2 = new Memo<string, T>(x => a); t.Append(memo2.Get("k")).Append(memo2.Pairs().Count());
        t.Append(Deep<T>.Go(2)).Append(new Linked<T>().Add(a).Add(b).Join()).Append('\n');
        var ring = new Ring<T>(2); t.Append(ring.Push(a)).Append(ring.Push(b)).Append(ring.Push(a)).Append(ring.Span().Length).Append(ring.Pop(out T o)).Append(o).Append(ring.Push(b)).Append(ring.Span()[1]);
        t.Append(Catch.Try(() => a, b)).Append(Catch.Try<T>(() => throw new InvalidOperationException("bad"), b)).Append(Catch.When<T>(() => throw new Exception(typeof(T).Name), a)).Append(Catch.When<T>(() => throw new Exception("x"), a)).Append(Host.Take());
        t.Append(Async.Name(a).AsTask().Result).Append(Async.Name(new[] { a }).AsTask().Result);
        t.Append(Shapes.Const(a)()).Append(Host.Take()).Append(Shapes.Compose<T, string, int>(x => "" + x, x => x.Length)(a)).Append(Shapes.Static<T>()(b)).Append(Shapes.Local(a)).Append(Shapes.Pick(false, a, b)).Append(Shapes.Kind<T>()).Append(Shapes.Grid(a)[1, 1]).Append(Shapes.BoxIt(a)).Append(Shapes.Unbox<T>(b));
        t.Append(((IVisitor)new Visitor(a)).Visit(x => x.GetType().Name)).Append(((IVisitor)new Visitor(a)).Visit(x => x.GetHashCode() == x.GetHashCode())).Append(((IVisitor)new Visitor(a)).Visit(x => (T)x)).Append('\n');
    }

    class Fresh : IComparable<Fresh> { public int CompareTo(Fresh o) => 0; public override string ToString() => "fresh"; }

    static string Body()
    {
        var t = new StringBuilder();
        All(t, "a", "bc"); All(t, new Version(1, 2), new Version(3, 4)); All(t, 7, 8); All(t, 2.5, -1); All(t, 'x', 'y'); All(t, new DateTime(2001, 2, 3), new DateTime(2004, 5, 6)); All(t, Guid.Empty, Guid.Empty);
        Box<string> loud = new Loud("v"); t.Append(loud.Name("n")).Append(loud.Generic(1)).Append(loud.Generic("q")).Append(((IDefault<string>)loud).Describe());
        var chainLog = new List<string>(); t.Append(new Chain<string>().Then(x => x + "1").Log(chainLog).Then(x => x + "2").Run("c")).Append(chainLog[0]).Append(new Chain<object>().As<string>("s")).Append(new Chain<object>().As<Version>("s") == null);
        t.Append(Shapes.Probes()).Append(Shapes.Linq(new[] { "x", null, "yy", "z" })).Append(Shapes.Null<int>(null)).Append(Shapes.Null<int>(4)).Append(Shapes.Null<Guid>(null).Length);
        t.Append(Vari.Up(new[] { "u" }).First()).Append(Vari.Fun<string>(x => "f" + x)("g")).Append(Vari.Is<object>(new[] { "s" })).Append(Vari.Is<string>(new object[0])).Append(Vari.Is<int>(new[] { 1 })).Append(Vari.Store<object>(new object[1], 4)[0]);
        try { Vari.Store<object>(new string[1], new Version(1, 1)); } catch (ArrayTypeMismatchException) { t.Append("ATME"); }
        t.Append(Maker.Make(typeof(Linked<>), typeof(Fresh))).Append(Maker.Make(typeof(Event<>), typeof(Uri))).Append(Maker.Call("Show", typeof(Fresh), new Fresh())).Append(Maker.Call("Kind", typeof(Uri))).Append(Maker.Call("Local", typeof(Fresh), new Fresh())).Append(Maker.Call("Show", typeof(short), (short)4));
        return t.Append('\n').ToString();
    }
    static int Main() { return Harness.Run(Body); }
}
