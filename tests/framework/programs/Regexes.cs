// System.Text.RegularExpressions: every construct, interpreted and compiled, and System.Runtime.Numerics.
using System;
using System.Globalization;
using System.Linq;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

static class Regexes
{
    static readonly string[] Patterns =
    {
        "a+b*?c{2,3}", "(a|ab)(c|bcd)(d*)", @"(?<year>\d{4})-(?<month>\d\d)", @"^\s*(\w+)\s*=\s*(.*?)\s*$", @"(?i)hello\b", @"(?<=\$)\d+(\.\d\d)?(?!\d)", @"(?<!x)y(?=z)", @"(\w)\1", @"(?>a*)ab", @"(?:(?:x)y)+", @"[a-z-[aeiou]]+", @"\p{Lu}\p{Ll}*", @"[^\W\d_]+", @"(?<open>\()[^()]*(?<-open>\))", @"(?(a)ab|cd)", @"(?<n>a)?(?(n)b|c)", @"\u0041|\x42|\103|\e|\cA", @"a.c", @"(?s)a.c", @"(?x) a b # c
 d", @"\A\w+\z|\G,", @"^(?:(?<o>[^()]|(?<d>\()|(?<-d>\)))*)(?(d)(?!))$", @"[\d\s.,;]+$", @"(a+)+$", "", @"[a-c]{0,}?d", @"(?m)^b.*$", @"\bfoo\w*|ba[rz]", @"(?=.*\d)(?=.*[a-z]).{4,}", @"(.)(.)(.)\3\2\1", @"(?n)(a)(?<k>b)", @"é|É|ß"
    };
    static readonly string[] Inputs = { "abbccc aabcc", "abcd", "on 2020-12 and 1999-01", " key = some value ", "say HELLO there", "cost $12.50 or $7", "yz xyz", "bookkeeper", "aaab", "xyxyxy", "sequoia rhythm", "Über Große Ärger", "a_1b2 c", "f(x) (y)", "ab cd", "abc c", "AB\u001b\u0001", "a\nc abc", "abd", "word,other,", "((a)(b))", "1, 2; 3.5", "aaaaaaaaaaaaaaaaaaab", "x\nbeta\nb", "food bar baz", "abc1 defgh", "abccba xyzzyx", "aab", "ÉéSSß", "" };

    static void Match(StringBuilder log)
    {
        foreach (RegexOptions options in new[] { RegexOptions.None, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, RegexOptions.RightToLeft, RegexOptions.Multiline | RegexOptions.ExplicitCapture, RegexOptions.Compiled, RegexOptions.Compiled | RegexOptions.IgnoreCase | RegexOptions.Singleline })
            foreach (string pattern in Patterns)
            {
                if ((options & RegexOptions.Compiled) != 0 && pattern.Length % 3 != 0) continue;
                Regex regex;
                try { regex = new Regex(pattern, options); } catch (ArgumentException e) { log.Append(e.Message).Append('\n'); continue; }
                log.Append(pattern).Append(' ').Append((int)options).Append(':');
                foreach (string input in Inputs)
                    foreach (Match match in regex.Matches(input))
                    {
                        log.Append(match.Index).Append('+').Append(match.Length);
                        for (int g = 1; g < match.Groups.Count; g++) { log.Append('/'); foreach (Capture capture in match.Groups[g].Captures) log.Append(capture.Index).Append(capture.Value); }
                        log.Append(' ');
                    }
                log.Append('\n');
            }
        foreach (string bad in new[] { "(", ")", "[a", "a{2,1}", "*a", @"\", "(?<1", @"(?<n>a)\k<m>", "[z-a]", "(?'a", @"\p{X}", "(?(1)a|b|c)", "a**", @"\x4", "(?z)", "[a-\\d]" })
            try { new Regex(bad); log.Append("ok "); } catch (ArgumentException e) { log.Append(e.Message).Append('\n'); }
    }

    static void Use(StringBuilder log)
    {
        log.Append(Regex.Replace("a1b22c333", @"\d+", m => "<" + m.Length + ">")).Append(Regex.Replace("John Smith", @"(\w+)\s(?<last>\w+)", "${last}, $1 $$ $& $` $' $+ $_")).Append(Regex.Replace("aaa", "a", "b", RegexOptions.None)).Append(new Regex("a").Replace("aaaa", "x", 2, 1)).Append('\n');
        log.Append(string.Join("|", Regex.Split("a1b2c3", @"(\d)"))).Append(string.Join("|", new Regex(",").Split("a,b,c,d", 2))).Append(string.Join("|", Regex.Split("abc", ""))).Append(Regex.Escape("a.b*[c] #\t")).Append(Regex.Unescape(@"a\.b\t\u0041")).Append('\n');
        var named = new Regex(@"(?<a>x)(y)(?<5>z)"); log.Append(string.Join(",", named.GetGroupNames())).Append(string.Join(",", named.GetGroupNumbers())).Append(named.GroupNameFromNumber(5)).Append(named.GroupNumberFromName("a")).Append(named).Append(named.RightToLeft).Append(named.Match("xyz").Result("$5-${a}")).Append('\n');
        Match match = Regex.Match("aXbXc", "X"); while (match.Success) { log.Append(match.Index); match = match.NextMatch(); }
        MatchCollection all = Regex.Matches("a b c", @"\w"); log.Append(all.Count).Append(all[1]).Append(string.Join(",", all.Cast<Match>().Select(m => m.Value))).Append(Regex.IsMatch("x", "Y", RegexOptions.IgnoreCase)).Append('\n');
        try { new Regex(@"^(a+)+$", RegexOptions.None, TimeSpan.FromMilliseconds(5)).IsMatch(new string('a', 40) + "b"); log.Append("matched"); } catch (RegexMatchTimeoutException) { log.Append("timeout"); }
    }

    static void Integers(StringBuilder log)
    {
        var random = new Random(5);
        BigInteger a = 1, b = BigInteger.Parse("123456789012345678901234567890"), c = -b;
        for (int i = 0; i < 60; i++)
        {
            var bytes = new byte[random.Next(1, 90)]; random.NextBytes(bytes);
            var x = new BigInteger(bytes); var y = new BigInteger(random.Next()) * random.Next() - random.Next();
            a += x * y - (x << (i % 40)) + (y >> (i % 7)); c ^= x; c |= y; c &= ~a;
            log.Append((x / (y.IsZero ? BigInteger.One : y)) % 1000007).Append(' ').Append(BigInteger.GreatestCommonDivisor(x, y)).Append(' ').Append(BigInteger.DivRem(x, b, out BigInteger rest)).Append(rest.ToString("X")).Append(x.CompareTo(y)).Append(x.Sign).Append(x.IsEven).Append(x.IsPowerOfTwo).Append(' ').Append(x.GetByteCount()).Append(x == new BigInteger(x.ToByteArray())).Append(BigInteger.Parse(x.ToString(), CultureInfo.InvariantCulture) == x).Append((double)x).Append(' ').Append((x % int.MaxValue).GetHashCode()).Append('\n');
        }
        log.Append(a).Append('\n').Append(c).Append('\n').Append(BigInteger.Pow(7, 300)).Append(BigInteger.ModPow(b, 65537, BigInteger.Pow(10, 40) + 1)).Append(BigInteger.Log10(BigInteger.Pow(10, 50))).Append(' ').Append(BigInteger.Log(b)).Append(BigInteger.Max(a, c) == BigInteger.Min(c, a)).Append(BigInteger.Abs(c).ToString("N0")).Append(b.ToString("E10")).Append(b.ToString("C")).Append(b.ToString("D50")).Append(BigInteger.Negate(b).ToString("P")).Append((decimal)(BigInteger)12345.678m).Append(new BigInteger(1e30)).Append((ulong)(b % ulong.MaxValue)).Append((sbyte)(b % 100)).Append('\n');
        foreach (string text in new[] { "12x", "", "0xFF", "(1,234)", "1e5", "-", "+7 " }) log.Append(BigInteger.TryParse(text, NumberStyles.Any, CultureInfo.InvariantCulture, out BigInteger parsed)).Append(parsed).Append(' ');
        log.Append(BigInteger.Parse("0FFF", NumberStyles.HexNumber)).Append(BigInteger.Parse("FFF", NumberStyles.HexNumber));
        foreach (Func<object> failing in new Func<object>[] { () => BigInteger.One / BigInteger.Zero, () => (int)b, () => (long)c, () => new BigInteger(double.NaN), () => BigInteger.Parse("z"), () => BigInteger.Pow(2, -1), () => (decimal)BigInteger.Pow(10, 40), () => b.ToString("Q") }) try { log.Append(failing()); } catch (Exception e) { log.Append(e.GetType().Name).Append(e.Message).Append('\n'); }
        BigInteger f = 1; for (int i = 2; i < 260; i++) f *= i; log.Append(f).Append('\n'); BigInteger fib = 0, next = 1; for (int i = 0; i < 2000; i++) { BigInteger t = fib + next; fib = next; next = t; } log.Append(fib).Append((fib - next) * (fib + next) == fib * fib - next * next).Append((BigInteger)3.99 + (BigInteger)(float)-2.5f).Append(new BigInteger(new ReadOnlySpan<byte>(new byte[] { 255, 1 }), true, true)).Append(b.TryFormat(new char[5], out int written)).Append(written).Append(b > 5L).Append(c <= 7UL).Append(b.Equals((object)b)).Append(b.CompareTo((object)c)).Append('\n');
    }

    static void Complexes(StringBuilder log)
    {
        var values = new[] { Complex.Zero, Complex.One, Complex.ImaginaryOne, new Complex(1.5, -2.25), new Complex(-3, 4), Complex.FromPolarCoordinates(2, 1), new Complex(double.MaxValue, 1), new Complex(1e-200, 1e-200), Complex.NaN, Complex.Infinity };
        foreach (Complex z in values)
            foreach (Complex w in new[] { new Complex(0.5, 2), new Complex(-1, 0), 3 })
                log.Append(z + w).Append(z - w).Append(z * w).Append(z / w).Append(z + 1.5).Append(2 / z).Append(z == w).Append(Complex.Pow(z, w)).Append(Complex.Log(z, 3)).Append(-z).Append('\n');
        foreach (Complex z in values) log.Append(Complex.Sqrt(z)).Append(Complex.Exp(z)).Append(Complex.Log(z)).Append(Complex.Log10(z)).Append(Complex.Sin(z)).Append(Complex.Cos(z)).Append(Complex.Tan(z)).Append(Complex.Asin(z)).Append(Complex.Acos(z)).Append(Complex.Atan(z)).Append(Complex.Sinh(z)).Append(Complex.Cosh(z)).Append(Complex.Tanh(z)).Append(Complex.Abs(z)).Append(z.Phase).Append(Complex.Reciprocal(z)).Append(Complex.Conjugate(z)).Append(z.ToString("F2", CultureInfo.InvariantCulture)).Append(z.Equals((object)z)).Append(Complex.IsFinite(z)).Append(Complex.IsNaN(z)).Append((Complex)(decimal)3.5m).Append((Complex)7L).Append((Complex)new BigInteger(9)).Append('\n');
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Match(log); Use(log); Integers(log); Complexes(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
