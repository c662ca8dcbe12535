// native: Handlers::* Button::* Closures::*
// gc: yes
// Delegates: static, instance, virtual, multicast, events, closures made by the compiler, calls of framework delegates.
using System;
using System.Collections.Generic;
using System.Text;

delegate int Op(int a, int b);
delegate string Name(object o);
delegate void Visit(ref int x, string s);
struct Wide { public long A, B, C; }
delegate Wide Make(Wide w, object o);

class Handlers
{
    readonly int factor; public readonly StringBuilder Log = new StringBuilder();
    public Handlers(int factor) { this.factor = factor; }
    static int Add(int a, int b) { return a + b; }
    int Scale(int a, int b) { return (a + b) * factor; }
    public virtual string Who(object o) { return "base" + o; }
    public Op Static() { return Add; }
    public Op Instance() { return Scale; }
    public Name Virtual() { return Who; }
    public static string Call(Op f, Name n, object o) { return f(3, 4) + n(o); }
    public static int Twice(Op f, int x) { return f(f(x, 1), 2); }
    void First(ref int x, string s) { x += 1; Log.Append(s).Append('1'); }
    void Second(ref int x, string s) { x *= 10; Log.Append(s).Append('2'); }
    public Visit Both() { Visit v = First; v += Second; v += First; v -= First; return v; }
    public static int Run(Visit v, int x) { v(ref x, "v"); return x; }
    static Wide Grow(Wide w, object o) { w.A += w.B; w.C = o.ToString().Length; return w; }
    public static string Wides(object o) { Make m = Grow; Wide w; w.A = 1; w.B = 2; w.C = 3; w = m(m(w, o), o); return w.A + "," + w.B + "," + w.C; }
    public static int Null(Op f) { return f(1, 2); }
    public static string Extension(string s) { Func<int> f = s.Size; return f() + ""; }
}

class Derived : Handlers { public Derived() : base(9) { } public override string Who(object o) { return "derived" + o; } public Name Base() { return base.Who; } }

static class Extensions { public static int Size(this string s) { return s == null ? -1 : s.Length; } }

class Button
{
    public event EventHandler Click; public event Action<string> Text;
    public int Clicks;
    public void Press(string s) { Clicks++; if (Click != null) Click(this, EventArgs.Empty); if (Text != null) Text(s); }
}

static class Closures
{
    public static string Sort(int[] a, bool down) { var b = (int[])a.Clone(); Array.Sort(b, (x, y) => down ? y.CompareTo(x) : x.CompareTo(y)); var t = new StringBuilder(); foreach (int x in b) t.Append(x).Append(' '); return t.ToString(); }
    public static string Count(List<string> words, int length) { int n = 0; words.ForEach(w => { if (w.Length > length) n++; }); return n + string.Join("", System.Linq.Enumerable.Where(words, w => w.Length == length)); }
    public static string Buttons() { var b = new Button(); string log = ""; int total = 0; b.Click += (s, e) => { total += ((Button)s).Clicks; }; b.Text += s => log += s; b.Text += s => log += s.ToUpperInvariant(); b.Press("a"); b.Press("b"); return log + total; }
    public static Func<int, int> Adder(int n) { return x => x + n; }
    public static int Compose(int x) { Func<int, int> f = Adder(3), g = Adder(x); return f(g(f(1))); }
}

static class Program
{
    static string Try(Func<object> f) { try { return f().ToString(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        var h = new Handlers(5); var d = new Derived();
        t.Append(Handlers.Call(h.Static(), h.Virtual(), "o")).Append(Handlers.Call(h.Instance(), d.Virtual(), 7)).Append(Handlers.Call(d.Instance(), d.Base(), 8)).Append(Handlers.Twice(h.Instance(), 2)).Append(Handlers.Run(h.Both(), 4)).Append(h.Log).Append(Handlers.Wides("four")).Append('\n');
        t.Append(Handlers.Twice((a, b) => a * b + 1, 6)).Append(Try(() => Handlers.Null(null))).Append(Handlers.Extension("abc")).Append(Handlers.Extension(null)).Append(Closures.Sort(new[] { 3, 1, 2 }, true)).Append(Closures.Sort(new[] { 3, 1, 2 }, false)).Append(Closures.Count(new List<string> { "a", "bb", "ccc", "dd" }, 2)).Append(Closures.Buttons()).Append(Closures.Compose(4)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
