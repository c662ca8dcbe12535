// native: Fields::* Statics::* Precise::* Lazy::* Derived::* MyError::* MyStream::* Holder::* Creation::*
// gc: yes
// Instance and static fields of every type, foreign base classes, static constructors (precise and beforefieldinit), thread statics.
using System;
using System.IO;
using System.Text;
using System.Threading;

enum Colour : byte { Red = 1, Green = 2, Blue = 200 }
struct Point { public int X; public string Tag; public long Y; }

class Fields
{
    public bool Flag; public sbyte S8; public byte U8; public short S16; public ushort U16; public char C; public int I; public uint U; public long L; public ulong UL; public float F; public double D; public string S; public object O; public Colour E; public Point P; public int[] A; public IntPtr N;
    public Fields(int x) { Flag = x > 0; S8 = (sbyte)x; U8 = (byte)x; S16 = (short)(x * 300); U16 = (ushort)(x * 700); C = (char)(x + 65); I = x * 100000; U = (uint)x * 3000000000u; L = x * 1000000007L; UL = (ulong)x * 9999999999ul; F = x / 3f; D = x / 7d; S = "s" + x; O = S; E = (Colour)(x + 1); P.X = x; P.Tag = "tag" + x; P.Y = -x; A = new[] { x, x }; N = (IntPtr)x; }
    public string Show() { return Flag + "," + S8 + "," + U8 + "," + S16 + "," + U16 + "," + (int)C + "," + I + "," + U + "," + L + "," + UL + "," + F + "," + D + "," + S + "," + O + "," + E + "," + P.X + P.Tag + P.Y + "," + A[1] + "," + N; }
    public void Change(Fields other) { P = other.P; P.X++; other.P.Tag = S; U8 += 250; S8 -= 100; E = Colour.Blue; O = other; A = other.A; A[0]++; }
    public static int Null(Fields f) { return f.I; }
    public static void NullStore(Fields f) { f.S = "x"; }
}

static class Statics
{
    static int i = 5; static long l; static double d = 2.5; static string s = "static"; static object o; static Point p; static Colour c = Colour.Green; static int[] a = { 1, 2, 3 };
    static readonly byte[] data = { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 128 };
    [ThreadStatic] static int perThread; [ThreadStatic] static string perThreadText;
    public const int Const = 77;
    public static volatile int Volatile;
    public static string Use(int x)
    {
        i += x; l = i * 10L; d /= 2; s = s + x; o = s; p.X = x; p.Tag = s; p.Y += p.X; Point q = p; q.X = -1; p = q; c = (Colour)(byte)((int)c + 1); a[x & 1] += x;
        perThread += x; perThreadText = perThreadText + x; Volatile = Volatile + 1;
        int sum = 0; for (int k = 0; k < data.Length; k++) sum = sum * 3 + data[k];
        string r = i + "," + l + "," + d + "," + s.Length + o.Equals(s) + p.X + p.Y + "," + (p.Tag == s) + "," + (int)c + "," + a[0] + a[1] + "," + perThread + perThreadText.Length + "," + Volatile + "," + sum + Const;
        i = 5; l = 0; d = 2.5; s = "static"; o = null; p = default(Point); c = Colour.Green; a[0] = 1; a[1] = 2; perThread = 0; perThreadText = null; Volatile = 0;
        return r;
    }
    public static void Address(ref int x, ref string t) { x += 1000; t += "!"; }
    public static string ByAddress() { Address(ref i, ref s); string r = i + s; i = 5; s = "static"; return r; }
}

class Precise
{
    public static readonly StringBuilder Log;
    public static int Value;
    static Precise() { Log = new StringBuilder("precise;"); Value = 3; }
    public Precise() { Value++; }
    public static int Get() { return Value; }
}

class PreciseInstance { static PreciseInstance() { Precise.Log.Append("instance;"); } public int X = 4; public int Go() { return X; } }
class PreciseStatic { static PreciseStatic() { Precise.Log.Append("static;"); } public static int Go() { return 5; } }
class Failing { static Failing() { throw new InvalidOperationException("cctor"); } public static int X = 1; public static int Get() { return X; } }
static class Lazy { public static readonly string Text = Make(); static string Make() { return "lazy" + Statics.Const; } public static string Get() { return Text; } }

class Holder { public Holder Next; public object Payload; public int Id; }
class Derived : Holder { public string Extra; public double Weight; public byte Small; public Derived(int id) { Id = id; Extra = "extra" + id; Weight = id * 1.5; Small = (byte)id; Payload = this; } public string Show() { return Extra + Weight + Small + Id + (Payload == this); } }
sealed class Deeper : Derived { public byte More = 3; public Colour Hue = Colour.Red; public int Last; public Deeper(int id) : base(id) { Last = id + More + Small; } }

class MyError : Exception
{
    public readonly int Code; public readonly string Detail; public byte Level;
    public MyError(int code, string detail) : base("error " + code) { Code = code; Detail = detail; Level = (byte)code; }
    public string All() { return Message + Code + Detail + Level; }
    public static void Throw(int code) { throw new MyError(code, "thrown"); }
    public static void Rethrow(Exception e) { throw e; }
}

sealed class MyStream : Stream
{
    long position; byte marker; readonly int[] counts = new int[256];
    public override bool CanRead { get { return false; } }
    public override bool CanSeek { get { return false; } }
    public override bool CanWrite { get { return true; } }
    public override long Length { get { return position; } }
    public override long Position { get { return position; } set { position = value; } }
    public override void Flush() { marker++; }
    public override int Read(byte[] b, int o, int c) { throw new NotSupportedException("read" + marker); }
    public override long Seek(long o, SeekOrigin s) { throw new NotSupportedException(); }
    public override void SetLength(long v) { position = v; }
    public override void Write(byte[] b, int o, int c) { for (int i = 0; i < c; i++) counts[b[o + i]]++; position += c; }
    public string Show() { int n = 0; for (int i = 0; i < counts.Length; i++) if (counts[i] > 0) n += i * counts[i]; return position + "," + n + "," + marker; }
}

static class Creation
{
    public static Holder List(int n) { Holder head = null; for (int i = 0; i < n; i++) head = new Holder { Next = head, Payload = i % 3 == 0 ? (object)("p" + i) : new int[i % 7], Id = i }; return head; }
    public static long Walk(Holder h) { long s = 0; while (h != null) { s = s * 31 + h.Id; string t = h.Payload as string; if (t != null) s += t.Length; else s += ((int[])h.Payload).Length * 100; h = h.Next; } return s; }
    public static Holder Reverse(Holder h) { Holder r = null; while (h != null) { Holder next = h.Next; h.Next = r; r = h; h = next; } return r; }
    public static string Strings(char c, int n) { return new string(c, n) + new string(new[] { c, 'x', c }) + new string(new[] { 'a', 'b', c }, 1, 2); }
    public static string Derive(int x) { var d = new Deeper(x); Derived e = d; Holder h = e; h.Id += 1; return d.Show() + d.Last + (int)d.Hue + h.Id; }
    public static long Churn(int n) { long s = 0; var keep = new object[16]; for (int i = 0; i < n; i++) { keep[i & 15] = new Derived(i); if (keep[(i * 7) & 15] is Derived d) s += d.Id + d.Extra.Length; } return s; }
}

static class Program
{
    static string Try(Action f) { try { f(); return "none"; } catch (Exception e) { return e.GetType().Name + ":" + e.Message + (e.InnerException == null ? "" : ">" + e.InnerException.Message); } }

    static string Body()
    {
        var t = new StringBuilder();
        for (int i = 0; i < 4; i++)
        {
            var f = new Fields(i); var g = new Fields(-i - 3); f.Change(g);
            t.Append(f.Show()).Append(g.Show()).Append('\n').Append(Statics.Use(i)).Append(' ').Append(Statics.ByAddress()).Append('\n');
            t.Append(new Derived(i).Show()).Append(Creation.Derive(i + 250)).Append(Lazy.Get()).Append(new MyError(i, "d").All()).Append(Try(() => MyError.Throw(i))).Append('\n');
        }
        Precise.Value = 3;
        t.Append(Precise.Get()).Append(new Precise() != null).Append(Precise.Get()).Append(PreciseStatic.Go()).Append(new PreciseInstance().Go()).Append(Precise.Log).Append('\n');
        t.Append(Try(() => Failing.Get())).Append(Try(() => Failing.Get())).Append(Try(() => Fields.Null(null))).Append(Try(() => Fields.NullStore(null))).Append(Try(() => MyError.Rethrow(null))).Append(Try(() => MyError.Rethrow(new FormatException("f")))).Append('\n');
        var s = new MyStream(); var w = new StreamWriter(s); w.Write("hello, stream"); w.Flush(); s.WriteByte(7);
        t.Append(s.Show()).Append(Try(() => s.Read(new byte[1], 0, 1))).Append('\n');
        var list = Creation.List(2000);
        t.Append(Creation.Walk(list)).Append(' ').Append(Creation.Walk(Creation.Reverse(list))).Append(' ').Append(Creation.Strings('q', 5)).Append(' ').Append(Creation.Churn(5000)).Append('\n');
        string other = null; var thread = new Thread(() => other = Statics.Use(9)); thread.Start(); thread.Join();
        t.Append(other).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
