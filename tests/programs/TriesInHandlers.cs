// native: Nested::[A-Z]* Program::Body
// excluded-3.1: Nested::Enumerated exception-handling
// excluded-3.1: Nested::Back exception-handling
// gc: yes
// compiler: roslyn
// Try blocks inside handlers that are themselves inside try blocks: each of those has the outer clauses once more.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

class Problem : Exception { public object Inside = new object(); public Problem(string text) : base(text) { } }

static class Nested
{
    const MethodImplOptions No = MethodImplOptions.NoInlining;
    static int thrown, enough;
    static string log;
    [MethodImpl(No)] static void Throw() { GC.KeepAlive(new int[10]); if (++thrown <= enough) throw new Problem("e" + thrown); }
    [MethodImpl(No)] static void Finally() { try { try { Throw(); } catch { log += "1"; try { Throw(); } catch { log += "2"; } } } finally { log += "f"; } }
    [MethodImpl(No)] static void Levels() { try { try { Throw(); } catch { log += "1"; try { Throw(); } catch { log += "2"; try { Throw(); } catch { log += "3"; } } } } finally { log += "f"; } }
    [MethodImpl(No)] static void Other() { try { try { Throw(); } catch { log += "1"; try { Throw(); } catch (ArgumentException) { log += "2"; } catch (Problem e) when (e.Inside != null) { log += "w"; Throw(); } } } catch (Problem e) { log += "f" + e.Message; } }
    [MethodImpl(No)] static void Inner() { try { log += "x"; try { Throw(); } catch { log += "1"; try { Throw(); } catch { log += "2"; try { Throw(); } finally { log += "3"; } } } } catch { log += "f"; } }
    [MethodImpl(No)] static void InFinally() { try { try { Throw(); } catch { log += "1"; try { log += "y"; } finally { try { Throw(); } catch { log += "3"; } } } } finally { log += "f"; try { Throw(); } catch { log += "g"; } finally { log += "h"; } } }
    [MethodImpl(No)] static void Enumerated(List<string> items) { try { try { Throw(); } catch { log += "1"; foreach (string item in items) { log += item; lock (items) Throw(); } } } finally { log += "f"; } }
    [MethodImpl(No)]
    static void Back()
    {
        try { log += "a"; try { Throw(); } catch { again: log += "1"; try { Throw(); } catch { log += "2"; if (thrown == 3) goto again; next: log += "n"; try { Throw(); } catch { log += "3"; if (thrown < 5) goto next; } } } }
        finally { log += "f"; }
    }
    static readonly Action[] all = { Finally, Levels, Other, Inner, InFinally, () => Enumerated(new List<string> { "p", "q" }), Back };
    public static string All()
    {
        string text = "";
        for (enough = 0; enough < 7; enough++)
            foreach (var one in all)
            {
                thrown = 0;
                log = "";
                try { one(); } catch (Problem e) { log += "!" + e.Message; }
                text += log + (enough == 6 ? "\n" : " ");
            }
        return text + "\n";
    }
}

static class Program
{
    static string Body() { return Nested.All(); }
    static int Main() { return Harness.Run(Body); }
}
