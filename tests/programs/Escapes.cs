// native: Deep::*
// Exceptions that leave a handler: what surrounds the handler's try block runs once.
using System;
using System.Runtime.CompilerServices;
using System.Text;

static class Deep
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    public static readonly StringBuilder Log = new StringBuilder();
    [MethodImpl(No)] public static void Throw(int v) { if (v == 0) throw new InvalidOperationException("out"); Throw(v - 1); GC.KeepAlive(null); }
    [MethodImpl(No)]
    public static void FromCatch(int how)
    {
        try
        {
            if (how == 0) try { Throw(1); } catch (Exception) { Log.Append("again "); throw; }
            if (how == 1) try { Throw(1); } catch (Exception) { Log.Append("new "); Throw(1); }
            if (how == 2) try { Log.Append("body "); } finally { Log.Append("inner "); Throw(1); }
            if (how == 3) try { Throw(1); } finally { Log.Append("inner "); Throw(2); }
            if (how == 4) try { try { Throw(1); } catch (Exception) { Log.Append("first "); Throw(1); } } catch (Exception) { Log.Append("second "); throw; }
        }
        finally { Log.Append("finally "); }
    }
    [MethodImpl(No)]
    public static void Nested(int how)
    {
        try { try { FromCatch(how); } finally { Log.Append("middle "); } }
        catch (Exception e) when (e.Message == "no") { Log.Append("never "); }
        catch (ArgumentException) { Log.Append("never "); }
        finally { Log.Append("last "); }
    }
    [MethodImpl(No)] public static void Outer(int how) { try { Nested(how); } catch (Exception e) { Log.Append("caught ").Append(e.Message).Append('\n'); } }
}

static class Program
{
    static string Body() { Deep.Log.Length = 0; for (int how = 0; how < 5; how++) Deep.Outer(how); return Deep.Log.ToString(); }
    static int Main() { return Harness.Run(Body); }
}
