// native: Locked::* LockedStatics::* LockedGeneric`1::* Choice::*
// gc: yes
// Synchronized methods: who holds which monitor, on every way in and out; and switches that choose between objects.
using System;
using System.Runtime.CompilerServices;
using System.Threading;

struct Triple { public object A; public long B; public string C; }
struct Pair { public object A; public int B; }

class Locked
{
    const MethodImplOptions Both = MethodImplOptions.NoInlining | MethodImplOptions.Synchronized;
    public int Count;
    public string Log = "";
    [MethodImpl(Both)] public bool Held() { return Monitor.IsEntered(this); }
    [MethodImpl(Both)] public void Add(int n) { int old = Count; if ((n & 63) == 0) Thread.Yield(); Count = old + n; }
    [MethodImpl(Both)] public string Text(int n) { string s = new string('x', n); GC.KeepAlive(new byte[5000]); return s + Count; }
    [MethodImpl(Both)] public double Number(double x) { return x * 1.5; }
    [MethodImpl(Both)] public Pair Small(int n) { var p = new Pair { A = "a" + n, B = n }; GC.KeepAlive(new byte[9000]); return p; }
    [MethodImpl(Both)] public Triple Big(int n) { var t = new Triple { A = new object[n], B = n, C = "c" + n }; GC.KeepAlive(new byte[9000]); return t; }
    [MethodImpl(Both)] public ref int Reference() { return ref Count; }
    [MethodImpl(Both)] public int Throws(int n) { if (n > 3) throw new InvalidOperationException("n" + n); return n; }
    [MethodImpl(Both)]
    public int Nested(int n)
    {
        for (int i = 0; i < n; i++)
        {
            try
            {
                if (i == 2) return Fail(i);
                try { Log += i; if (i == 1) Fail(7); }
                finally { Log += Monitor.IsEntered(this) ? "f" : "F"; }
            }
            catch (ArgumentException e) when (e.ParamName == "7" && Monitor.IsEntered(this)) { Log += "c"; }
        }
        return Log.Length;
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Fail(int n) { throw new ArgumentException("m", n.ToString()); }
    [MethodImpl(Both)] public int Recursive(int n) { return n == 0 ? 0 : n + Recursive(n - 1); }
    [MethodImpl(Both)] public int Released(bool throws) { Monitor.Exit(this); if (throws) throw new Exception("late"); return 1; }
    [MethodImpl(Both)] public void Endless(ref int turns) { while (true) { if (++turns == 50) throw new Exception("enough"); } }
}

class LockedStatics
{
    const MethodImplOptions Both = MethodImplOptions.NoInlining | MethodImplOptions.Synchronized;
    public static string Started = "no";
    static int total;
    static LockedStatics() { Started = "yes, held " + Monitor.IsEntered(typeof(LockedStatics)); }
    [MethodImpl(Both)] public static bool Held() { return Monitor.IsEntered(typeof(LockedStatics)); }
    [MethodImpl(Both)] public static int Add(int n) { int old = total; if ((n & 63) == 0) Thread.Yield(); return total = old + n; }
    [MethodImpl(Both)] public static void Throws() { throw new FormatException(); }
}

class LockedGeneric<T>
{
    const MethodImplOptions Both = MethodImplOptions.NoInlining | MethodImplOptions.Synchronized;
    [MethodImpl(Both)] public static string Held<U>(U other) { return Monitor.IsEntered(typeof(LockedGeneric<T>)) + " " + Monitor.IsEntered(typeof(LockedGeneric<object>)) + typeof(T).Name + typeof(U).Name; }
    [MethodImpl(Both)] public bool Instance() { return Monitor.IsEntered(this) && !Monitor.IsEntered(typeof(LockedGeneric<T>)); }
}

static class Choice
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Name(int n)
    {
        switch (n) { case 0: return "zero"; case 1: return "one"; case 2: return "two"; case 3: return "three"; case 4: return "four"; case 5: return "five"; case 6: return "six"; default: return "many"; }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Names(int[] values)
    {
        string all = "";
        foreach (int n in values)
        {
            string text;
            switch (n) { case 0: text = "zero"; break; case 1: text = "one"; break; case 2: text = "two"; break; case 3: text = "three"; break; case 4: text = "four"; break; case 5: text = "five"; break; default: text = "many"; break; }
            all += text;
        }
        return all;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Sum(int[] values)
    {
        int sum = 0;
        for (int i = 0; i < values.Length; i++)
            switch (values[i]) { case 0: sum += 77; break; case 1: sum += 1234; break; case 2: sum -= 5; break; case 3: sum += 99; break; case 4: sum += 12; break; case 5: sum += 3; break; case 6: sum ^= 8; break; }
        return sum;
    }
}

static class Program
{
    static string Try(Func<object> f) { try { return "" + f(); } catch (Exception e) { return e.GetType().Name + ":" + (e is ArgumentNullException ? "" : e.Message.Split('\n')[0]); } }

    static string Contention(Action<int> add)
    {
        var threads = new Thread[3];
        for (int t = 0; t < threads.Length; t++) { threads[t] = new Thread(() => { for (int i = 0; i < 3000; i++) add(1 + (i & 127)); }); threads[t].Start(); }
        foreach (var thread in threads) thread.Join();
        return "";
    }

    static string Body()
    {
        var o = new Locked();
        var all = new System.Text.StringBuilder();
        all.AppendLine("" + o.Held() + Monitor.IsEntered(o) + o.Text(3) + o.Number(2.5));
        var small = o.Small(4); var big = o.Big(5);
        all.AppendLine("" + small.A + small.B + ((object[])big.A).Length + big.B + big.C);
        o.Reference() = 9;
        all.AppendLine(o.Count + Try(() => o.Throws(1)) + Try(() => o.Throws(9)) + Monitor.IsEntered(o));
        all.AppendLine(Try(() => o.Nested(2)) + o.Log + Try(() => o.Nested(5)) + o.Log + Monitor.IsEntered(o));
        all.AppendLine(o.Recursive(20) + " " + Monitor.IsEntered(o));
        all.AppendLine(Try(() => o.Released(false)) + Try(() => o.Released(true)) + Monitor.IsEntered(o));
        all.AppendLine(Try(() => { int turns = 0; try { o.Endless(ref turns); } finally { all.Append(turns); } return 0; }) + Monitor.IsEntered(o));
        var open = (Func<Locked, bool>)Delegate.CreateDelegate(typeof(Func<Locked, bool>), typeof(Locked).GetMethod("Held"));
        all.AppendLine(Try(() => open(null)) + open(o));
        o.Count = 0; Contention(o.Add);
        all.AppendLine("" + o.Count);
        all.AppendLine(LockedStatics.Held() + LockedStatics.Started + Try(() => { LockedStatics.Throws(); return 0; }) + Monitor.IsEntered(typeof(LockedStatics)));
        int before = LockedStatics.Add(0);
        Contention(n => LockedStatics.Add(n));
        int total = LockedStatics.Add(0) - before;
        all.AppendLine("" + total + LockedGeneric<string>.Held("s") + LockedGeneric<object>.Held("u") + LockedGeneric<int>.Held(5L) + LockedGeneric<long>.Held("v") + new LockedGeneric<byte>().Instance() + new LockedGeneric<string>().Instance());
        var values = new int[40]; for (int i = 0; i < values.Length; i++) values[i] = (i * 7 + 3) % 9 - 1;
        for (int i = -1; i < 8; i++) all.Append(Choice.Name(i));
        all.AppendLine(Choice.Names(values) + Choice.Sum(values));
        return all.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
