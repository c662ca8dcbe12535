// Every public member of some types, called by reflection with many arguments: callers written in C# have most of them inlined by the JIT.
// System.Runtime.Numerics, System.Private.Uri, System.Collections, System.Linq and more.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net.Http.Headers;
using System.Numerics;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

static class Everything
{
    static readonly Dictionary<Type, object[]> samples = new Dictionary<Type, object[]>();

    static void Sample<T>(params T[] values) { samples[typeof(T)] = values.Cast<object>().ToArray(); }

    static void Prepare()
    {
        Sample(0, 3, -1, 70, 6, 2, 1, 1000); Sample(0u, 7u, uint.MaxValue); Sample(0L, -5L, long.MaxValue, 77L); Sample(0UL, 9UL, ulong.MaxValue); Sample(0.0, 1.5, -2.25, 1e300, double.NaN); Sample(0f, 2.5f, -1e30f); Sample(0m, 12.75m, -3m); Sample(true, false); Sample('a', '%', '7', '/'); Sample((byte)0, (byte)200); Sample((sbyte)-3, (sbyte)5); Sample((short)-300, (short)12); Sample((ushort)40000, (ushort)3);
        Sample("http://user@host.example:81/a/b c?q=1#f", "12", "-7f", "", null, "x", "%41%zz", "\u00fcber", "a=b", "X-1"); Sample<object>(1, "o", null, new BigInteger(7), Complex.One); Sample(new BigInteger(0), new BigInteger(12345), BigInteger.Pow(10, 45), -BigInteger.Pow(3, 90), BigInteger.MinusOne);
        Sample(new Complex(0, 0), new Complex(1.5, -2), new Complex(-3, 0.25), Complex.ImaginaryOne); Sample(new Uri("http://h/a/b?c#d"), new Uri("rel/x", UriKind.Relative), new Uri("file:///tmp/x"), null); Sample(UriKind.Absolute, UriKind.RelativeOrAbsolute, UriKind.Relative); Sample(UriComponents.AbsoluteUri, UriComponents.Host, UriComponents.PathAndQuery); Sample(UriFormat.UriEscaped, UriFormat.Unescaped, UriFormat.SafeUnescaped); Sample(UriPartial.Path, UriPartial.Authority, UriPartial.Query); Sample(StringComparison.Ordinal, StringComparison.OrdinalIgnoreCase);
        Sample(NumberStyles.Any, NumberStyles.HexNumber, NumberStyles.Integer); Sample<IFormatProvider>(CultureInfo.InvariantCulture, null); Sample(MidpointRounding.ToEven); Sample(new byte[] { 1, 2, 250 }, new byte[0], null); Sample(new[] { true, false, true }, null); Sample(new[] { 5, -1, 9 }, new int[0], null); Sample(new BitArray(9, true), new BitArray(70), null); Sample<Array>(new byte[10], new int[4], new bool[100], new string[3]); Sample(RegexOptions.None, RegexOptions.IgnoreCase); Sample(TimeSpan.FromSeconds(2), TimeSpan.Zero);
        Sample<IEnumerable<int>>(new[] { 3, -4, 9 }, new int[0], null, Enumerable.Range(1, 5)); Sample<IEnumerable<int?>>(new int?[] { 3, null }, new int?[0], null); Sample<IEnumerable<long>>(new[] { 3L, long.MaxValue }, new long[0]); Sample<IEnumerable<long?>>(new long?[] { 3, null }, new long?[0]); Sample<IEnumerable<float>>(new[] { 3f, float.NaN }, new float[0]); Sample<IEnumerable<float?>>(new float?[] { 3, null }, new float?[0]); Sample<IEnumerable<double>>(new[] { 3.5, -1 }, new double[0]); Sample<IEnumerable<double?>>(new double?[] { 3, null }, new double?[0]); Sample<IEnumerable<decimal>>(new[] { 3m, 7 }, new decimal[0]); Sample<IEnumerable<decimal?>>(new decimal?[] { 3, null }, new decimal?[0]); Sample<IEnumerable>(new object[] { 1, "x" }, null);
        string[] words = { "pear", "fig", "apple", "fig", "kiwi", "", "plum" };
        Sample<IEnumerable<string>>(words, new List<string>(words), words.Where(w => w.Length > 3), words.Select(w => w + "!"), new List<string>(words).Where(w => w != "").Select(w => w.ToUpperInvariant()), words.Skip(1).Take(4), words.OrderBy(w => w, StringComparer.Ordinal).ThenBy(w => w.Length), words.Concat(new[] { "x" }).Concat(words), words.Reverse(), words.Distinct(), words.Union(new[] { "nut" }), words.Append("end").Prepend("start"), new string[0].DefaultIfEmpty("none"), words.SelectMany(w => w.Select(c => c.ToString())), Enumerable.Repeat("r", 3), new Queue<string>(words), new HashSet<string>(words), Lazy(words), new string[0], null, new List<string>(words).Select(w => w + "?").Skip(2), words.GroupBy(w => w.Length.ToString()).Select(g => g.Key), words.Cast<object>().OfType<string>(), words.Zip(words, (a, b) => a + b), new List<string>(words).Skip(2).Take(3), Lazy(words).Select(w => w).Take(3), Lazy(words).Skip(2), words.Except(new[] { "fig" }), words.Intersect(words), words.TakeLast(2), words.SkipWhile(w => w != "fig"), words.OrderByDescending(w => w, StringComparer.Ordinal).Skip(1).Take(3));
        Sample<Func<string, bool>>(w => w != null && w.Length > 3, w => true, w => false, null); Sample<Func<string, string>>(w => w + w, w => w.Substring(0, 1), w => w.Length.ToString()); Sample<Func<string, int, bool>>((w, i) => i % 2 == 0, null); Sample<Func<string, int, string>>((w, i) => w + i); Sample<Func<string, string, string>>((a, b) => a + b, (a, b) => b); Sample<Func<string, IEnumerable<string>>>(w => new[] { w, "-" }, w => new string[0]); Sample<Func<string, int, IEnumerable<string>>>((w, i) => Enumerable.Repeat(w, i % 3)); Sample<Func<string, IEnumerable<string>, string>>((w, g) => w + ":" + string.Join("", g));
        Sample<Func<string, int>>(w => w.Length, w => -w.Length); Sample<Func<string, int?>>(w => w.Length > 3 ? (int?)w.Length : null); Sample<Func<string, long>>(w => w.Length); Sample<Func<string, long?>>(w => w.Length); Sample<Func<string, double>>(w => w.Length / 2.0); Sample<Func<string, double?>>(w => null); Sample<Func<string, float>>(w => w.Length); Sample<Func<string, float?>>(w => w.Length); Sample<Func<string, decimal>>(w => w.Length); Sample<Func<string, decimal?>>(w => w.Length);
        Sample<IEqualityComparer<string>>(StringComparer.Ordinal, StringComparer.OrdinalIgnoreCase, null); Sample<IComparer<string>>(StringComparer.Ordinal, StringComparer.OrdinalIgnoreCase); Sample<IComparer>(StringComparer.Ordinal); Sample<IOrderedEnumerable<string>>(words.OrderBy(w => w.Length), words.OrderByDescending(w => w, StringComparer.Ordinal)); Sample<IDictionary<string, string>>(new Dictionary<string, string> { ["d"] = "1", ["a"] = "2" }, null); Sample(new string[20], new string[2], null); Sample(new KeyValuePair<string, string>[20]); Sample<Predicate<string>>(w => w.Length > 3, null);
        Sample(new KeyValuePair<string, string>("a", "A"), new KeyValuePair<string, string>("q", "Q"));
        Sample<MatchEvaluator>(m => "<" + m.Value + ">"); Sample(new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero)); Sample(Encoding.UTF8);
    }

    static IEnumerable<string> Lazy(string[] words) { foreach (string word in words) yield return word; }

    // Generic code over reference types is what an image of its own module can hold.
    static MethodBase Close(MethodBase method)
    {
        if (!(method is MethodInfo open) || !open.IsGenericMethodDefinition) return method;
        try { return open.MakeGenericMethod(open.GetGenericArguments().Select(x => typeof(string)).ToArray()); } catch (ArgumentException) { return method; }
    }

    static object[] Values(Type type)
    {
        if (type.IsByRef) type = type.GetElementType();
        if (samples.TryGetValue(type, out object[] found)) return found;
        Type inner = Nullable.GetUnderlyingType(type);
        if (inner != null && samples.TryGetValue(inner, out found)) return found.Concat(new object[] { null }).ToArray();
        return type.IsValueType || type.IsPointer ? null : new object[] { null };
    }

    static string Show(object value, int depth)
    {
        switch (value)
        {
            case null: return "null";
            case string text: return text;
            case IFormattable number: return number.ToString(null, CultureInfo.InvariantCulture);
            case BitArray bits: return string.Concat(bits.Cast<bool>().Select(b => b ? '1' : '0'));
            case IEnumerable items when depth < 3: return "[" + string.Join(",", items.Cast<object>().Take(100).Select(x => Show(x, depth + 1))) + "]";
            case Capture capture: return capture.Index + "+" + capture.Value;
            default: return value.GetType() == typeof(object) ? "object" : value.ToString();
        }
    }

    static void Call(StringBuilder log, MethodBase method, object target, int variant)
    {
        ParameterInfo[] parameters = method.GetParameters();
        var arguments = new object[parameters.Length];
        for (int i = 0; i < parameters.Length; i++)
        {
            object[] values = Values(parameters[i].ParameterType);
            if (values == null) { log.Append('-'); return; }
            object value = values[(variant * (2 * i + 1) + i) % values.Length];
            arguments[i] = value is ICloneable cloneable && !(value is string) ? cloneable.Clone() : value;
        }
        try
        {
            object result = method is ConstructorInfo constructor ? constructor.Invoke(arguments) : method.Invoke(target, arguments);
            log.Append(Show(result, 0));
            foreach (ParameterInfo parameter in parameters) if (parameter.ParameterType.IsByRef) log.Append('^').Append(Show(arguments[parameter.Position], 0));
            if (result is IEnumerator enumerator) { int n = 0; while (n < 5 && enumerator.MoveNext()) { log.Append(Show(enumerator.Current, 1)); n++; } }
        }
        catch (TargetInvocationException e) { log.Append('!').Append(e.InnerException.GetType().Name).Append(e.InnerException.Message.Split('\n')[0]); }
        catch (Exception e) { log.Append('?').Append(e.GetType().Name); }
        log.Append(' ');
    }

    static void All(StringBuilder log, Type type, params Func<object>[] instances)
    {
        const BindingFlags Any = BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        MethodInfo[] hidden = type.GetMethods(Any | BindingFlags.NonPublic).Where(x => x.IsPrivate && x.IsVirtual).ToArray(); // explicit interface implementations
        // In an order of our own: reflection's depends on what was looked up before, which tiering changes.
        foreach (MethodBase definition in type.GetConstructors(Any).Cast<MethodBase>().Concat(type.GetMethods(Any)).Concat(hidden).OrderBy(m => m.ToString(), StringComparer.Ordinal))
        {
            MethodBase method = Close(definition);
            if (method.ContainsGenericParameters || method.Name == "GetHashCode" || method.Name == "set_CacheSize" || method.IsAbstract) continue;
            if (method.GetParameters().Any(p => p.ParameterType.IsByRefLike) || method is MethodInfo m && m.ReturnType.IsByRefLike) continue;
            log.Append(type.Name).Append('.').Append(method).Append(": ");
            foreach (Func<object> instance in method.IsStatic || method is ConstructorInfo ? new Func<object>[] { () => null } : instances)
                for (int variant = 0; variant < (method.GetParameters().Length == 0 ? 1 : typeof(Enumerable) == type ? 32 : 9); variant++) Call(log, method, instance(), variant);
            log.Append('\n');
        }
    }

    static void Collection<T>(StringBuilder log, Func<T> create)
    {
        All(log, create().GetType(), () => create());
        // Random operations on sets and dictionaries: trees that are balanced again and again.
        if (create() is ISet<string> set) { var random = new Random(3); try { for (int i = 0; i < 300; i++) { string key = "k" + random.Next(90); if (random.Next(3) == 0) set.Remove(key); else set.Add(key); if (i % 50 == 0) { set.SymmetricExceptWith(new[] { "k1", "k2", key }); log.Append(set.IsProperSupersetOf(new[] { key })).Append(set.Overlaps(new[] { "k5" })); } } } catch (ArgumentException e) { log.Append(e.Message); } log.Append(string.Join(",", set)).Append('\n'); }
        if (create() is IDictionary<string, string> dictionary) { var random = new Random(4); for (int i = 0; i < 300; i++) { string key = "k" + random.Next(90); if (random.Next(3) == 0) dictionary.Remove(key); else dictionary[key] = "v" + i; if (dictionary.TryGetValue("k7", out string found)) log.Append(found); } log.Append(string.Join(",", dictionary)).Append('\n'); }
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Prepare();
        All(log, typeof(BigInteger), () => BigInteger.Pow(7, 60), () => new BigInteger(-12));
        All(log, typeof(Complex), () => new Complex(1.5, -2), () => Complex.Zero);
        All(log, typeof(Uri), () => new Uri("http://user:p@host.example:81/a/b%20c/../d?q=1#f"), () => new Uri("x/y", UriKind.Relative), () => new Uri("mailto:a@b"));
        All(log, typeof(UriBuilder), () => new UriBuilder("ftp", "h", 3, "/p"));
        foreach (Type parser in new[] { typeof(HttpStyleUriParser), typeof(FtpStyleUriParser), typeof(FileStyleUriParser), typeof(NewsStyleUriParser), typeof(GopherStyleUriParser), typeof(LdapStyleUriParser), typeof(NetPipeStyleUriParser), typeof(NetTcpStyleUriParser), typeof(UriParser), typeof(UriFormatException) }) All(log, parser);
        All(log, typeof(BitArray), () => new BitArray(new[] { 0x5a5a5a, -1, 3 }) { Length = 70 }, () => new BitArray(9, true));
        All(log, typeof(BitArray).GetNestedTypes(BindingFlags.NonPublic)[0], () => new BitArray(3, true).GetEnumerator());
        All(log, typeof(Enumerable)); All(log, typeof(StructuralComparisons));
        All(log, typeof(Regex), () => new Regex("(a|b)+[^x]*"), () => new Regex(@"\d(?<n>\w)")); All(log, typeof(Match), () => Regex.Match("xab12", "(a)(b)(\\d)")); All(log, typeof(Group), () => Regex.Match("xab12", "(a)(b)(\\d)").Groups[2]); All(log, typeof(MatchCollection), () => Regex.Matches("a1b2", "\\d")); All(log, typeof(GroupCollection), () => Regex.Match("a1b2", "(a)(\\d)").Groups);
        string[] keys = { "pear", "a", "fig", "kiwi", "nut", "zoo", "box", "cat" };
        Collection(log, () => new SortedSet<string>(keys, StringComparer.Ordinal)); Collection(log, () => new LinkedList<string>(keys)); Collection(log, () => new Queue<string>(keys)); Collection(log, () => new Stack<string>(keys)); Collection(log, () => new SortedSet<string>(keys, StringComparer.Ordinal).GetViewBetween("b", "o")); Collection(log, () => new SortedSet<string>(keys, StringComparer.Ordinal).Reverse());
        Func<SortedDictionary<string, string>> sorted = () => { var d = new SortedDictionary<string, string>(StringComparer.Ordinal); foreach (string key in keys) d[key] = key.ToUpperInvariant(); return d; }; Func<SortedList<string, string>> list = () => { var d = new SortedList<string, string>(StringComparer.Ordinal); foreach (string key in keys) d[key] = key.ToUpperInvariant(); return d; };
        Collection(log, sorted); Collection(log, () => sorted().Keys); Collection(log, () => sorted().Values); Collection(log, () => sorted().GetEnumerator()); Collection(log, list); Collection(log, () => list().Keys); Collection(log, () => list().Values); Collection(log, () => list().GetEnumerator()); Collection(log, () => new LinkedList<string>(keys).First.Next); Collection(log, () => new LinkedList<string>(keys).GetEnumerator()); Collection(log, () => new Queue<string>(keys).GetEnumerator()); Collection(log, () => new Stack<string>(keys).GetEnumerator()); Collection(log, () => new SortedSet<string>(keys, StringComparer.Ordinal).GetEnumerator());
        All(log, typeof(JsonEncodedText)); All(log, typeof(JsonElement), () => JsonDocument.Parse("{\"a\":[1,\"s\"]}").RootElement, () => JsonDocument.Parse("12.5").RootElement, () => JsonDocument.Parse("\"2020-01-02\"").RootElement, () => JsonDocument.Parse("[1,true]").RootElement);
        foreach (Type header in typeof(MediaTypeHeaderValue).Assembly.GetExportedTypes().Where(t => t.Namespace == "System.Net.Http.Headers" && t.Name.EndsWith("HeaderValue"))) All(log, header);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
