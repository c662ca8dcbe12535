// native: Homes::* Node::* Buffers::* Effects::*
// gc: yes
// References, managed pointers and structs that live across collections; effects before a failing access.
using System;
using System.Runtime.CompilerServices;
using System.Text;

sealed class Node
{
    public int id;
    public Node next;
    public Pair pair;
    public Node(int id) { this.id = id; }
    [MethodImpl(MethodImplOptions.NoInlining)] public Node With(Node other) { next = Homes.Make(id * 10); next.next = other; return this; }
    [MethodImpl(MethodImplOptions.NoInlining)] public int Sum() { int s = 0; for (Node n = this; n != null; n = n.next) s = s * 3 + n.id; return s; }
    [MethodImpl(MethodImplOptions.NoInlining)] public Big Triple(int k, Node c) { return new Big { a = this, n = k, b = Homes.Make(k), c = c, d = k * 0.5 }; }
}

struct Pair { public Node node; public int number; }
struct Two { public Node a; public Node b; }
struct Big { public Node a; public int n; public Node b; public Node c; public double d; }
struct Huge { public long l0, l1, l2, l3, l4, l5, l6, l7; public Node a; public long m0, m1, m2, m3, m4, m5, m6, m7; public Node b; public byte tail; }
struct Odd { public byte a, b, c; public short d; public byte e; }
struct Inner { public Pair pair; public Odd odd; }

static class Buffers
{
    [MethodImpl(MethodImplOptions.NoInlining)] public static Big Fill(Node a, int n, Node b) { Big big; big.a = a; big.n = n; big.b = Homes.Make(n); big.c = b; big.d = n / 4.0; return big; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Huge FillHuge(Node a, long l) { var h = new Huge(); h.a = a; h.l3 = l; h.b = Homes.Make((int)l); h.m7 = -l; h.tail = (byte)l; return h; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Pair FillPair(Node a, int n) { Pair p; p.node = Homes.Make(n); p.number = n; a.next = p.node; return p; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Two FillTwo(Node a) { Two t; t.a = Homes.Make(a.id + 1); t.b = a; return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static Odd FillOdd(int n) { Odd o; o.a = (byte)n; o.b = (byte)(n + 1); o.c = (byte)(n + 2); o.d = (short)(n * 100); o.e = 9; return o; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int TakeBig(int k, Big big, Odd odd, Two two) { Homes.Garbage(); return k + big.a.id + big.b.id + big.c.id + big.n + (int)big.d + odd.d + odd.e + odd.c + two.a.id * two.b.id; }
    [MethodImpl(MethodImplOptions.NoInlining)] public static long TakeHuge(Huge h, Pair p) { Homes.Garbage(); h.l0 += h.a.id; return h.l0 + h.l3 * 3 + h.m7 + h.b.id + h.tail + p.node.id + p.number; }
}

static class Homes
{
    static readonly Node[] array = new Node[8];
    static Big bigStatic;
    static object box;

    [MethodImpl(MethodImplOptions.NoInlining)] public static Node Make(int id) { Garbage(); return new Node(id); }
    [MethodImpl(MethodImplOptions.NoInlining)] public static void Garbage() { box = new int[17]; box = new object[3]; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Live(int k)
    {
        Node a = Make(k), b = Make(k + 1), c = Make(k + 2);
        Node d = a.With(b.With(c));
        Garbage();
        return a.Sum() + b.Sum() * 7 + c.Sum() * 11 + (d == a ? 1 : 2) + Add(Make(1), Make(2), Make(3).With(Make(4)));
    }

    static int Add(Node a, Node b, Node c) { return a.id * 100 + b.id * 10 + c.Sum(); }

    static ref int Field(Node n) { return ref n.id; }
    static ref Node Element(Node[] a, int i) { return ref a[i]; }
    static void Set(ref Node place, int id) { Node fresh = Make(id); place = fresh; place.next = Make(id + 1); }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Pointers(int k)
    {
        ref int id = ref Field(Make(k));
        Garbage();
        id += 5;
        ref int inArray = ref new int[] { 1, 2, 3 }[1];
        Garbage();
        inArray += id;
        ref Node place = ref Element(array, k & 7);
        Set(ref place, k);
        Garbage();
        Node local = null;
        Set(ref local, k + 50);
        Node holder = Make(3);
        Set(ref holder.next, 60);
        Set(ref holder.pair.node, 70);
        return id + inArray * 3 + array[k & 7].Sum() + place.next.id + local.Sum() + holder.Sum() + holder.pair.node.Sum();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Structs(int k)
    {
        Big big = Buffers.Fill(Make(k), k, Make(k + 1));
        bigStatic = Buffers.Fill(big.b, k + 2, big.a);
        Node holder = Make(9);
        holder.pair = Buffers.FillPair(holder, k);
        Garbage();
        Two two = Buffers.FillTwo(big.c);
        Huge huge = Buffers.FillHuge(two.a, k + 1000);
        Huge copy = huge;
        copy.a = Make(77);
        var bigs = new Big[2];
        bigs[1] = big.a.Triple(k, two.b);
        bigs[0] = bigs[1];
        object boxed = bigs[0];
        Garbage();
        Big unboxed = (Big)boxed;
        Inner inner; inner.pair = holder.pair; inner.odd = Buffers.FillOdd(k);
        Inner other = inner; other.odd.d += 1; other.pair.node = Make(8);
        long r = Buffers.TakeBig(k, big, inner.odd, two) + Buffers.TakeBig(1, bigStatic, other.odd, new Two { a = holder, b = holder.next });
        r = r * 31 + Buffers.TakeHuge(huge, holder.pair) + 3 * Buffers.TakeHuge(copy, other.pair);
        return r * 31 + unboxed.b.id + bigs[1].c.id + (int)unboxed.d + other.pair.node.id + inner.pair.node.id;
    }

}

static class Effects
{
    // An effect before a failing access has happened, also in a loop and when a later store would hide it.
    static void Straight(Node a, Node b) { a.id = 1; b.id = 2; a.id = 3; }
    static void StraightRef(Node a, Node b) { a.next = a; b.next = a; a.next = null; }
    static void Loop(Node[] nodes, Node a) { for (int i = 0; i < nodes.Length; i++) { a.id = i; nodes[i].id = i; a.id = -1; } }
    static void Bounds(int[] values, Node a, int n) { for (int i = 0; i < n; i++) { a.id = i; values[i] = i; a.id = -1; } }
    static void Divide(Node a, int x, int y) { a.id = 5; a.pair.number = x / y; a.id = 6; }
    static int Length(int[] values, Node a) { a.id = 7; int n = values.Length; a.id = 8; return n; }
    static int Far(Wide w, Node a) { a.id = 9; int n = w.last; a.id = 10; return n; }

    sealed class Wide { public Block b0, b1, b2; public int last; }
    struct Block { public long a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9; }

    public static int Good(Node a) { return Length(new int[4], a); }
    public static void Bad(int which, Node a)
    {
        switch (which)
        {
            case 0: Straight(a, null); break;
            case 1: StraightRef(a, null); break;
            case 2: Loop(new[] { a, a, null, a }, a); break;
            case 3: Bounds(new int[3], a, 5); break;
            case 4: Divide(a, 1, 0); break;
            case 5: Divide(a, int.MinValue, -1); break;
            case 6: Length(null, a); break;
            default: Far(null, a); break;
        }
    }
}

static class Program
{
    static string Order(int which)
    {
        var a = new Node(0);
        string what = "";
        try
        {
            if (which == 8) what = Effects.Good(a).ToString(); else Effects.Bad(which, a);
        }
        catch (Exception e) { what = e.GetType().Name; }
        return what + " " + a.id + (a.next == a ? " self" : "");
    }

    static string Body()
    {
        var t = new StringBuilder();
        for (int k = 0; k < 40; k++) t.Append(Homes.Live(k)).Append(' ').Append(Homes.Pointers(k)).Append(' ').Append(Homes.Structs(k)).Append('\n');
        for (int which = 0; which < 9; which++) t.Append(Order(which)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
