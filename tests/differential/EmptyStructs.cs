// See test_empty_structs.py.
using System;
public class Own : ICalls
{
    readonly Calls inner = new Calls();
    public string Ints(Empty e, int a, Empty f, object b, long c, string d, int g, Empty h, object i, int j) { return inner.Ints(f, a, h, b, c, d, g, e, i, j); }
    public string Doubles(double a, Empty e, double b, Around f, float c, object o) { return inner.Doubles(a, f.Inner, b, f, c, o); }
    public string Structs(Before b, After a, Three t, object o, Around r, Wide w, string s, Floats f) { return inner.Structs(b, a, t, o, r, w, s, f); }
    public Empty Result(object o, Empty e) { return inner.Result(o, e); }
    public Around AroundResult(int n) { return inner.AroundResult(n); }
    public Three ThreeResult(object o, string s) { return inner.ThreeResult(o, s); }
    public Before BeforeResult(Empty e, object o) { return inner.BeforeResult(e, o); }
    public After AfterResult(object o, Empty e) { return inner.AfterResult(o, e); }
    public Wide WideResult(long n, Empty e) { return inner.WideResult(n, e); }
    public Floats FloatsResult(float f, Three t) { return inner.FloatsResult(f, t); }
}
static class Program
{
    static string Body() { return Driver.Run(new Own(), "o" + Environment.ProcessorCount % 1) + Driver.Run(new Calls(), new string('q', 3)); }
    static int Main() { return Harness.Run(Body); }
}
