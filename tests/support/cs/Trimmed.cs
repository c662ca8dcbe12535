// What the trimmed framework of .NET 10's test host lacks and test programs need; compiled into them for that host only
// (TRIMMED). A type without namespace hides the framework's of the same name.

public static class GC
{
    // Every collection of the host is a full one; the setting gcForceCompact makes it a compacting one.
    public static void Collect() { System.GC.Collect(); }
    public static void Collect(int generation) { System.GC.Collect(); }
    public static void Collect(int generation, GCCollectionMode mode) { System.GC.Collect(); }
    public static void Collect(int generation, GCCollectionMode mode, bool blocking) { System.GC.Collect(); }
    public static void Collect(int generation, GCCollectionMode mode, bool blocking, bool compacting) { System.GC.Collect(); }
    public static void WaitForPendingFinalizers() { System.GC.WaitForPendingFinalizers(); }
    public static void SuppressFinalize(object o) { System.GC.SuppressFinalize(o); }
    public static void KeepAlive(object o) { System.GC.KeepAlive(o); }
    public static int CollectionCount(int generation) { return System.GC.CollectionCount(generation); }
    public static int GetGeneration(object o) { return System.GC.GetGeneration(o); }
    public static long GetTotalMemory(bool force) { return System.GC.GetTotalMemory(force); }
    public static int MaxGeneration { get { return System.GC.MaxGeneration; } }
}

public enum GCCollectionMode { Default, Forced, Optimized, Aggressive }

public static class Monitor
{
    public static void Enter(object o, ref bool taken) { System.Threading.Monitor.Enter(o, ref taken); }
    public static void Enter(object o) { System.Threading.Monitor.Enter(o); }
    public static void Exit(object o) { System.Threading.Monitor.Exit(o); }
    public static bool IsEntered(object o)
    {
        try { System.Threading.Monitor.PulseAll(o); return true; }
        catch (System.Threading.SynchronizationLockException) { return false; }
    }
}

// The framework's has Append for the types that azmcp appends.
public sealed class StringBuilder
{
    readonly System.Text.StringBuilder text;
    public StringBuilder() { text = new System.Text.StringBuilder(); }
    public StringBuilder(string s) { text = new System.Text.StringBuilder(s); }
    public int Length { get { return text.Length; } set { text.Length = value; } }
    public char this[int index] { get { return text[index]; } set { text[index] = value; } }
    public StringBuilder Append(string s) { text.Append(s); return this; }
    public StringBuilder Append(System.ReadOnlySpan<char> s) { text.Append(s.ToString()); return this; }
    public StringBuilder Append(object o) { text.Append(o == null ? null : o.ToString()); return this; }
    public StringBuilder Append(char c) { text.Append(c); return this; }
    public StringBuilder Append(char c, int count) { text.Append(c, count); return this; }
    public StringBuilder Append(bool b) { text.Append(b ? "True" : "False"); return this; }
    public StringBuilder Append(sbyte n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(byte n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(short n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(ushort n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(int n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(uint n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(long n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(ulong n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(float n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(double n) { text.Append(n.ToString()); return this; }
    public StringBuilder Append(decimal n) { text.Append(n.ToString()); return this; }
    public StringBuilder AppendLine() { text.Append('\n'); return this; }
    public StringBuilder AppendLine(string s) { text.Append(s).Append('\n'); return this; }
    public StringBuilder AppendFormat(string format, params object[] args) { text.Append(string.Format(format, args)); return this; }
    public StringBuilder Insert(int index, string s) { text.Insert(index, s); return this; }
    public StringBuilder Replace(string old, string s) { text.Replace(old, s); return this; }
    public StringBuilder Clear() { text.Clear(); return this; }
    public override string ToString() { return text.ToString(); }
}
