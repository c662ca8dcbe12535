// native: Strings::* Pointers::*
// gc: yes
// Strings, and unsafe code: pointers, fixed, sizeof.
using System;
using System.Globalization;
using System.Text;

static class Strings
{
    public static string Concat(string a, string b, int n) { return a + b + n + a + 'c' + null + 1.5.ToString(CultureInfo.InvariantCulture); }
    public static int Hash(string s) { int h = 17; for (int i = 0; i < s.Length; i++) h = h * 31 + s[i]; return h; }
    public static string Reverse(string s) { var c = s.ToCharArray(); Array.Reverse(c); return new string(c); }
    public static bool Same(string a, string b) { return a == b && a.Equals(b) && string.Equals(a, b, StringComparison.Ordinal) && !(a != b); }
    public static string Build(int n) { var b = new StringBuilder(); for (int i = 0; i < n; i++) { b.Append(i).Append(','); if (i % 3 == 0) b.Append("three").AppendLine(); } b.Insert(0, "x").Replace("three", "3").Length -= 1; return b.ToString(); }
    public static string Cut(string s) { int i = s.IndexOf('='); return i < 0 ? s.Trim().ToUpperInvariant() : s.Substring(0, i) + "|" + s.Substring(i + 1).PadLeft(8, '.'); }
    public static string Literals() { return "plain" + "\u00fc\u4e2d\ud83d\ude00" + "" + "quote\"" + "nul\0end"; }
    public static char Index(string s, int i) { return s[i]; }
    public static string Interned() { return (object)"same" == (object)Other() ? "interned" : "different"; }
    static string Other() { return "same"; }
    public static string Join(string[] a) { return string.Join("-", a) + string.Concat(a) + string.Format("{0:x4}|{1}", 255, a[0]); }
    public static int ParseSum(string s) { int sum = 0; foreach (string part in s.Split(',')) { int n; if (int.TryParse(part, out n)) sum += n; else sum -= part.Length; } return sum; }
}

static unsafe class Pointers
{
    struct Node { public int Value; public Node* Next; public short Tag; }
    public static int Sum(int[] a) { int s = 0; fixed (int* p = a) { for (int i = 0; i < a.Length; i++) s += p[i]; } return s; }
    public static int Sizes() { return sizeof(int) + sizeof(long) * 10 + sizeof(Node) * 100 + sizeof(char) * 1000 + sizeof(decimal); }
    public static void Copy(byte* from, byte* to, int n) { while (n-- > 0) *to++ = *from++; }
    public static string Bytes(string s) { fixed (char* p = s) { char* q = p; int n = 0; while (*q != 0) { n += *q++; } return n + "," + (q - p); } }
    public static long Locals() { int x = 5; int* p = &x; *p += 7; long l = x; long* q = &l; *q *= 3; Node a, b; a.Value = 1; a.Next = &b; a.Tag = -2; b.Value = 10; b.Next = null; b.Tag = 9; a.Next->Value += a.Tag; return l + b.Value + (a.Next->Next == null ? 1000 : 0) + (p == &x ? 5000 : 0); }
    public static uint Reinterpret(float f) { return *(uint*)&f; }
    public static double FromBits(long l) { return *(double*)&l; }
    public static string CopyArrays(byte[] a, byte[] b) { fixed (byte* p = a) fixed (byte* q = b) Copy(p, q + 1, a.Length); return BitConverter.ToString(b); }
    public static int Compare(byte[] a, int i, int j) { fixed (byte* p = &a[0]) { byte* x = p + i, y = p + j; return x < y ? -1 : x > y ? 1 : 0; } }
}

static class Program
{
    static string Try(Func<object> f) { try { return f().ToString(); } catch (Exception e) { return e.GetType().Name; } }

    static string Body()
    {
        var t = new StringBuilder();
        t.Append(Strings.Concat("a", "bc", 7)).Append(Strings.Hash("hello world")).Append(Strings.Reverse("stressed")).Append(Strings.Same("ab", new string(new[] { 'a', 'b' }))).Append(Strings.Same("ab", "ac")).Append(Strings.Build(20)).Append(Strings.Cut("key=value")).Append(Strings.Cut("  novalue ")).Append(Strings.Literals().Length).Append(Strings.Literals()).Append(Strings.Interned()).Append(Strings.Join(new[] { "x", "y" })).Append(Strings.ParseSum("1,22,abc,-3")).Append(Try(() => Strings.Index("abc", 2))).Append(Try(() => Strings.Index("abc", 3))).Append(Try(() => Strings.Index(null, 0))).Append('\n');
        t.Append(Pointers.Sum(new[] { 1, 2, 3 })).Append(Pointers.Sum(new int[0])).Append(' ').Append(Pointers.Sizes()).Append(' ').Append(Pointers.Bytes("chars")).Append(' ').Append(Pointers.Locals()).Append(' ').Append(Pointers.Reinterpret(1.5f)).Append(' ').Append(Pointers.FromBits(0x4008000000000000)).Append(' ').Append(Pointers.CopyArrays(new byte[] { 1, 2, 3 }, new byte[5])).Append(Pointers.Compare(new byte[9], 3, 4)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
