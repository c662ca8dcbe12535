// native: Flow`2::* Bag`1::* Cell`1::* Util::* Pair`2::* Node`1::* Stack`1::* Stack`1+<All>c__Iterator0::*
// gc: yes
// Code that reference types share: generic classes, structs and methods, static and instance, statics, delegates, iterators, boxes, casts.
using System;
using System.Text;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

class Cell<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    T value; int writes;
    public static T Last; public static int Count = 3; public static long Big = 7; public static object O = "o"; public static byte B = 2;
    [MethodImpl(NI)] public Cell(T v) { value = v; writes = 1; }
    [MethodImpl(NI)] public T Get() { return value; }
    [MethodImpl(NI)] public void Set(T v) { value = v; writes++; }
    [MethodImpl(NI)] public int Writes() { return writes; }
    [MethodImpl(NI)] public Type Of() { return typeof(T); }
    [MethodImpl(NI)] public T[] Array(int n) { var a = new T[n]; for (int i = 0; i < n; i++) a[i] = value; return a; }
    [MethodImpl(NI)] public Cell<T> Clone() { return new Cell<T>(value); }
    [MethodImpl(NI)] public bool Is(object o) { return o is T; }
    [MethodImpl(NI)] public T Cast(object o) { return (T)o; }
    [MethodImpl(NI)] public static Type SOf() { return typeof(T); }
    [MethodImpl(NI)] public static T Default() { return default(T); }
    [MethodImpl(NI)] public string CallStatic() { return SOf().Name + Util.Name<T>(value) + Util.Name<T[]>(null); }
    [MethodImpl(NI)] public List<T> ToList() { var l = new List<T>(); l.Add(value); l.Add(default(T)); l.Add(value); return l; }
    [MethodImpl(NI)] public int Compare(T other) { return Comparer<T>.Default.Compare(value, other); }
    [MethodImpl(NI)] public static void SetLast(T x) { Last = x; Count += 2; Big *= 3; B++; O = x; }
    [MethodImpl(NI)] public static void Reset() { Last = default(T); Count = 3; Big = 7; O = "o"; B = 2; }
    [MethodImpl(NI)] public static string Statics() { return "" + Last + Count + Big + O + B; }
    [MethodImpl(NI)] public Func<T> Getter() { return Get; }
    [MethodImpl(NI)] public Func<T, string> Namer() { return Util.Name<T>; }
    [MethodImpl(NI)] public Func<T, Pair<T, string>> Pairer(string s) { return x => new Pair<T, string>(x, s + value); }
    [MethodImpl(NI)] public override string ToString() { return "Cell(" + value + ")"; }
    [MethodImpl(NI)] public KeyValuePair<string, T> Kvp(string k) { return new KeyValuePair<string, T>(k, value); }
    [MethodImpl(NI)] public string Twice<U>(U u) { return typeof(T).Name + "/" + typeof(U).Name + "/" + u + typeof(Dictionary<T, U>).Name; }
    [MethodImpl(NI)] public string CallTwice() { return Twice<string>("s") + Twice<T>(value) + Twice<int>(5); }
}

// An enum and a struct inside a generic class are generic, too, and parameters by value of methods that code shares.
class Bag<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    enum Part : byte { None, First = 1, Second = 2, Both = 3 }
    struct Mark { public Part Part; public T Value; }
    Part done; T value;
    [MethodImpl(NI)] public Bag(T v) { value = v; }
    [MethodImpl(NI)] bool Has(Part p) { return (done & p) == p; }
    [MethodImpl(NI)] Part Add(Part p, T v, Mark m) { done |= p; value = m.Part == Part.None ? v : m.Value; return done; }
    [MethodImpl(NI)] public string Fill(T v) { var t = "" + Has(Part.First) + Add(Part.First, v, new Mark()) + value; return t + Add(Part.Second, value, new Mark { Part = Part.First, Value = v }) + Has(Part.Both); }
}

// A struct that is known exactly, called through an interface that is not: its own method, in place.
class Flow<S, F> where S : struct, Flow<S, F>.IState where F : class
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    public interface IState { S Next(int by, F f); F Name { get; } Pair<F, S> Both(Pair<F, int> p, long x); bool Done(); }
    F given; S kept;
    [MethodImpl(NI)] public Flow(F f) { given = f; }
    [MethodImpl(NI)] public string Run(S s) { S n = s.Next(3, given); string t = "" + s + n + n.Name + s.Name + s.Done(); kept.Next(5, null); return t + kept + s.Both(new Pair<F, int>(given, 6), 1L << 40).Show() + s; }
}
struct State : Flow<State, string>.IState
{
    public int N; public string Text;
    public State Next(int by, string f) { N += by; Text += f; return new State { N = N * 2, Text = f }; }
    public string Name { get { N++; return "name" + N; } }
    public Pair<string, State> Both(Pair<string, int> p, long x) { Text = p.First + p.Second + x; return new Pair<string, State>(p.First, this); }
    public bool Done() { return N > 8; }
    public override string ToString() { return "[" + N + Text + "]"; }
}
struct Twice : Twofold<Twice, string>.IState, Twofold<Twice, object>.IState
{
    public int N;
    string Twofold<Twice, string>.IState.Get() { return "string" + ++N; }
    object Twofold<Twice, object>.IState.Get() { return "object" + ++N; }
}
class Twofold<S, F> where S : struct, Twofold<S, F>.IState where F : class
{
    public interface IState { F Get(); }
    [MethodImpl(MethodImplOptions.NoInlining)] public string Ask(S s) { return "" + s.Get() + s.Get(); } // which of the two, only the runtime knows
}

struct Pair<A, B>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    public A First; public B Second; public int N;
    [MethodImpl(NI)] public Pair(A a, B b) { First = a; Second = b; N = 4; }
    [MethodImpl(NI)] public string Show() { return "<" + First + "," + Second + "," + N + typeof(A).Name + ">"; }
    [MethodImpl(NI)] public Pair<B, A> Swap() { return new Pair<B, A>(Second, First); }
    [MethodImpl(NI)] public static Type TypeOf() { return typeof(Pair<A, B>); }
    [MethodImpl(NI)] public override string ToString() { return "P" + First + Second; }
    [MethodImpl(NI)] public object Box() { return this; }
}

class Node<T> where T : IComparable<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    public T Value; public Node<T> Left, Right;
    [MethodImpl(NI)] public void Insert(T v) { if (v.CompareTo(Value) < 0) { if (Left == null) Left = new Node<T> { Value = v }; else Left.Insert(v); } else if (Right == null) Right = new Node<T> { Value = v }; else Right.Insert(v); }
    [MethodImpl(NI)] public void Walk(Action<T> a) { if (Left != null) Left.Walk(a); a(Value); if (Right != null) Right.Walk(a); }
}

class Stack<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    T[] items = new T[2]; int n;
    [MethodImpl(NI)] public void Push(T x) { if (n == items.Length) { var b = new T[n * 2]; System.Array.Copy(items, b, n); items = b; } items[n++] = x; }
    [MethodImpl(NI)] public T Pop() { T x = items[--n]; items[n] = default(T); return x; }
    [MethodImpl(NI)] public ref T Top() { return ref items[n - 1]; }
    [MethodImpl(NI)] public IEnumerable<T> All() { for (int i = 0; i < n; i++) yield return items[i]; }
}

static class Util
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static string Name<T>(T x) { return typeof(T).Name + "=" + x; }
    [MethodImpl(NI)] public static T[] Make<T>(int n, Func<int, T> f) { var r = new T[n]; for (int i = 0; i < n; i++) r[i] = f(i); return r; }
    [MethodImpl(NI)] public static T Max<T>(T[] a) where T : IComparable<T> { T m = a[0]; foreach (T x in a) if (x.CompareTo(m) > 0) m = x; return m; }
    [MethodImpl(NI)] public static T New<T>() where T : class, new() { return new T(); }
    [MethodImpl(NI)] public static string Str<T>(T x) { return x.ToString() + x.GetHashCode().Equals(x.GetHashCode()); }
    [MethodImpl(NI)] public static void Swap<T>(ref T a, ref T b) { T t = a; a = b; b = t; }
    [MethodImpl(NI)] public static string Nested<T>(T x) { var c = new Cell<Cell<T>>(new Cell<T>(x)); return c.Get().ToString() + c.Of() + c; }
    [MethodImpl(NI)] public static List<U> Map<T, U>(IEnumerable<T> s, Func<T, U> f) { var l = new List<U>(); foreach (T t in (T[])s) l.Add(f(t)); return l; }
}

struct Point : IComparable<Point> { public int X; public object O; public int CompareTo(Point p) { return X - p.X; } public override string ToString() { return "pt" + X; } }
class Blank { public override string ToString() { return "blank"; } public override int GetHashCode() { return 4; } }

static class Program
{
    static string One<T>(T a, T b, object other)
    {
        var t = new StringBuilder();
        var c = new Cell<T>(a);
        t.Append(c.Get()).Append(c.Writes()); c.Set(b); t.Append(c.Get()).Append(c.Writes()).Append(c.Of()).Append(c.Array(3).GetType()).Append(c.Array(2)[1]);
        t.Append(c.Clone()).Append(c.Clone().GetType()).Append(c.Is(a)).Append(c.Is(other)).Append(c.Cast(b));
        try { c.Cast(other); t.Append("no"); } catch (InvalidCastException) { t.Append("ICE"); }
        t.Append(Cell<T>.SOf()).Append(Cell<T>.Default() == null).Append(c.CallStatic()).Append(c.ToList().Count).Append(c.ToList().GetType()).Append(c.ToList()[0]);
        t.Append(Cell<T>.Statics()); Cell<T>.SetLast(a); t.Append(Cell<T>.Statics()); Cell<T>.Reset();
        t.Append(c.Getter()()).Append(c.Namer()(a)).Append(c.Pairer("p")(a).Show()).Append(c.Pairer("q")(b).Swap().Show());
        t.Append(c.Kvp("k").Key).Append(c.Kvp("k").Value).Append(c.Twice<string>("u")).Append(c.CallTwice()).Append(c.Twice<int>(5)).Append(c.Twice(new Point { X = 3 }));
        t.Append(Pair<T, string>.TypeOf()).Append(new Pair<T, object>(a, other).Box()).Append(Util.Nested(a)).Append(Util.Str(a));
        T x = a, y = b; Util.Swap(ref x, ref y); t.Append(x).Append(y);
        var s = new Stack<T>(); for (int i = 0; i < 9; i++) s.Push(i % 2 == 0 ? a : b); s.Top() = a; t.Append(s.Pop()).Append(s.Pop()); foreach (T e in s.All()) t.Append(e);
        t.Append(Util.Make(3, i => i == 1 ? a : b)[1]);
        t.Append(Util.Map(new[] { a, b }, e => "m" + e)[1]);
        t.Append(new Bag<T>(a).Fill(b));
        return t.Append('\n').ToString();
    }
    static string Body()
    {
        var t = new StringBuilder();
        t.Append(One("a", "b", new Blank())).Append(One(new Blank(), null == "" ? null : new Blank(), "str")).Append(One<object>("x", 5, null == null ? (object)"z" : 1).Replace("no", "no")).Append(One(new[] { "q" }, new[] { "r" }, new int[1]));
        var n = new Node<string> { Value = "m" }; foreach (string v in "q w e r t y".Split(' ')) n.Insert(v); n.Walk(v => t.Append(v));
        t.Append(Util.Max(new[] { "b", "z", "a" })).Append(Util.New<Blank>()).Append(new Cell<string>("k").Compare("l"));
        t.Append(One(5, 6, "five")).Append(One(2.5, 3.5, null ?? "x")).Append(One(new Point { X = 1, O = "o" }, new Point { X = 2 }, 7)).Append(One(new Pair<int, string>(4, "four"), new Pair<int, string>(5, "five"), ""));
        var m = new Node<int> { Value = 50 }; foreach (int v in new[] { 3, 99, 51, 7 }) m.Insert(v); m.Walk(v => t.Append(v));
        t.Append(Util.Max(new[] { 4, 9, 2 })).Append(Util.Max(new[] { new Point { X = 8 }, new Point { X = 9 } }).X).Append(new Cell<int>(4).Compare(3));
        t.Append(new Flow<State, string>("given").Run(new State { N = 4, Text = "t" })).Append(new Twofold<Twice, string>().Ask(new Twice())).Append(new Twofold<Twice, object>().Ask(new Twice()));
        return t.ToString();
    }
    static int Main() { return Harness.Run(Body); }
}
