// native: Catcher`1::* Catch::* Failure`1::* Value`1::*
// gc: yes
// compiler: roslyn
// Catch clauses of types that depend on type parameters, and of generic instances: filters decide.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;

class Failure<T> : Exception { const MethodImplOptions NI = MethodImplOptions.NoInlining; public readonly T What; [MethodImpl(NI)] public Failure(T what) : base(typeof(T).Name) { What = what; } [MethodImpl(NI)] public override string ToString() => "F<" + typeof(T).Name + ">" + What; }
class Special : Failure<string> { public Special() : base("special") { } }

class Catcher<T>
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    int count; T last;
    [MethodImpl(NI)] public string Own(Action a, T t) { object keep = new string('k', 3); try { a(); return "ok"; } catch (Failure<T> f) { count++; last = f.What; return "own " + f + keep + t + count; } catch (Failure<T[]> f) { return "array " + f.What.Length + keep; } finally { count += 10; } }
    [MethodImpl(NI)] public static string Static(Action a) { try { a(); return "ok"; } catch (Failure<T> f) when (f.Message.Length > 2) { return "when " + f; } catch (Failure<T> f) { return "short " + f; } catch (Exception e) { return "other " + e.GetType().Name; } }
    [MethodImpl(NI)] public string Generic<E>(Action a) where E : Exception { try { a(); return "ok"; } catch (E e) { return typeof(E).Name + e.Message; } }
    [MethodImpl(NI)] public string Nested(Action a) { try { try { a(); return "none"; } catch (Failure<List<T>> f) { return "list" + f.What.Count; } finally { count++; } } catch (Failure<T> f) { try { throw new Failure<T>(f.What); } catch (Failure<T> g) { return "again " + g.What + count; } } }
    [MethodImpl(NI)] public string Rethrow(Action a) { try { try { a(); return "none"; } catch (Failure<T>) { count++; throw; } } catch (Exception e) { return "rethrown " + e.Message + count; } }
    public T Last { [MethodImpl(NI)] get => last; }
}
struct Value<T> { const MethodImplOptions NI = MethodImplOptions.NoInlining; public T V; [MethodImpl(NI)] public string Try(Action a) { try { a(); return "ok" + V; } catch (Failure<T> f) { V = f.What; return "struct " + V; } } }
static class Catch
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] public static string Any<E>(Action a, string s) where E : Exception { for (int i = 0; ; i++) { try { a(); return s; } catch (E e) { s += e.Message + i; if (i == 2) return s; } } }
    [MethodImpl(NI)] public static string Exact(Action a) { try { a(); return "ok"; } catch (Failure<int> f) { return "int " + f.What; } catch (Failure<string> f) { return "string " + f.What; } catch (Exception e) { return "any " + e.GetType().Name; } }
}
static class Program
{
    static void All<T>(StringBuilder t, T v)
    {
        var c = new Catcher<T>(); var s = new Value<T> { V = v };
        foreach (Action a in new Action[] { () => { }, () => throw new Failure<T>(v), () => throw new Failure<T[]>(new T[3]), () => throw new Failure<List<T>>(new List<T> { v }), () => throw new InvalidOperationException("x"), () => throw new Special(), () => ((string)null).Trim() })
            foreach (Func<string> f in new Func<string>[] { () => c.Own(a, v), () => Catcher<T>.Static(a), () => c.Generic<Failure<T>>(a), () => c.Generic<InvalidOperationException>(a), () => c.Nested(a), () => c.Rethrow(a), () => s.Try(a), () => Catch.Any<Failure<T>>(a, "s"), () => Catch.Exact(a) })
                try { t.Append(f()).Append(';'); } catch (Exception e) { t.Append('!').Append(e.GetType().Name).Append(';'); }
        t.Append(c.Last).Append(s.V).Append('\n');
    }
    static string Body() { var t = new StringBuilder(); All(t, "q"); All(t, new Version(1, 2)); All(t, 5); All(t, new DateTime(2001, 2, 3)); All(t, (1, "p")); return t.ToString(); }
    static int Main() => Harness.Run(Body);
}
