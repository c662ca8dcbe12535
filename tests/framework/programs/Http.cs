// System.Net.Http: headers of every kind, contents, messages, handlers, and a client that talks to a small server on the loopback interface.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

sealed class Answering : DelegatingHandler
{
    public readonly List<string> Seen = new List<string>();
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        Seen.Add(request.Method + " " + request.RequestUri + " " + (request.Content == null ? "-" : request.Content.ReadAsStringAsync().Result));
        if (request.RequestUri.AbsolutePath == "/fail") throw new HttpRequestException("refused");
        if (request.RequestUri.AbsolutePath == "/slow") return Task.Delay(60000, cancellation).ContinueWith(t => { cancellation.ThrowIfCancellationRequested(); return new HttpResponseMessage(); });
        var response = new HttpResponseMessage(request.RequestUri.AbsolutePath == "/missing" ? HttpStatusCode.NotFound : HttpStatusCode.OK) { RequestMessage = request, Content = new StringContent("answer to " + request.RequestUri.PathAndQuery, Encoding.UTF8, "text/plain") };
        response.Headers.ETag = new EntityTagHeaderValue("\"tag\"", true);
        return Task.FromResult(response);
    }
}

static class HttpProgram
{
    static void Try(StringBuilder log, Func<object> action)
    {
        try { log.Append(action()).Append('\n'); }
        catch (Exception e) { log.Append(e.GetType().Name).Append(": ").Append(e.Message.Split('\n')[0]).Append('\n'); }
    }

    static void Headers(StringBuilder log)
    {
        foreach (string text in new[] { "text/html; charset=utf-8; q=0.5", "a/b", "a", "a/b; x=\"q;\\\"\"", "*/*", "a/b;;c", "" }) { Try(log, () => { var v = MediaTypeHeaderValue.Parse(text); return v + "|" + v.CharSet + "|" + v.Parameters.Count + v.GetHashCode().Equals(MediaTypeHeaderValue.Parse(text).GetHashCode()); }); Try(log, () => MediaTypeWithQualityHeaderValue.Parse(text).Quality); }
        foreach (string text in new[] { "no-cache, max-age=10, private=\"a, b\", ext=1", "must-revalidate, s-maxage=5, only-if-cached, no-transform, min-fresh=3, max-stale", "max-age=x", "public" }) Try(log, () => { var v = CacheControlHeaderValue.Parse(text); return v + "|" + v.MaxAge + v.NoCache + v.Private + v.Extensions.Count + v.Equals(CacheControlHeaderValue.Parse(text)); });
        foreach (string text in new[] { "attachment; filename=\"a b.txt\"; size=10; creation-date=\"Wed, 21 Oct 2015 07:28:00 GMT\"", "inline; filename*=utf-8''%e2%82%ac.txt", "form-data; name=field" }) Try(log, () => { var v = ContentDispositionHeaderValue.Parse(text); return v.DispositionType + v.Name + v.FileName + v.FileNameStar + v.Size + v.CreationDate; });
        foreach (string text in new[] { "bytes 0-9/100", "bytes */5", "bytes 5-2/10", "items 1-2/*" }) Try(log, () => { var v = ContentRangeHeaderValue.Parse(text); return v + "|" + v.From + v.To + v.Length + v.HasRange; });
        foreach (string text in new[] { "bytes=0-9,20-,-5", "bytes=", "x=1-2" }) Try(log, () => string.Join(";", RangeHeaderValue.Parse(text).Ranges.Select(r => r.From + ".." + r.To)));
        foreach (string text in new[] { "Basic QWxhZGRpbg==", "Bearer", "a b c", "" }) Try(log, () => { var v = AuthenticationHeaderValue.Parse(text); return v.Scheme + "|" + v.Parameter; });
        foreach (string text in new[] { "W/\"x\"", "\"y\"", "z", "*" }) Try(log, () => { var v = EntityTagHeaderValue.Parse(text); return v.Tag + v.IsWeak; });
        foreach (string text in new[] { "1.1 host:80 (comment)", "HTTP/2 proxy", "bad" }) Try(log, () => { var v = ViaHeaderValue.Parse(text); return v.ProtocolName + v.ProtocolVersion + v.ReceivedBy + v.Comment; });
        foreach (string text in new[] { "199 agent \"text\" \"Wed, 21 Oct 2015 07:28:00 GMT\"", "1 a \"b\"", "x" }) Try(log, () => { var v = WarningHeaderValue.Parse(text); return v.Code + v.Agent + v.Text + v.Date; });
        foreach (string text in new[] { "Mozilla/5.0", "(comment (nested))", "/" }) Try(log, () => { var v = ProductInfoHeaderValue.Parse(text); return v.Product + "|" + v.Comment; });
        foreach (string text in new[] { "120", "Fri, 31 Dec 1999 23:59:59 GMT", "-1" }) Try(log, () => { var v = RetryConditionHeaderValue.Parse(text); return v.Delta + "|" + v.Date; });
        foreach (string text in new[] { "gzip;q=0.8", "identity", "a;q=2" }) Try(log, () => { var v = StringWithQualityHeaderValue.Parse(text); return v.Value + v.Quality; });
        foreach (string text in new[] { "chunked", "trailers; x=y", "=" }) { Try(log, () => TransferCodingHeaderValue.Parse(text)); Try(log, () => TransferCodingWithQualityHeaderValue.Parse(text).Quality); }
        foreach (string text in new[] { "\"t\"", "Wed, 21 Oct 2015 07:28:00 GMT", "q" }) Try(log, () => { var v = RangeConditionHeaderValue.Parse(text); return v.EntityTag + "|" + v.Date; });
        Try(log, () => NameValueHeaderValue.Parse("a=\"b\"").Value); Try(log, () => NameValueWithParametersHeaderValue.Parse("a=b; c=d").Parameters.Count); Try(log, () => ProductHeaderValue.Parse("p/1").Version);
        Try(log, () => new RangeItemHeaderValue(5, 2)); Try(log, () => new EntityTagHeaderValue("noquotes")); Try(log, () => new MediaTypeHeaderValue("a b"));
    }

    static void Messages(StringBuilder log)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, "http://h:81/p?q") { Version = HttpVersion.Version20, Content = new StringContent("body") };
        HttpRequestHeaders h = request.Headers;
        h.Accept.Add(new MediaTypeWithQualityHeaderValue("text/x", 0.25)); h.Accept.ParseAdd("a/b, c/d;q=0.1"); h.AcceptCharset.ParseAdd("utf-8"); h.AcceptEncoding.ParseAdd("gzip, br"); h.AcceptLanguage.ParseAdd("en;q=0.9, de"); h.Authorization = new AuthenticationHeaderValue("Basic", "eA=="); h.CacheControl = new CacheControlHeaderValue { NoStore = true, MaxAge = TimeSpan.FromSeconds(3) };
        h.Connection.Add("keep-alive"); h.ConnectionClose = true; h.Date = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero); h.Expect.Add(new NameValueWithParametersHeaderValue("x")); h.ExpectContinue = true; h.From = "a@b"; h.Host = "host:1"; h.IfMatch.Add(EntityTagHeaderValue.Any); h.IfModifiedSince = h.Date; h.IfNoneMatch.ParseAdd("\"1\", W/\"2\""); h.IfRange = new RangeConditionHeaderValue("\"r\""); h.IfUnmodifiedSince = h.Date; h.MaxForwards = 7; h.Pragma.ParseAdd("no-cache"); h.ProxyAuthorization = new AuthenticationHeaderValue("N"); h.Range = new RangeHeaderValue(1, 2); h.Referrer = new Uri("http://ref/"); h.TE.ParseAdd("trailers"); h.Trailer.Add("X-T"); h.TransferEncodingChunked = true; h.Upgrade.ParseAdd("ws/1"); h.UserAgent.ParseAdd("agent/1.0 (c)"); h.Via.ParseAdd("1.0 p"); h.Warning.ParseAdd("110 - \"w\"");
        h.Add("X-Custom", new[] { "one", "two, three" }); h.TryAddWithoutValidation("X-Raw", "\"raw"); h.TryAddWithoutValidation("Accept", "in valid");
        log.Append(request).Append('\n');
        foreach (KeyValuePair<string, IEnumerable<string>> header in h) log.Append(header.Key).Append('=').Append(string.Join("/", header.Value)).Append(';');
        log.Append(h.Contains("x-custom")).Append(h.TryGetValues("X-None", out _)).Append(h.Remove("X-Custom")).Append(h.Accept.Count).Append(h.AcceptEncoding).Append('\n');
        Try(log, () => { h.Add("Content-Type", "x"); return "added"; }); Try(log, () => { h.Add("Date", "never"); return "added"; }); Try(log, () => { h.Add("b ad", "x"); return "added"; }); Try(log, () => { h.Add("X", "a\nb"); return "added"; }); Try(log, () => h.GetValues("X-None"));
        HttpContentHeaders c = request.Content.Headers;
        c.Allow.Add("GET"); c.ContentEncoding.Add("gzip"); c.ContentLanguage.Add("en"); c.ContentLocation = new Uri("/rel", UriKind.Relative); c.ContentMD5 = new byte[16]; c.ContentRange = new ContentRangeHeaderValue(0, 4, 10); c.Expires = h.Date; c.LastModified = h.Date; c.ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileName = "\u20ac.txt", FileNameStar = "\u20ac.txt" };
        log.Append(c).Append(c.ContentLength).Append('\n');
        var response = new HttpResponseMessage(HttpStatusCode.Redirect) { ReasonPhrase = "Elsewhere" };
        response.Headers.AcceptRanges.Add("bytes"); response.Headers.Age = TimeSpan.FromSeconds(9); response.Headers.Location = new Uri("http://l/"); response.Headers.ProxyAuthenticate.ParseAdd("Basic realm=\"x\""); response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(4)); response.Headers.Server.ParseAdd("s/1"); response.Headers.Vary.Add("Accept"); response.Headers.WwwAuthenticate.ParseAdd("Digest a=\"b, c\", d=e"); response.TrailingHeaders.Add("T", "1");
        log.Append(response).Append(response.IsSuccessStatusCode).Append('\n'); Try(log, () => response.EnsureSuccessStatusCode());
        log.Append(HttpMethod.Get == new HttpMethod("get")).Append(new HttpMethod("X-Y")).Append(HttpMethod.Patch.GetHashCode() == new HttpMethod("PATCH").GetHashCode()).Append('\n');
    }

    static void Contents(StringBuilder log)
    {
        var form = new FormUrlEncodedContent(new[] { new KeyValuePair<string, string>("a b", "c&d"), new KeyValuePair<string, string>("\u00e9", "") });
        log.Append(form.ReadAsStringAsync().Result).Append(form.Headers.ContentType).Append('\n');
        var multi = new MultipartFormDataContent("bound"); multi.Add(new StringContent("v1"), "f1"); multi.Add(new ByteArrayContent(new byte[] { 65, 66 }), "f2", "n \u00fc.bin"); multi.Add(form, "f3");
        log.Append(multi.ReadAsStringAsync().Result.Replace("\r\n", "\n")).Append(multi.Headers.ContentLength).Append('\n');
        var mixed = new MultipartContent("mixed", "x y") { new StringContent("1"), new StreamContent(new MemoryStream(new byte[] { 67, 68, 69 }), 2) };
        var copy = new MemoryStream(); mixed.CopyToAsync(copy).Wait(); log.Append(Encoding.ASCII.GetString(copy.ToArray()).Replace("\r\n", "\n")).Append('\n');
        using (Stream stream = mixed.ReadAsStreamAsync().Result) { stream.Seek(3, SeekOrigin.Begin); log.Append(stream.ReadByte()).Append(stream.Length).Append(stream.CanWrite).Append('\n'); }
        foreach (Encoding encoding in new[] { Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32 })
        {
            byte[] data = encoding.GetPreamble().Concat(encoding.GetBytes("gr\u00fc\u00df \u20ac")).ToArray();
            log.Append(new ByteArrayContent(data).ReadAsStringAsync().Result); var typed = new ByteArrayContent(data, 0, data.Length); typed.Headers.TryAddWithoutValidation("Content-Type", "text/plain; charset=\"" + encoding.WebName + "\""); log.Append(typed.ReadAsStringAsync().Result).Append('\n');
        }
        var wrong = new StringContent("x"); wrong.Headers.ContentType.CharSet = "nope"; Try(log, () => wrong.ReadAsStringAsync().Result);
        wrong.Dispose(); Try(log, () => wrong.ReadAsStringAsync().Result); Try(log, () => new MultipartContent("a", "bad\"b")); Try(log, () => { var big = new StringContent(new string('x', 100)); big.LoadIntoBufferAsync(10).Wait(); return "loaded"; });
    }

    static void Handlers(StringBuilder log)
    {
        var handler = new Answering();
        using (var client = new HttpClient(handler) { BaseAddress = new Uri("http://base/dir/"), Timeout = TimeSpan.FromSeconds(30) })
        {
            client.DefaultRequestHeaders.UserAgent.ParseAdd("t/1"); client.DefaultRequestHeaders.Add("X-D", "d");
            log.Append(client.GetStringAsync("rel?x=1").Result).Append(client.PostAsync("/abs", new StringContent("p")).Result.Headers.ETag).Append(client.PutAsync("x", new ByteArrayContent(new byte[3])).Result.StatusCode).Append(client.DeleteAsync("d").Result.Content.Headers.ContentType).Append(client.PatchAsync("pt", new StringContent("q")).Result.IsSuccessStatusCode).Append(client.GetByteArrayAsync("b").Result.Length).Append(new StreamReader(client.GetStreamAsync("s").Result).ReadToEnd()).Append('\n');
            Try(log, () => client.GetStringAsync("/missing").GetAwaiter().GetResult()); Try(log, () => client.GetAsync("/fail").GetAwaiter().GetResult()); Try(log, () => client.GetAsync("ftp://x/").GetAwaiter().GetResult());
            using (var source = new CancellationTokenSource(20)) Try(log, () => client.GetAsync("/slow", source.Token).GetAwaiter().GetResult());
            Try(log, () => { client.Timeout = TimeSpan.FromSeconds(1); return "changed"; });
            var again = new HttpRequestMessage(HttpMethod.Get, "y"); client.SendAsync(again).Wait(); Try(log, () => client.SendAsync(again).GetAwaiter().GetResult());
        }
        foreach (string seen in handler.Seen) log.Append(seen).Append('\n');
    }

    // Answers by path, any number of requests per connection; the connection whose first byte is an X ends it.
    static void Serve(TcpListener listener)
    {
        for (;;)
        {
            TcpClient peer = listener.AcceptTcpClient();
            var first = new byte[1];
            if (peer.Client.Receive(first, SocketFlags.Peek) == 1 && first[0] == 'X') { peer.Dispose(); listener.Stop(); return; }
            new Thread(() => Talk(peer)) { IsBackground = true }.Start();
        }
    }

    static void Talk(TcpClient peer)
    {
        try
        {
            using (peer)
            {
                NetworkStream stream = peer.GetStream();
                for (;;)
                {
                    var head = new StringBuilder(); int b;
                    while (!head.ToString().EndsWith("\r\n\r\n")) { if ((b = stream.ReadByte()) < 0) return; head.Append((char)b); }
                    string[] lines = head.ToString().Split(new[] { "\r\n" }, StringSplitOptions.RemoveEmptyEntries);
                    string path = lines[0].Split(' ')[1]; int length = 0; bool chunked = false, close = false; string cookie = "";
                    foreach (string line in lines.Skip(1)) { string l = line.ToLowerInvariant(); if (l.StartsWith("content-length:")) length = int.Parse(l.Substring(15)); if (l.StartsWith("transfer-encoding: chunked")) chunked = true; if (l.StartsWith("connection: close")) close = true; if (l.StartsWith("cookie:")) cookie = line.Substring(7); if (l.StartsWith("expect:")) Send(stream, "HTTP/1.1 100 Continue\r\n\r\n"); }
                    var body = new StringBuilder();
                    if (chunked) for (;;) { var size = new StringBuilder(); while (!size.ToString().EndsWith("\r\n")) size.Append((char)stream.ReadByte()); int n = Convert.ToInt32(size.ToString().Trim(), 16); for (int i = 0; i < n; i++) body.Append((char)stream.ReadByte()); stream.ReadByte(); stream.ReadByte(); if (n == 0) break; }
                    else for (int i = 0; i < length; i++) body.Append((char)stream.ReadByte());
                    string text = lines[0].Split(' ')[0] + " " + path + " [" + body + "]" + cookie;
                    if (path == "/chunked") Send(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-End: yes\r\n\r\n");
                    else if (path == "/redirect") Send(stream, "HTTP/1.1 302 Found\r\nLocation: /target?from=redirect\r\nSet-Cookie: c=1; path=/\r\nContent-Length: 0\r\n\r\n");
                    else if (path == "/gzip") { var packed = new MemoryStream(); using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionMode.Compress, true)) gzip.Write(Encoding.ASCII.GetBytes(text), 0, text.Length); Send(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + packed.Length + "\r\n\r\n"); stream.Write(packed.ToArray(), 0, (int)packed.Length); }
                    else if (path == "/auth") Send(stream, head.ToString().Contains("Authorization: Basic") ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin" : "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n");
                    else if (path == "/bad") { Send(stream, "HTTP/9 what\r\n\r\n"); return; }
                    else if (path == "/cut") { Send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"); return; }
                    else if (path == "/until-close") { Send(stream, "HTTP/1.0 200 OK\r\n\r\n" + text); return; }
                    else if (lines[0].StartsWith("HEAD")) Send(stream, "HTTP/1.1 200 Fine\r\nX-Folded: a,\r\n b\r\nContent-Length: 5\r\n\r\n");
                    else Send(stream, "HTTP/1.1 200 Fine\r\nContent-Type: text/plain; charset=us-ascii\r\nX-Folded: a,\r\n b\r\nContent-Length: " + text.Length + "\r\n\r\n" + text);
                    if (close) return;
                }
            }
        }
        catch (IOException) { }
    }

    static void Send(NetworkStream stream, string text) { byte[] data = Encoding.ASCII.GetBytes(text); stream.Write(data, 0, data.Length); }

    static void Network(StringBuilder log)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = new Thread(() => Serve(listener)) { IsBackground = true };
        server.Start();
        string home = "http://127.0.0.1:" + ((IPEndPoint)listener.LocalEndpoint).Port;
        var cookies = new CookieContainer();
        using (var handler = new SocketsHttpHandler { CookieContainer = cookies, AutomaticDecompression = DecompressionMethods.All, UseProxy = false, Credentials = new NetworkCredential("u", "p"), MaxConnectionsPerServer = 4 })
        using (var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(20) })
        {
            foreach (string path in new[] { "/plain", "/chunked", "/redirect", "/gzip", "/auth", "/until-close" }) Try(log, () => client.GetStringAsync(home + path).GetAwaiter().GetResult());
            Try(log, () => client.PostAsync(home + "/post", new StringContent("posted")).Result.Content.ReadAsStringAsync().Result);
            var chunked = new HttpRequestMessage(HttpMethod.Post, home + "/post2") { Content = new StringContent(new string('z', 50)) }; chunked.Headers.TransferEncodingChunked = true; chunked.Headers.ExpectContinue = true;
            Try(log, () => client.SendAsync(chunked).Result.Content.ReadAsStringAsync().Result);
            HttpResponseMessage response = client.SendAsync(new HttpRequestMessage(HttpMethod.Head, home + "/plain"), HttpCompletionOption.ResponseHeadersRead).Result;
            log.Append(response.ReasonPhrase).Append(response.Version).Append(response.Headers).Append(cookies.GetCookieHeader(new Uri(home))).Append('\n');
            foreach (string path in new[] { "/bad", "/cut" }) try { client.GetStringAsync(home + path).GetAwaiter().GetResult(); log.Append("no error\n"); } catch (HttpRequestException e) { log.Append(e.InnerException?.GetType().Name).Append('\n'); }
            string[] many = Task.WhenAll(Enumerable.Range(0, 12).Select(i => client.GetStringAsync(home + "/many" + i))).Result; log.Append(string.Join(" ", many)).Append('\n');
        }
        using (var last = new TcpClient()) { last.Connect((IPEndPoint)listener.LocalEndpoint); last.GetStream().WriteByte((byte)'X'); server.Join(); }
        log.Replace(home, "http://home");
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Headers(log); Messages(log); Contents(log); Handlers(log); Network(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
