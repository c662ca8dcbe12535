// native: Calls::* Order::* Small::* Structs::* Throwing::* Statics::* Recursive::* Generic::* Who::*
// gc: yes
// Small callees of every kind where they are put in place of calls: what was evaluated when, what is null, what a callee's variables start as.
using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

struct Point
{
    public int X, Y; public Point(int x, int y) { X = x; Y = y; }
    public int Sum { get { return X + Y; } }
    public Point Swapped() { return new Point(Y, X); }
    public void Move(int d) { X += d; }
    public static Point operator +(Point a, Point b) { return new Point(a.X + b.X, a.Y + b.Y); }
}
struct Holder { public string Text; public object Other; public int Number; public Holder(string t, object o) { Text = t; Other = o; Number = 7; } public Holder Next() { Holder h = this; h.Number++; return h; } public string Show() { return Text + Other + Number; } }

class Node
{
    int value; string name; Node next;
    public Node(int v, string n) { value = v; name = n; }
    public Node(int v, Node rest) : this(v, "n" + v) { next = rest; }
    public int Value { get { return value; } set { this.value = value; } }
    public string Name { get { return name; } }
    public Node Next { get { return next; } }
    public Point Place { get { return new Point(value, name.Length); } }
    public Node Self() { return this; }
    public bool IsNull() { return this == null; }
    public virtual int Virtual() { return value; }
    public int ThroughVirtual() { return Virtual() + 1; }
}
sealed class Leaf : Node { public Leaf() : base(5, "leaf") { } public override int Virtual() { return 50; } }

static class Helpers
{
    public static int Log(StringBuilder b, int x) { b.Append(x).Append(' '); return x; }
    public static int First(int a, int b) { return a; }
    public static int Second(int a, int b) { return b; }
    public static int Max(int a, int b) { return a > b ? a : b; }
    public static int Sign(int x) { return x < 0 ? -1 : x > 0 ? 1 : 0; }
    public static byte Byte(int x) { return (byte)x; }
    public static sbyte SByte(int x) { return (sbyte)x; }
    public static short Short(short x) { return (short)(x + 1); }
    public static char Char(char x) { return (char)(x + 1); }
    public static bool Not(bool x) { return !x; }
    public static int FromByte(byte x) { return x; }
    public static int FromSByte(sbyte x) { return x; }
    public static long Wide(int x) { return x; }
    public static double Half(double x) { return x / 2; }
    public static float HalfF(float x) { return x / 2; }
    public static int Counter(int x) { int n; n = x + 1; return n * n; }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Accumulate(int a, int b) { int sum = 0; if (a > 3) sum += a; if (b > 3) sum += b; return sum; }
    public static void Increment(ref int x) { x++; }
    public static int Assign(int x) { x = x * 2; return x; }
    public static object Pick(bool c, object a, object b) { return c ? a : b; }
    public static int Length(string s) { return s.Length; }
    public static T Same<T>(T x) { return x; }
    public static int Divide(int a, int b) { return a / b; }
    public static int At(int[] a, int i) { return a[i]; }
}

static class Calls
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Properties(Node n) { n.Value = n.Value + 1; return n.Value + n.Name.Length + n.Self().Value + n.ThroughVirtual(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Chain(int depth) { Node n = new Node(0, "z"); for (int i = 1; i < depth; i++) n = new Node(i, n); string s = ""; while (n != null) { s += n.Name + Helpers.Sign(n.Value - 2); n = n.Next; } return s; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int InLoop(int n) { int r = 0; for (int i = 0; i < n; i++) r = r * 3 + Helpers.Accumulate(i & 7, r & 15) + Helpers.Counter(i); return r; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Addresses(int n) { int x = n; Helpers.Increment(ref x); Helpers.Increment(ref x); return x * 10 + Helpers.Assign(x); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object Objects(bool c, string s) { object o = Helpers.Pick(c, s + 1, Helpers.Pick(!c, s + 2, null)); GC.KeepAlive(new byte[100]); return Helpers.Same(o); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool NullThis(Node n) { return n != null && !n.IsNull(); }
}

static class Order
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Arguments() { var b = new StringBuilder(); int r = Helpers.First(Helpers.Log(b, 1), Helpers.Log(b, 2)) + Helpers.Second(Helpers.Log(b, 3), Helpers.Log(b, 4)); return b.ToString() + r; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Waiting(int x) { var b = new StringBuilder(); int r = Helpers.Log(b, x) * 100 + Helpers.Max(Helpers.Log(b, 7), x) * 10 + Helpers.Max(Helpers.Max(x, 2), Helpers.Log(b, 1)); return b.ToString() + r; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Ternary(int a, int b) { return Helpers.Max(a > b ? Helpers.Max(a, 1) : Helpers.Max(b, 2), a < 0 ? Helpers.Max(-a, 3) : 4); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Locals(int x) { int y = x; return y + Helpers.Second(y = 5, y) + y; }
}

static class Small
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string All(int x) { return Helpers.Byte(x) + " " + Helpers.SByte(x) + " " + Helpers.Short((short)x) + " " + (int)Helpers.Char((char)x) + " " + Helpers.Not(x > 0) + " " + Helpers.FromByte((byte)x) + " " + Helpers.FromSByte((sbyte)x) + " " + Helpers.Wide(x) + " " + Helpers.Half(x) + " " + Helpers.HalfF(x); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Unmasked(int x) { return Helpers.FromByte(Helpers.Byte(x + 1000)) + Helpers.FromSByte(Helpers.SByte(x + 1000)); }
}

static class Structs
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Points(int x) { Point p = new Point(x, 2); Point q = p.Swapped(); p.Move(3); q = p + q; Point[] a = { p, q }; a[1].Move(10); return p.Sum + " " + q.Sum + " " + a[1].X + " " + a[0].Swapped().X; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Overwritten(int x) { Point p = new Point(x, 1); p = p.Swapped(); p = p + p.Swapped(); return p.X + " " + p.Y; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Holders(string s) { Holder h = new Holder(s, s + 1); Holder n = h.Next().Next(); GC.KeepAlive(new byte[200]); return h.Show() + n.Show(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int OfObject(Node n) { return n.Place.Sum + n.Place.Swapped().Y; }
}

static class Throwing
{
    static int caught;
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Null(Node n, string s) { try { return "v" + n.Value + Helpers.Length(s); } catch (NullReferenceException) { caught++; return "null"; } finally { caught += 10; } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Divide(int a, int b) { int step = 0; try { step = 1; int r = Helpers.Divide(a, b); step = 2; return r + "/" + Helpers.Max(r, step); } catch (ArithmeticException e) { return e.GetType().Name + step + Helpers.Max(step, 0); } }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Bounds(int[] a, int i) { int before = caught; try { caught = Helpers.Max(caught, 1) + Helpers.At(a, i); } catch (IndexOutOfRangeException) when (Helpers.Max(i, 0) == i) { return "range" + (caught == before); } catch (IndexOutOfRangeException) { return "negative"; } return "ok"; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Handlers(int n) { int r = 0; for (int i = 0; i < n; i++) { try { r += Helpers.Divide(10, i & 1); } catch (DivideByZeroException) { r = Helpers.Max(r, i) + Helpers.Sign(r); } finally { r += Helpers.Accumulate(i, r & 7); } } return r; }
    public static int Caught { get { return caught; } }
}

class Lazy { static Lazy() { Statics.Log += "L"; } public static int F = 3; public static int Get() { return F; } public int Instance() { return F; } }
class BeforeField { public static string Text = Statics.Note("B"); public static string Get() { return Text; } }
static class Statics
{
    public static string Log = "";
    public static string Note(string s) { Log += s; return s; }
    static int count; [ThreadStatic] static int mine;
    public static int Next() { return ++count; }
    public static int Mine() { return ++mine; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Triggers(bool use) { string before = Log; if (use) before += Lazy.Get() + BeforeField.Get(); return before + "|" + (use ? Log : ""); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Counts() { int a = Next() + Next() * 10; return Next() - a / 100 * 0 + Mine() * 0; }
}

static class Recursive
{
    static int Even(int n) { return n == 0 ? 1 : Odd(n - 1); }
    static int Odd(int n) { return n == 0 ? 0 : Even(n - 1); }
    static int Down(int n) { return n < 1 ? 0 : Down(n - 1) + 1; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Run(int n) { return Even(n) * 1000 + Down(n); }
}

struct Wrap<T> { public T Value; public Wrap(T v) { Value = v; } public T Get() { return Value; } public Wrap<T> Same() { return this; } }
class Cell<T> { T value; public T Value { get { return value; } set { this.value = value; } } public static int Size(T[] a) { return a.Length; } }
static class Generic
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Exact(int x) { var c = new Cell<int>(); c.Value = x; var w = new Wrap<long>(x).Same(); var s = new Cell<string>(); s.Value = "s" + x; var d = new Wrap<string>(s.Value); return c.Value + " " + w.Get() + " " + s.Value + d.Get() + Cell<int>.Size(new int[x]); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Shared<T>(T[] a) { var c = new Cell<T>(); c.Value = a[0]; return c.Value + " " + Helpers.Max(a.Length, Cell<T>.Size(a)) + Helpers.Same(a[0]); }
}

static class Who
{
    public static Assembly Here() { return Assembly.GetExecutingAssembly(); }
    public static string Me() { return MethodBase.GetCurrentMethod().Name; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Ask() { return Here().GetName().Name + Me(); }
}

class Program
{
    static string Body()
    {
        var b = new StringBuilder();
        b.Append(Calls.Properties(new Node(4, "four"))).Append(Calls.Properties(new Leaf())).Append('\n');
        b.Append(Calls.Chain(6)).Append(Calls.InLoop(500)).Append(' ').Append(Calls.Addresses(5)).Append('\n');
        b.Append(Calls.Objects(true, "t")).Append(Calls.Objects(false, "f")).Append(Calls.NullThis(null)).Append(Calls.NullThis(new Leaf())).Append('\n');
        b.Append(Order.Arguments()).Append(' ').Append(Order.Waiting(3)).Append(' ').Append(Order.Ternary(-9, 2)).Append(Order.Ternary(7, 2)).Append(Order.Locals(8)).Append('\n');
        foreach (int x in new[] { 0, 1, -1, 127, 128, 200, 255, 256, 32767, 65535, -70000, int.MinValue }) b.Append(Small.All(x)).Append(Small.Unmasked(x)).Append(';');
        b.Append('\n').Append(Structs.Points(4)).Append(Structs.Overwritten(9)).Append(Structs.Holders("h")).Append(Structs.OfObject(new Node(3, "abc"))).Append('\n');
        b.Append(Throwing.Null(null, "x")).Append(Throwing.Null(new Leaf(), null)).Append(Throwing.Null(new Leaf(), "abc")).Append(Throwing.Divide(7, 2)).Append(Throwing.Divide(7, 0)).Append(Throwing.Divide(int.MinValue, -1)).Append('\n');
        b.Append(Throwing.Bounds(new[] { 1, 2 }, 1)).Append(Throwing.Bounds(new[] { 1, 2 }, 2)).Append(Throwing.Bounds(new[] { 1, 2 }, -1)).Append(Throwing.Handlers(9)).Append(Throwing.Caught > 0).Append('\n');
        b.Append(Recursive.Run(9)).Append(Recursive.Run(10)).Append(Generic.Exact(3)).Append(Generic.Shared(new[] { "q", "r" })).Append(Generic.Shared(new[] { 5 })).Append(Who.Ask()).Append('\n');
        return b.ToString();
    }
    static int Main()
    {
        Console.WriteLine(Statics.Triggers(false) + Statics.Triggers(true) + Statics.Counts());
        return Harness.Run(Body);
    }
}
