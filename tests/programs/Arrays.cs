// native: Elements::* Bounds::* Objects::* Matrix::* Loops::*
// gc: yes
// Arrays of every element type, bounds and covariance checks, jagged arrays, arrays of structs, loops over arrays.
using System;
using System.Text;

struct Item { public string Name; public int Count; public object Extra; }
struct Small { public short A; public byte B; }
enum Kind : short { None, Some = 300 }

static class Elements
{
    public static int Bytes(byte[] a) { a[1] = (byte)(a[0] + 200); a[2] += 7; return a[0] + a[1] * 256 + a[2] * 65536; }
    public static int SBytes(sbyte[] a) { a[1] = (sbyte)(a[0] - 200); return a[0] * 1000 + a[1]; }
    public static int Shorts(short[] a) { a[0]--; a[1] = (short)(a[0] * 3); return a[0] + a[1]; }
    public static int UShorts(ushort[] a) { a[0]--; a[1] = (ushort)(a[0] * 3); return a[0] + a[1]; }
    public static string Chars(char[] a) { a[0]++; char t = a[1]; a[1] = a[2]; a[2] = t; return new string(a); }
    public static long Ints(int[] a) { long s = 0; foreach (int x in a) s = s * 3 + x; a[a.Length - 1] ^= 0x55; return s + a[a.Length - 1]; }
    public static ulong UInts(uint[] a) { a[0] *= 3; return a[0] + (ulong)a[1] * 5; }
    public static long Longs(long[] a) { a[1] = a[0] << 3; return a[0] - a[1]; }
    public static double Floats(float[] a, double[] b) { a[0] += 0.1f; b[0] = a[0] * b[1]; return a[0] + b[0]; }
    public static int Bools(bool[] a) { a[1] = !a[0]; int n = 0; for (int i = 0; i < a.Length; i++) if (a[i]) n += 1 << i; return n; }
    public static string Strings(string[] a) { a[0] = a[1] + a[2]; a[1] = null; return a[0] + (a[1] ?? "null"); }
    public static string Structs(Item[] a) { a[0].Name = "n"; a[0].Count++; a[1] = a[0]; a[1].Extra = a; Item t = a[1]; t.Count = 50; a[2] = t; ref Item r = ref a[0]; r.Name += "r"; return a[0].Name + a[0].Count + a[1].Name + a[1].Count + (a[1].Extra == (object)a) + a[2].Count; }
    public static int Smalls(Small[] a) { a[1] = a[0]; a[1].B += 250; a[2].A = -5; return a[0].A + a[0].B + a[1].A * 7 + a[1].B + a[2].A; }
    public static string Kinds(Kind[] a) { a[1] = Kind.Some; return a[0].ToString() + (int)a[1]; }
    public static string Pointers(IntPtr[] a) { a[0] = (IntPtr)5; return a[0].ToString() + a[1]; }
}

static class Bounds
{
    public static int Get(int[] a, int i) { return a[i]; }
    public static void Set(string[] a, int i, string s) { a[i] = s; }
    public static byte GetLong(byte[] a, long i) { return a[i]; }
    public static int GetUInt(int[] a, uint i) { return a[i]; }
    public static ref Item Ref(Item[] a, int i) { return ref a[i]; }
    public static int Length(Array a, int[] b) { return a.Length + b.Length; }
    public static int[] Make(int n) { return new int[n]; }
    public static void Covariant(object[] a, object o) { a[0] = o; }
    public static ref object CovariantRef(object[] a) { return ref a[0]; }
    public static Item GetItem(Item[] a, int i) { return a[i]; }
}

static class Objects
{
    public static object[] Grow(object[] a, object o) { var b = new object[a.Length + 1]; for (int i = 0; i < a.Length; i++) b[i] = a[i]; b[a.Length] = o; return b; }
    public static string Fill(int n) { var a = new object[0]; for (int i = 0; i < n; i++) a = Grow(a, i % 2 == 0 ? (object)i : "s" + i); var t = new StringBuilder(); foreach (object o in a) t.Append(o); return t.ToString(); }
    public static int[] Initialized() { return new[] { 1, -2, 3, int.MaxValue, int.MinValue, 6, 7, 8 }; }
    public static string Init() { var d = new double[] { 1.5, 2.5, -3.25, 1e100 }; var c = new[] { 'a', 'b', 'c', 'ü' }; var l = new long[] { 1, long.MinValue, 3 }; return d[3] + new string(c) + l[1] + Initialized()[4]; }
}

static class Matrix
{
    public static double[][] Multiply(double[][] a, double[][] b)
    {
        int n = a.Length, m = b[0].Length;
        var r = new double[n][];
        for (int i = 0; i < n; i++)
        {
            r[i] = new double[m];
            for (int j = 0; j < m; j++) { double s = 0; for (int k = 0; k < b.Length; k++) s += a[i][k] * b[k][j]; r[i][j] = s; }
        }
        return r;
    }
    public static double[][] Make(int n, int seed) { var r = new double[n][]; for (int i = 0; i < n; i++) { r[i] = new double[n]; for (int j = 0; j < n; j++) r[i][j] = (i * seed + j) % 11 - 5; } return r; }
    public static double Trace(double[][] a) { double s = 0; for (int i = 0; i < a.Length; i++) s += a[i][i] * (i + 1); return s; }
}

static class Loops
{
    public static int Sum(int[] a) { int s = 0; for (int i = 0; i < a.Length; i++) s += a[i]; return s; }
    public static void Scale(int[] a, int[] b, int k) { for (int i = 0; i < a.Length; i++) b[i] = a[i] * k; }
    public static int Find(byte[] a, byte b) { for (int i = 0; i < a.Length; i++) if (a[i] == b) return i; return -1; }
    public static void Reverse(string[] a) { for (int i = 0, j = a.Length - 1; i < j; i++, j--) { string t = a[i]; a[i] = a[j]; a[j] = t; } }
    public static void Sort(int[] a) { for (int i = 1; i < a.Length; i++) { int x = a[i], j = i - 1; while (j >= 0 && a[j] > x) { a[j + 1] = a[j]; j--; } a[j + 1] = x; } }
    public static uint Crc(byte[] data) { uint c = 0xffffffff; foreach (byte b in data) { c ^= b; for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >> 1) ^ 0xedb88320 : c >> 1; } return ~c; }
    public static string[] Words(int n) { var a = new string[n]; for (int i = 0; i < n; i++) a[i] = "w" + i; return a; }
}

static class Program
{
    static string Try(Func<object> f) { try { return "" + f(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        t.Append(Elements.Bytes(new byte[] { 100, 0, 250 })).Append(' ').Append(Elements.SBytes(new sbyte[] { 100, 0 })).Append(' ').Append(Elements.Shorts(new short[] { short.MinValue, 0 })).Append(' ').Append(Elements.UShorts(new ushort[] { 0, 0 })).Append(' ').Append(Elements.Chars("abc".ToCharArray())).Append(' ').Append(Elements.Ints(new[] { 1, 2, 3 })).Append(' ').Append(Elements.UInts(new uint[] { uint.MaxValue, 7 })).Append(' ').Append(Elements.Longs(new[] { long.MaxValue, 0 })).Append(' ').Append(Elements.Floats(new[] { 1f }, new[] { 0, 3.0 })).Append(' ').Append(Elements.Bools(new bool[3])).Append(' ').Append(Elements.Strings(new[] { "a", "b", "c" })).Append(' ').Append(Elements.Structs(new Item[3])).Append(' ').Append(Elements.Smalls(new Small[3])).Append(' ').Append(Elements.Kinds(new Kind[2])).Append(' ').Append(Elements.Pointers(new IntPtr[2])).Append('\n');
        foreach (int i in new[] { 0, 1, 2, -1, int.MaxValue, int.MinValue })
            t.Append(Try(() => Bounds.Get(new[] { 7, 8 }, i))).Append(Try(() => { var a = new string[2]; Bounds.Set(a, i, "v"); return a[0] + a[1]; })).Append(Try(() => Bounds.GetLong(new byte[] { 5, 6 }, i * (1L << 32)))).Append(Try(() => Bounds.GetUInt(new[] { 3 }, (uint)i))).Append(Try(() => Bounds.Ref(new Item[2], i).Count)).Append(Try(() => Bounds.GetItem(new Item[2], i).Count)).Append(Try(() => i > 1000 ? 0 : Bounds.Make(i).Length)).Append(' ');
        t.Append(Try(() => Bounds.Get(null, 0))).Append(Try(() => { Bounds.Set(null, 0, "x"); return 0; })).Append(Try(() => Bounds.Length(new long[3], new int[4]))).Append(Try(() => Bounds.Length(null, null))).Append('\n');
        t.Append(Try(() => { var a = new object[1]; Bounds.Covariant(a, "x"); return a[0]; })).Append(Try(() => { object[] a = new string[1]; Bounds.Covariant(a, "x"); return a[0]; })).Append(Try(() => { object[] a = new string[1]; Bounds.Covariant(a, 5); return a[0]; })).Append(Try(() => { object[] a = new string[1]; Bounds.Covariant(a, null); return a[0] ?? "n"; })).Append(Try(() => { Bounds.CovariantRef(new string[1]) = "y"; return 0; })).Append(Try(() => { var a = new object[1]; Bounds.CovariantRef(a) = "y"; return a[0]; })).Append('\n');
        t.Append(Objects.Fill(60)).Append(' ').Append(Objects.Init()).Append(' ').Append(Matrix.Trace(Matrix.Multiply(Matrix.Make(20, 3), Matrix.Make(20, 7)))).Append('\n');
        var ints = new int[1000]; for (int i = 0; i < ints.Length; i++) ints[i] = (i * 7919) % 1009; var scaled = new int[1000];
        Loops.Scale(ints, scaled, -3); Loops.Sort(ints); var words = Loops.Words(300); Loops.Reverse(words);
        t.Append(Loops.Sum(ints)).Append(' ').Append(Loops.Sum(scaled)).Append(' ').Append(ints[0]).Append(ints[999]).Append(' ').Append(words[0]).Append(words[299]).Append(' ').Append(Loops.Crc(Encoding.UTF8.GetBytes("123456789")).ToString("x")).Append(Loops.Find(new byte[] { 1, 2, 3 }, 3)).Append(Try(() => { Loops.Scale(ints, new int[5], 2); return 0; })).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
