// native: Static::* Shapes::* Animal::* Dog::* Puppy::* Virtuals::* Refs::* Structs::*
// gc: yes
// Calls with every kind of argument and result, virtual and interface dispatch, ref and out, in native to native and both ways.
using System;
using System.Collections.Generic;
using System.Text;

struct Pair { public int A, B; public Pair(int a, int b) { A = a; B = b; } }
struct Named { public string Name; public int Id; }
struct Two { public object X, Y; }
struct LongDouble { public long L; public double D; }
struct DoubleLong { public double D; public long L; }
struct Floats2 { public float A, B; }
struct Floats3 { public float A, B, C; }
struct Doubles { public double A, B; }
struct Big { public object O; public long L; public int I; public string S; }
struct Bytes3 { public byte A, B, C; }
struct Bytes9 { public long A; public byte B; }
struct One { public object O; }
struct Mixed { public float F; public int I; public double D; }
struct Nest { public Pair P; public float F; }
struct Ints5 { public int A, B, C, D, E; }

static class Static
{
    public static long Many(int a, long b, short c, byte d, uint e, int f, sbyte g, ushort h, long i, int j) { return a + 3 * b + 5 * c + 7 * d + 11L * e + 13 * f + 17 * g + 19 * h + 23 * i + 29 * j; }
    public static double ManyDoubles(double a, float b, double c, double d, float e, double f, double g, double h, double i, float j) { return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j; }
    public static string Interleaved(int a, string b, double c, object d, float e, string f, long g, object h, double i, string j, int k, object l) { return a + b + c + d + e + f + g + h + i + j + k + l; }
    public static long CallMany(int x) { return Many(x, x * 2L, (short)x, (byte)x, (uint)x, -x, (sbyte)x, (ushort)x, long.MaxValue - x, x); }
    public static double CallManyDoubles(double x) { return ManyDoubles(x, (float)x, x / 3, -x, 0.1f, x * x, 1, 2, 3, (float)x); }
    public static string CallInterleaved(int x, object o) { return Interleaved(x, "b", x / 2.0, o, x, null, x, o, 1.5, "j", -x, o); }
    public static int Recursive(int n, string s, object o) { return n == 0 ? (s == null ? 0 : s.Length) : 1 + Recursive(n - 1, s, o); }
    public static bool Bool(int x) { return x > 0; }
    public static sbyte SByte(int x) { return (sbyte)x; }
    public static byte Byte(int x) { return (byte)x; }
    public static short Short(int x) { return (short)x; }
    public static ushort UShort(int x) { return (ushort)x; }
    public static char Char(int x) { return (char)x; }
    public static long Small(int x) { return (Bool(x) ? 1 : 0) + SByte(x) * 3L + Byte(x) * 5L + Short(x) * 7L + UShort(x) * 11L + Char(x) * 13L; }
}

static class Shapes
{
    public static Pair MakePair(int a) { return new Pair(a, ~a); }
    public static Named MakeNamed(string s, int i) { Named n; n.Name = s + "!"; n.Id = i; return n; }
    public static Two MakeTwo(object x, object y) { Two t; t.X = y; t.Y = x; return t; }
    public static LongDouble MakeLD(long l) { LongDouble v; v.L = l; v.D = l / 2.0; return v; }
    public static DoubleLong MakeDL(long l) { DoubleLong v; v.L = l; v.D = l / 4.0; return v; }
    public static Floats2 MakeF2(float f) { Floats2 v; v.A = f; v.B = -f; return v; }
    public static Floats3 MakeF3(float f) { Floats3 v; v.A = f; v.B = -f; v.C = f * 2; return v; }
    public static Doubles MakeD2(double d) { Doubles v; v.A = d; v.B = 1 / d; return v; }
    public static Big MakeBig(string s, int i) { Big b; b.O = s; b.L = i * 1000000007L; b.I = i; b.S = s + i; return b; }
    public static Bytes3 MakeB3(int i) { Bytes3 b; b.A = (byte)i; b.B = (byte)(i >> 8); b.C = (byte)(i >> 16); return b; }
    public static Bytes9 MakeB9(long l) { Bytes9 b; b.A = l; b.B = (byte)(l * 3); return b; }
    public static One MakeOne(object o) { One v; v.O = o; return v; }
    public static Mixed MakeMixed(int i) { Mixed m; m.F = i; m.I = i * 2; m.D = i * 3; return m; }
    public static Nest MakeNest(int i) { Nest n; n.P = new Pair(i, i + 1); n.F = i * 0.5f; return n; }
    public static Ints5 MakeI5(int i) { Ints5 v; v.A = i; v.B = i + 1; v.C = i + 2; v.D = i + 3; v.E = i + 4; return v; }
    public static string Show(Pair p, Named n, Two t) { return p.A + "," + p.B + "," + n.Name + n.Id + "," + t.X + t.Y; }
    public static string Show2(LongDouble a, DoubleLong b, Floats2 c, Floats3 d, Doubles e) { return a.L + "," + a.D + "," + b.D + "," + b.L + "," + c.A + "," + c.B + "," + d.A + "," + d.B + "," + d.C + "," + e.A + "," + e.B; }
    public static string Show3(Big a, Bytes3 b, Bytes9 c, One d, Mixed e, Nest f, Ints5 g) { return a.O + "," + a.L + "," + a.I + a.S + "," + b.A + b.B + b.C + "," + c.A + c.B + "," + d.O + "," + e.F + e.I + e.D + "," + f.P.A + f.P.B + f.F + "," + g.A + g.B + g.C + g.D + g.E; }
    public static string OnStack(int a, int b, int c, int d, int e, Named n, int f, Two t, Pair p, double x, Big g) { return a + b + c + d + e + n.Name + n.Id + f + t.X + t.Y + p.A + p.B + x + g.O + g.S; }
    public static string All(int i, string s)
    {
        return Show(MakePair(i), MakeNamed(s, i), MakeTwo(s, "y" + i)) + "|" + Show2(MakeLD(i), MakeDL(i), MakeF2(i), MakeF3(i), MakeD2(i + 1))
            + "|" + Show3(MakeBig(s, i), MakeB3(i * 70001), MakeB9(i), MakeOne(s), MakeMixed(i), MakeNest(i), MakeI5(i))
            + "|" + OnStack(1, 2, 3, 4, 5, MakeNamed(s, i), 6, MakeTwo(s, s), MakePair(i), 0.5, MakeBig(s, i));
    }
}

interface ISpeak { string Speak(int volume); Big Describe(Named n); }
interface ICount { int Count { get; set; } }

abstract class Animal : ISpeak, ICount
{
    protected readonly string name;
    int count;
    protected Animal(string name) { this.name = name; }
    public abstract string Speak(int volume);
    public virtual string Name { get { return name; } }
    public virtual Big Describe(Named n) { Big b; b.O = this.Name; b.L = n.Id; b.I = Count; b.S = n.Name; return b; }
    public int Count { get { return count; } set { count = value; } }
    public override string ToString() { return "animal " + name; }
}

class Dog : Animal
{
    public Dog(string name) : base(name) { }
    public override string Speak(int volume) { Count += volume; return name + " barks " + volume; }
}

sealed class Puppy : Dog
{
    public Puppy() : base("puppy") { }
    public override string Speak(int volume) { return base.Speak(volume + 1) + "?"; }
    public override string Name { get { return "little " + base.Name; } }
    string Hidden() { return "hidden " + Count; }
    public string CallHidden() { return Hidden(); }
}

struct Cat : ISpeak, ICount
{
    int count;
    public string Speak(int volume) { count += volume; return "cat " + count; }
    public Big Describe(Named n) { Big b; b.O = n.Name; b.L = count; b.I = -1; b.S = "cat"; return b; }
    public int Count { get { return count; } set { count = value; } }
}

static class Virtuals
{
    public static string Virtual(Animal a) { return a.Speak(3) + a.Name + a + a.Describe(Shapes.MakeNamed("v", 4)).S; }
    public static string Interface(ISpeak s, ICount c) { c.Count += 5; Big b = s.Describe(Shapes.MakeNamed("i", 6)); return s.Speak(c.Count) + b.O + b.L + b.I + b.S; }
    public static string Objects(object o) { return o.ToString() + (o.GetHashCode() == o.GetHashCode()) + o.Equals(o) + o.Equals(null) + (o.GetType() == typeof(string)); }
    public static string Sealed(Puppy p) { return p.Speak(1) + p.CallHidden(); }
    public static int Null(Animal a) { return a.Speak(1).Length; }
    public static int NullInterface(ISpeak a) { return a.Speak(1).Length; }
    public static string NullName(Puppy p) { return p.CallHidden(); }
    public static string Constrained(Cat c, int n) { c.Count = n; return c.Speak(1) + c.Count + n.ToString() + n.Equals(3) + n.GetHashCode() + c.Equals(c); }
}

static class Refs
{
    public static void Inc(ref int x) { x++; }
    public static void Swap(ref string a, ref string b) { string t = a; a = b; b = t; }
    public static bool Out(string s, out int length, out string upper) { if (s == null) { length = -1; upper = null; return false; } length = s.Length; upper = s + s; return true; }
    public static void Field(Dog d, int[] a, string[] s, ref Big b) { Inc(ref a[2]); Swap(ref s[0], ref s[1]); b.O = d; b.S = s[0]; b.I++; Inc(ref b.I); }
    public static ref int Pick(int[] a, int i) { return ref a[i]; }
    public static ref string PickString(string[] a, int i) { return ref a[i]; }
    public static string UsePick(int[] a, string[] s) { Pick(a, 1) += 10; ref int r = ref Pick(a, 0); r = r * 2 + a[1]; PickString(s, 0) = "new" + a[0]; return a[0] + "," + a[1] + s[0]; }
    public static string All(int x)
    {
        var a = new[] { x, x + 1, x + 2 };
        var s = new[] { "first", "second" };
        Big b = Shapes.MakeBig("b", x);
        Field(new Dog("rex" + x), a, s, ref b);
        int length; string upper;
        bool ok = Out(s[1], out length, out upper);
        int local = x; Inc(ref local); Inc(ref local);
        return a[2] + s[0] + s[1] + b.O + b.S + b.I + ok + length + upper + local + UsePick(a, s);
    }
}

static class Structs
{
    static Pair Twist(Pair p) { p.A += p.B; p.B = p.A - p.B; return p; }
    public static string Copies(Pair p) { Pair q = p; q.A = 100; Pair r = Twist(q); p = Twist(Twist(p)); return p.A + "," + p.B + "," + q.A + "," + q.B + "," + r.A + "," + r.B; }
    public static string InArray(Named[] a) { a[1] = a[0]; a[0].Name = "changed"; Named n = a[0]; n.Id = 99; a[2] = n; return a[0].Name + a[0].Id + a[1].Name + a[1].Id + a[2].Name + a[2].Id; }
    public static string Aliased(ref Named a, ref Named b) { a.Name = "one"; b.Name = "two"; string s = a.Name; a = b; b.Id = 5; return s + a.Id + b.Id; }
    public static string Alias(int id) { Named n; n.Name = "n"; n.Id = id; Named before = n; string s = Aliased(ref n, ref n); return s + n.Name + n.Id + before.Name + before.Id; }
    public static Two Default() { return default(Two); }
    public static string Defaults() { Two t = Default(); var b = new Big(); Two u = new Two { X = "x" }; return (t.X == null) + "" + (t.Y == null) + b.L + (b.S == null) + u.X + (u.Y == null); }
}

static class Program
{
    static string Try(Func<string> f) { try { return f(); } catch (NullReferenceException) { return "NRE"; } }

    static string Body()
    {
        var t = new StringBuilder();
        for (int i = -3; i < 300; i += 41)
        {
            t.Append(Static.CallMany(i)).Append(' ').Append(Static.CallManyDoubles(i)).Append(' ').Append(Static.CallInterleaved(i, i % 2 == 0 ? (object)"even" : null)).Append(' ').Append(Static.Small(i * 1001)).Append(' ');
            t.Append(Shapes.All(i, "s" + i)).Append('\n');
            Animal dog = new Dog("rex"), puppy = new Puppy();
            t.Append(Virtuals.Virtual(dog)).Append(Virtuals.Virtual(puppy)).Append(Virtuals.Interface(dog, puppy)).Append(Virtuals.Interface(puppy, dog)).Append(Virtuals.Interface(new Cat(), dog));
            object cat = new Cat();
            t.Append(Virtuals.Interface((ISpeak)cat, (ICount)cat)).Append(Virtuals.Objects("text")).Append(Virtuals.Objects(42)).Append(Virtuals.Sealed(new Puppy())).Append(Virtuals.Constrained(new Cat(), i)).Append('\n');
            t.Append(Refs.All(i)).Append(' ').Append(Structs.Copies(new Pair(i, 7))).Append(' ').Append(Structs.InArray(new[] { Shapes.MakeNamed("z", i), new Named(), new Named() })).Append(' ').Append(Structs.Alias(i)).Append(' ').Append(Structs.Defaults()).Append('\n');
        }
        t.Append(Static.Recursive(5000, "deep", t.Length)).Append(Try(() => "" + Virtuals.Null(null))).Append(Try(() => "" + Virtuals.NullInterface(null))).Append(Try(() => Virtuals.NullName(null))).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
