// System.Private.Uri, System.Linq and System.Collections.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.Linq;
using System.Text;

#pragma warning disable 618, 672
// What only a derived class can call, and serialization.
sealed class Own : Uri
{
    public Own(string text) : base(text) { }
    public void Use(StringBuilder log)
    {
        Parse(); Canonicalize(); Escape(); CheckSecurity();
        log.Append(Unescape("x%41")).Append(EscapeString("a b")).Append(IsExcludedCharacter(' ')).Append(IsReservedCharacter('a')).Append(IsBadFileSystemCharacter('?'));
        var info = new System.Runtime.Serialization.SerializationInfo(typeof(Uri), new System.Runtime.Serialization.FormatterConverter());
        GetObjectData(info, default(System.Runtime.Serialization.StreamingContext)); log.Append(info.MemberCount);
        ((System.Runtime.Serialization.ISerializable)new UriFormatException("m", new Exception("i"))).GetObjectData(info, default(System.Runtime.Serialization.StreamingContext));
        log.Append(info.MemberCount).Append(Equals((object)"http://h/")).Append('\n');
    }
}
#pragma warning restore 618, 672

static class Uris
{
    static readonly string[] Texts =
    {
        "http://user:pw@Example.COM:8080/a/b/../c/./d%20e?q=1&r=%C3%A9#frag", "https://host", "http://[::1]:5000/x", "http://[fe80::1%25eth0]/", "http://1.2.3.4/", "http://0x7f.1/", "http://256.1.1.1/", "ftp://ftp.host/file;type=a", "file:///c:/dir/file.txt", "file://server/share/x", "/unix/path", "\\\\unc\\share\\f", "c:\\win\\path", "mailto:a.b@c.de?subject=hi", "news:comp.lang", "gopher://g:70/1", "ldap://h/cn=x", "urn:isbn:123", "ws://h/chat", "net.tcp://localhost/s", "telnet://t", "uuid:1-2", "data:text/plain,hi", "javascript:alert(1)", "http://b\u00fccher.example/\u00fc?\u20ac", "http://xn--bcher-kva.example/", "http://host/%zz%41%2f", "http://host:99999/", "http://host:/", "http:///x", "http://", "://x", "", "rel/path?x", "../up", "?q", "#f", "//net/path", "http://a b/", "http://h/\u0001", "HTTP://H/%7Euser/~", "http://host/a//b///c", "http://host/..//../x", "x-custom+1.0:opaque/y", "http://host/" + "p%CC%81", "http://\u4f8b\u5b50.\u6d4b\u8bd5/\ud83d\ude00", "http://-bad-.com/", "http://host./", "nntp://n/g/1", "http://h/(a)[b]{c}|d^e`f\"<>"
    };

    static void Parse(StringBuilder log)
    {
        foreach (string text in Texts)
        {
            foreach (UriKind kind in new[] { UriKind.Absolute, UriKind.RelativeOrAbsolute })
                if (Uri.TryCreate(text, kind, out Uri uri)) try
                {
                    log.Append(uri).Append('|').Append(uri.OriginalString.Length).Append(uri.IsAbsoluteUri);
                    if (uri.IsAbsoluteUri)
                    {
                        log.Append('|').Append(uri.AbsoluteUri).Append('|').Append(uri.Scheme).Append('|').Append(uri.Authority).Append('|').Append(uri.Host).Append('|').Append(uri.IdnHost).Append('|').Append(uri.DnsSafeHost).Append('|').Append(uri.HostNameType).Append(uri.Port).Append(uri.IsDefaultPort).Append(uri.IsFile).Append(uri.IsUnc).Append(uri.IsLoopback).Append('|').Append(uri.LocalPath).Append('|').Append(uri.PathAndQuery).Append('|').Append(uri.Fragment).Append('|').Append(uri.UserInfo).Append('|').Append(string.Join(",", uri.Segments)).Append(uri.GetHashCode() == new Uri(uri.AbsoluteUri).GetHashCode());
                        foreach (UriFormat format in new[] { UriFormat.SafeUnescaped, UriFormat.Unescaped, UriFormat.UriEscaped }) log.Append('|').Append(uri.GetComponents(UriComponents.HttpRequestUrl | UriComponents.Fragment, format)).Append(uri.GetComponents(UriComponents.Path, format)).Append(uri.GetComponents(UriComponents.StrongAuthority | UriComponents.KeepDelimiter, format));
                        foreach (string other in new[] { "x/y", "/root", "../z?q", "#g", "//o/p", "?only", "http://abs/" }) log.Append('|').Append(new Uri(uri, other));
                        log.Append('|').Append(new Uri("http://example.com/a/").MakeRelativeUri(uri)).Append(new Uri("http://example.com/a/").IsBaseOf(uri)).Append(uri.MakeRelativeUri(new Uri(uri, "s/t")));
                        log.Append(uri.IsWellFormedOriginalString()).Append(Uri.Compare(uri, new Uri("http://example.com"), UriComponents.Host, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase));
                    }
                    log.Append('\n');
                }
                catch (UriFormatException e) { log.Append(e.Message).Append('\n'); }
            try { new Uri(text); } catch (UriFormatException e) { log.Append(e.Message).Append('\n'); }
            log.Append(Uri.IsWellFormedUriString(text, UriKind.RelativeOrAbsolute)).Append(Uri.CheckHostName(text)).Append(Uri.CheckSchemeName(text)).Append(Uri.EscapeDataString(text)).Append(Uri.EscapeUriString(text)).Append(Uri.UnescapeDataString(text)).Append('\n');
        }
        var builder = new UriBuilder("http", "h\u00f6st", 81, "/p a", "?x=\u00e9") { Fragment = "f", UserName = "u", Password = "p" }; log.Append(builder).Append(builder.Uri).Append(builder.Equals(new UriBuilder(builder.Uri))).Append(builder.GetHashCode() == builder.Uri.GetHashCode());
        builder.Scheme = "https:"; builder.Query = "z"; builder.Port = -1; log.Append(builder.Uri).Append(builder.Query).Append(new UriBuilder("h.com")).Append(new UriBuilder(new Uri("ftp://q")).Uri).Append('\n');
        var template = new Uri("http://x/"); log.Append(template == new Uri("HTTP://X")).Append(template != null).Append(Uri.HexEscape('%')).Append(Uri.IsHexEncoding("%41", 0)).Append(Uri.IsHexDigit('g')).Append(Uri.FromHex('f'));
        new Own("http://h/a%20b?c#d").Use(log);
        int index = 0; log.Append(Uri.HexUnescape("%41%", ref index)).Append(index); if (!UriParser.IsKnownScheme("mine")) UriParser.Register(new GenericUriParser(GenericUriParserOptions.GenericAuthority | GenericUriParserOptions.NoFragment | GenericUriParserOptions.DontCompressPath), "mine", 99); log.Append(new Uri("mine://h/a/../b#c")).Append(new Uri("mine://h").Port).Append(new Uri("http://h/x y").GetLeftPart(UriPartial.Path)).Append(new Uri("http://h/x?y").GetLeftPart(UriPartial.Query)).Append(new Uri("http://h/x").GetLeftPart(UriPartial.Authority)).Append('\n');
    }

    class Person { public string Name; public int Age; public string City; }

    static void Queries(StringBuilder log)
    {
        Person[] people = { new Person { Name = "Ann", Age = 30, City = "X" }, new Person { Name = "Bob", Age = 25, City = "Y" }, new Person { Name = "Cid", Age = 30, City = "X" }, new Person { Name = "Dee", Age = 41, City = "Z" } };
        int[] numbers = Enumerable.Range(-5, 12).ToArray();
        log.Append(string.Join(",", people.OrderBy(p => p.Age).ThenByDescending(p => p.Name).Select(p => p.Name))).Append(string.Join(",", people.GroupBy(p => p.City).Select(g => g.Key + g.Count()))).Append(string.Join(",", people.Join(new[] { "X", "Z" }, p => p.City, c => c, (p, c) => p.Name + c))).Append(string.Join(",", people.GroupJoin(numbers, p => p.Age % 7, n => n, (p, n) => p.Name + n.Count()))).Append(string.Join(",", people.ToLookup(p => p.Age)[30].Select(p => p.Name))).Append(people.ToDictionary(p => p.Name)["Bob"].Age).Append('\n');
        log.Append(numbers.Sum()).Append(numbers.Select(n => (long)n).Sum()).Append(numbers.Select(n => (double)n).Sum()).Append(numbers.Select(n => (float)n).Sum()).Append(numbers.Select(n => (decimal)n).Sum()).Append(numbers.Select(n => n > 0 ? (int?)n : null).Sum()).Append(numbers.Select(n => (long?)n).Sum()).Append(numbers.Select(n => (double?)n).Sum()).Append(numbers.Select(n => (float?)n).Sum()).Append(numbers.Select(n => (decimal?)n).Sum()).Append('\n');
        log.Append(numbers.Average()).Append(numbers.Select(n => (long)n).Average()).Append(numbers.Select(n => (double)n).Average()).Append(numbers.Select(n => (float)n).Average()).Append(numbers.Select(n => (decimal)n).Average()).Append(numbers.Select(n => n > 0 ? (int?)n : null).Average()).Append(numbers.Select(n => (long?)n).Average()).Append(numbers.Select(n => (double?)n).Average()).Append(numbers.Select(n => (float?)n).Average()).Append(numbers.Select(n => (decimal?)n).Average()).Append('\n');
        log.Append(numbers.Max()).Append(numbers.Select(n => (long)n).Max()).Append(numbers.Select(n => (double)n).Max()).Append(numbers.Select(n => (float)n).Max()).Append(numbers.Select(n => (decimal)n).Max()).Append(numbers.Select(n => n > 0 ? (int?)n : null).Max()).Append(numbers.Select(n => (long?)n).Max()).Append(numbers.Select(n => (double?)n).Max()).Append(numbers.Select(n => (float?)n).Max()).Append(numbers.Select(n => (decimal?)n).Max()).Append(people.Max(p => p.Name)).Append('\n');
        log.Append(numbers.Min()).Append(numbers.Select(n => (long)n).Min()).Append(numbers.Select(n => (double)n).Min()).Append(numbers.Select(n => (float)n).Min()).Append(numbers.Select(n => (decimal)n).Min()).Append(numbers.Select(n => n > 0 ? (int?)n : null).Min()).Append(numbers.Select(n => (long?)n).Min()).Append(numbers.Select(n => (double?)n).Min()).Append(numbers.Select(n => (float?)n).Min()).Append(numbers.Select(n => (decimal?)n).Min()).Append(people.Min(p => p.Name)).Append('\n');
        log.Append(string.Join(",", numbers.Where(n => n % 2 == 0).Skip(1).Take(4).Reverse().Concat(numbers.Distinct()).Union(new[] { 99 }).Except(new[] { 0 }).Intersect(numbers).Append(7).Prepend(8).TakeWhile(n => n != 5).SkipWhile(n => n == 8).Zip(numbers, (x, y) => x * y).SelectMany(n => new[] { n, n }).DefaultIfEmpty().Cast<object>().OfType<int>().SkipLast(1).TakeLast(20))).Append(numbers.Aggregate((x, y) => x * 3 + y)).Append(numbers.First(n => n > 1)).Append(numbers.LastOrDefault()).Append(numbers.ElementAt(3)).Append(numbers.Any()).Append(numbers.All(n => n < 9)).Append(numbers.Contains(4)).Append(numbers.SequenceEqual(numbers.ToList())).Append(numbers.LongCount()).Append(Enumerable.Repeat("r", 3).Aggregate("", (x, y) => x + y)).Append(Enumerable.Range(3, 4).Select(n => n * n).ToHashSet().Count).Append('\n');
        foreach (Func<object> failing in new Func<object>[] { () => new int[0].First(), () => new int[0].Max(), () => new int[2].Single(), () => numbers.ElementAt(50), () => ((int[])null).Count(), () => new object[] { 1, "x" }.Cast<int>().Sum(), () => Enumerable.Range(5, -1), () => new[] { int.MaxValue, 1 }.Sum() }) try { log.Append(failing()); } catch (Exception e) { log.Append(e.GetType().Name).Append(e.Message.Split('\n')[0]).Append('\n'); }
        log.Append(string.Join(",", numbers.AsQueryable().Where(n => n > 2).Select(n => n * 2).OrderBy(n => -n))).Append('\n');
    }

    static void Collections(StringBuilder log)
    {
        var bits = new BitArray(70); for (int i = 0; i < 70; i += 3) bits[i] = true; var other = new BitArray(new[] { 0x55555555, 123, 7 }) { Length = 70 };
        foreach (BitArray b in new[] { new BitArray(bits).And(other), new BitArray(bits).Or(other), new BitArray(bits).Xor(other), new BitArray(bits).Not(), new BitArray(bits).LeftShift(5), new BitArray(bits).RightShift(9), new BitArray(new byte[] { 1, 2, 255 }), new BitArray(new[] { true, false, true }) }) { var copy = new byte[12]; b.CopyTo(copy, 0); var ints = new int[4]; b.CopyTo(ints, 0); var flags = new bool[80]; b.CopyTo(flags, 1); log.Append(b.Count).Append(string.Join(".", copy)).Append(ints[1]).Append(flags[3]); foreach (bool x in b) log.Append(x ? '1' : '0'); log.Append('\n'); }
        bits.SetAll(true); bits.Length = 5; log.Append(bits.Get(4)).Append(((ICollection)bits.Clone()).Count).Append(bits.IsReadOnly);
        try { bits.Get(9); } catch (ArgumentException e) { log.Append(e.Message.Split('\n')[0]); }
        try { bits.And(new BitArray(3)); } catch (ArgumentException e) { log.Append(e.Message); }
        var sorted = new SortedDictionary<string, int>(StringComparer.Ordinal); var set = new SortedSet<int>(); var linked = new LinkedList<string>(); var list = new SortedList<int, string>(); var queue = new Queue<int>(); var stack = new Stack<string>(); var hash = new HashSet<string>();
        for (int i = 0; i < 50; i++) { int k = i * 37 % 50; sorted["k" + k] = i; set.Add(k * 3 % 71); linked.AddLast("n" + i); if (i % 3 == 0) linked.RemoveFirst(); list[k] = "v" + i; queue.Enqueue(i); if (i % 4 == 0) queue.Dequeue(); stack.Push("s" + i); hash.Add("h" + i % 20); }
        sorted.Remove("k7"); set.RemoveWhere(x => x % 5 == 0); set.UnionWith(new[] { 500, 501 }); list.RemoveAt(3); log.Append(string.Join(",", sorted.Keys)).Append(string.Join(",", set.GetViewBetween(10, 40).Reverse())).Append(set.Min).Append(set.Max).Append(set.IsSubsetOf(Enumerable.Range(0, 600))).Append(string.Join(",", linked)).Append(linked.Find("n30").Next.Value).Append(string.Join(",", list.Values)).Append(list.IndexOfKey(9)).Append(queue.Peek()).Append(queue.Count).Append(stack.Pop()).Append(stack.Contains("s3")).Append(hash.Count).Append('\n');
        foreach (Action failing in new Action[] { () => new Queue<int>().Dequeue(), () => new Stack<int>().Pop(), () => sorted.Add("k1", 1), () => { foreach (int x in set) set.Add(x + 1000); }, () => linked.AddFirst(new LinkedListNode<string>("x").List.First), () => list.Add(9, "dup"), () => new List<int>(-1).Add(1), () => Console.Write(sorted["none"]), () => new PriorityComparer().Compare(null, "x") }) try { failing(); } catch (Exception e) { log.Append(e.GetType().Name).Append(e.Message.Split('\n')[0]).Append('\n'); }
        var cmp = StructuralComparisons.StructuralComparer.Compare(new[] { 1, 2 }, new[] { 1, 3 }); log.Append(cmp).Append(StructuralComparisons.StructuralEqualityComparer.Equals(new[] { 1 }, new[] { 1 })).Append(StructuralComparisons.StructuralEqualityComparer.GetHashCode(Tuple.Create(1, 2)) != 0);
        var old = new Hashtable { ["a"] = 1, [2] = "b" }; var names = new NameValueCollection { { "x", "1" }, { "x", "2" }, { "y", null } }; var ordered = new OrderedDictionary { { "z", 1 }, { "a", 2 } }; ordered.Insert(1, "m", 3); var hybrid = new HybridDictionary(true); for (int i = 0; i < 12; i++) hybrid["K" + i] = i; var strings = new StringCollection { "q", "r" }; var vector = new BitVector32(5); BitVector32.Section section = BitVector32.CreateSection(15, BitVector32.CreateSection(3)); vector[section] = 9; var sortedList = new SortedList { { 3, "c" }, { 1, "a" } }; var listDictionary = new ListDictionary { { "l", 1 } };
        log.Append(old.Count).Append(names["x"]).Append(names.GetKey(1)).Append(names.GetValues(0).Length).Append(ordered[1]).Append(ordered["z"]).Append(hybrid["k5"]).Append(strings.IndexOf("r")).Append(vector).Append(vector[section]).Append(sortedList.GetByIndex(0)).Append(listDictionary.Contains("l")).Append(CollectionsUtil.CreateCaseInsensitiveHashtable().Count).Append('\n');
        foreach (DictionaryEntry entry in ordered) log.Append(entry.Key).Append(entry.Value); foreach (string key in names) log.Append(key); foreach (DictionaryEntry entry in sortedList) log.Append(entry.Key); log.Append('\n');
    }

    sealed class PriorityComparer : IComparer { public int Compare(object x, object y) { return new CaseInsensitiveComparer().Compare(x, y) / (x == null ? 0 : 1); } }

    public static string Body()
    {
        var log = new StringBuilder();
        Parse(log); Queries(log); Collections(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
