// native: U::*
// excluded: U2::Bypassed bypass-attribute U2::Hot aggressive-optimization U2::NotReady bypass-attribute
using System; using System.Runtime.CompilerServices; using System.Text;
namespace System.Runtime { sealed class BypassNGenAttribute : Attribute { } sealed class BypassReadyToRunAttribute : Attribute { } }
struct Mixed { public object O; public int N; public short S; }
struct Plain { public int A; public byte B; }
static class U {
  const MethodImplOptions No = MethodImplOptions.NoInlining;
  [MethodImpl(No)] public static string As(object o) => Unsafe.As<string>(o);
  [MethodImpl(No)] public static int Cast(object o) => Unsafe.As<string>(o).Length;
  [MethodImpl(No)] public static uint Bits(ref float f) => Unsafe.As<float, uint>(ref f);
  [MethodImpl(No)] public static int Size() => Unsafe.SizeOf<Mixed>() * 100 + Unsafe.SizeOf<Plain>() * 10 + Unsafe.SizeOf<string>() + Unsafe.SizeOf<char>();
  [MethodImpl(No)] public static int Add(int[] a, int i) => Unsafe.Add(ref a[0], i) + Unsafe.Add(ref a[0], (nint)i + 1);
  [MethodImpl(No)] public static string Structs(Mixed[] a, int i) { ref Mixed m = ref Unsafe.Add(ref a[0], i); m.O = "o" + i; GC.Collect(0); m.N++; return (string)m.O + m.N; }
  [MethodImpl(No)] public static int Offset(Plain[] a, nint bytes) { Unsafe.AddByteOffset(ref Unsafe.As<Plain, byte>(ref a[0]), bytes) = 9; return a[1].B; }
  [MethodImpl(No)] public static unsafe int AsRef(long p) => Unsafe.AsRef<int>((void*)p);
  [MethodImpl(No)] public static int In(in Plain p) { Unsafe.AsRef(in p).A = 77; return p.A; }
  [MethodImpl(No)] public static string Contains() => RuntimeHelpers.IsReferenceOrContainsReferences<int>() + "" + RuntimeHelpers.IsReferenceOrContainsReferences<Mixed>() + RuntimeHelpers.IsReferenceOrContainsReferences<string>() + RuntimeHelpers.IsReferenceOrContainsReferences<Plain>();
}
static class U2 {
  [System.Runtime.BypassNGen] public static int Bypassed(int x) => x + 1;
  [System.Runtime.BypassReadyToRun] public static int NotReady(int x) => x + 3;
  [MethodImpl(MethodImplOptions.AggressiveOptimization)] public static int Hot(int x) => x + 2;
}
static class Program {
  static string Try(Func<object> f) { try { return "" + f(); } catch (Exception e) { return e.GetType().Name; } }
  static unsafe string Body() {
    float f = -1.5f; int n = 5; var p = new Plain { A = 1 };
    return U.As("text") + U.As(null) + U.Cast("abc") + Try(() => U.Cast(null)) + U.Bits(ref f) + U.Size() + U.Add(new[] { 1, 2, 3, 4 }, 2) + U.Structs(new Mixed[3], 2) + U.Offset(new Plain[2], 12) + U.AsRef((long)&n) + Try(() => U.AsRef(0)) + U.In(p) + U.Contains() + U2.Bypassed(1) + U2.Hot(2) + U2.NotReady(3);
  }
  static int Main() { Console.WriteLine(Body()); return 0; }
}
