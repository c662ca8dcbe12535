using System;
struct S { public object o; public int n; public S(object a, int b) { o = a; n = b; } public int Get() { return n; } }
class B { public int x; public object o; public virtual int V() { return x; } public static int count; }
sealed class Sealed : B { public override int V() { return 7; } }
interface I { int M(); }
class E : Exception { public int code; }
class Pre { public static int V; static Pre() { V = 1; } public Pre() { } public static int F() { return 1; } public int G() { return 2; } }
class C {
  static int Add(int a, int b) { return a + b; }
  static int Field(B b) { return b.x; }
  static void SetField(B b, object o) { b.o = o; }
  static int ForeignBase(E e) { return e.code; }
  static int Static() { return B.count; }
  static int Virtual(B b) { return b.V(); }
  static int Interface(I i) { return i.M(); }
  static int NonVirtual(Sealed s) { return s.V(); }
  static int Element(int[] a, int i) { return a[i]; }
  static void StoreElement(object[] a, int i, object o) { a[i] = o; }
  static string Literal() { return "x"; }
  static object Box(int i) { return i; }
  static int Unbox(object o) { return (int)o; }
  static Type TypeOf() { return typeof(string); }
  static Action Delegate(B b) { return b.ToStringAction; }
  static int Invoke(Func<int, int> f, int x) { return f(x); }
  static int Ternary(bool b, int x, int y) { return Add(x, b ? x : y); }
  static int KeepsOld(S s, S t) { return Two(s, Set(out s), t); }
  static int Set(out S s) { s = new S(null, 1); return 2; }
  static int Two(S a, int b, S c) { return a.n; }
  static S Direct(S s) { S t = s; t = new S(s.o, 3); return t; }
  static void Throws(Exception e) { throw e; }
  static int StructMethod(S s) { return s.Get(); }
  static float Mixed(float f, float g) { return f * g; }
  static double Rem(double a, double b) { return a % b; }
  static byte Checked(double d) { return checked((byte)d); }
  static void RefStore(ref object r, object v) { r = v; }
  static string NewString(char c) { return new string(c, 3); }
}
static class X { public static void ToStringAction(this B b) { } }

static class More {
  static int Swap(S a, S b, bool c) { S t = c ? a : b; return t.n; }

  static int? Lift(object o) { return (int?)o; }
  static string Constrained(DayOfWeek d, int i) { return d.ToString() + i.ToString(); }
  static ref int Ref(int[] a) { return ref a[1]; }
  static object Array(int n) { return new string[n]; }
  static int Cast(object o) { return o is B ? ((B)o).x : 0; }
  static string List(System.Collections.Generic.List<string> l) { l.Add("x"); return l[0]; }
  static Func<string> VirtualDelegate(object o) { return o.ToString; }
  static int Volatile() { return flag; }
  static volatile int flag;
}
