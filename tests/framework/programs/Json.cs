// System.Text.Json: documents, reader, writer, serializer with options, converters and errors.
using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

public enum Level { Low, Mid = 5, High = 10 }
public struct Size { public int Width { get; set; } public int Height { get; set; } }

public class Node
{
    public string Name { get; set; }
    [JsonPropertyName("n")] public int Number { get; set; }
    public long? Maybe { get; set; }
    public double Real { get; set; }
    public float Single { get; set; }
    public decimal Money { get; set; }
    public bool Flag { get; set; }
    public byte Small { get; set; }
    public sbyte Tiny { get; set; }
    public short Short { get; set; }
    public ushort UShort { get; set; }
    public uint UInt { get; set; }
    public ulong ULong { get; set; }
    public char Letter { get; set; }
    public DateTime When { get; set; }
    public DateTimeOffset Offset { get; set; }
    public Guid Id { get; set; }
    public Uri Link { get; set; }
    public Level Level { get; set; }
    [JsonConverter(typeof(JsonStringEnumConverter))] public Level Named { get; set; }
    public Size Size { get; set; }
    public byte[] Bytes { get; set; }
    public int[] Numbers { get; set; }
    public List<Node> Children { get; set; }
    public Dictionary<string, string> Map { get; set; }
    public object Anything { get; set; }
    [JsonIgnore] public string Secret { get; set; }
    [JsonExtensionData] public Dictionary<string, object> Rest { get; set; }
    public HashSet<string> Set { get; set; }
    public IEnumerable<int> Sequence { get; set; }
    public KeyValuePair<string, int> Pair { get; set; }
}

public class SizeConverter : JsonConverter<Size>
{
    public override Size Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        string[] parts = reader.GetString().Split('x');
        return new Size { Width = int.Parse(parts[0]), Height = int.Parse(parts[1]) };
    }
    public override void Write(Utf8JsonWriter writer, Size value, JsonSerializerOptions options) { writer.WriteStringValue(value.Width + "x" + value.Height); }
}

static class JsonProgram
{
    const string Text = "{\"a\":1,\"b\":[true,false,null,1.5e3,-0.25,\"x\\u0041\\n\\\"\"],\"c\":{\"d\":{},\"e\":[[],[1,[2,[3]]]]},\"big\":123456789012345678,\"dec\":12.3456789,\"date\":\"2020-01-02T03:04:05.678Z\",\"guid\":\"12345678-1234-1234-1234-123456789abc\",\"b64\":\"AQIDBA==\",\"\\u00fc\":\"\u00fc\u20ac\\ud83d\\ude00\"}";

    static void Documents(StringBuilder log)
    {
        using (JsonDocument document = JsonDocument.Parse(Text))
        {
            Walk(log, document.RootElement, 0);
            JsonElement root = document.RootElement;
            log.Append(root.GetProperty("big").GetInt64()).Append(root.GetProperty("dec").GetDecimal()).Append(root.GetProperty("date").GetDateTime().Ticks).Append(root.GetProperty("guid").GetGuid()).Append(root.GetProperty("b64").GetBytesFromBase64().Length).Append(root.TryGetProperty("none", out _)).Append(root.GetProperty("b")[3].GetDouble()).Append(root.GetProperty("a").TryGetByte(out byte small)).Append(small).Append(root.GetProperty("date").GetDateTimeOffset().Offset).Append('\n');
            log.Append(root.GetProperty("c").GetRawText()).Append(root.GetProperty("c").Clone().ToString()).Append(root.GetProperty("b").GetArrayLength()).Append('\n');
            foreach (Action failing in new Action[] { () => root.GetProperty("zz"), () => root.GetProperty("a").GetString(), () => root.GetProperty("big").GetInt32(), () => root[0].ToString() })
                try { failing(); } catch (Exception e) { log.Append(e.GetType().Name).Append(':').Append(e.Message).Append('\n'); }
        }
        foreach (string bad in new[] { "", "{", "[1,]", "{\"a\" 1}", "nul", "01", "\"abc", "[1 2]", "{\"a\":1,}", "\"\\x\"", "1e", "// c\n1", "[1]]", "tru", "-", "\"\u0001\"" })
            try { using (JsonDocument.Parse(bad)) log.Append("ok\n"); } catch (JsonException e) { log.Append(e.LineNumber).Append(e.BytePositionInLine).Append(e.Message).Append('\n'); }
        using (JsonDocument lax = JsonDocument.Parse("/* c */ [1, // x\n 2,]", new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip })) log.Append(lax.RootElement.GetArrayLength()).Append('\n');
        try { JsonDocument.Parse(new string('[', 70) + new string(']', 70)); } catch (JsonException e) { log.Append(e.Message).Append('\n'); }
    }

    static void Walk(StringBuilder log, JsonElement element, int depth)
    {
        log.Append(' ', depth).Append(element.ValueKind);
        switch (element.ValueKind)
        {
            case JsonValueKind.Object: foreach (JsonProperty property in element.EnumerateObject()) { log.Append(property.Name).Append(property.NameEquals("a")); Walk(log, property.Value, depth + 1); } break;
            case JsonValueKind.Array: foreach (JsonElement item in element.EnumerateArray()) Walk(log, item, depth + 1); break;
            case JsonValueKind.String: log.Append(element.GetString()).Append(element.ValueEquals("x")); break;
            case JsonValueKind.Number: log.Append(element.GetDouble()); break;
        }
        log.Append('\n');
    }

    sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] data) { Memory = data; }
        public Segment Add(byte[] data) { var next = new Segment(data) { RunningIndex = RunningIndex + Memory.Length }; Next = next; return next; }
    }

    static void Readers(StringBuilder log)
    {
        byte[] data = Encoding.UTF8.GetBytes(Text);
        var reader = new Utf8JsonReader(data);
        Consume(log, ref reader);
        for (int size = 1; size < 8; size += 3)
        {
            Segment first = new Segment(data.AsSpan(0, size).ToArray()), last = first;
            for (int i = size; i < data.Length; i += size) last = last.Add(data.AsSpan(i, Math.Min(size, data.Length - i)).ToArray());
            var pieces = new Utf8JsonReader(new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length));
            Consume(log, ref pieces);
        }
        var state = new JsonReaderState(new JsonReaderOptions { CommentHandling = JsonCommentHandling.Allow });
        byte[] commented = Encoding.UTF8.GetBytes("/*one*/[1,//two\n2]");
        int consumed = 0;
        for (int end = 1; end <= commented.Length; end++)
        {
            var part = new Utf8JsonReader(commented.AsSpan(consumed, end - consumed), end == commented.Length, state);
            while (part.Read()) { log.Append(part.TokenType); if (part.TokenType == JsonTokenType.Comment) log.Append(part.GetComment()); }
            consumed += (int)part.BytesConsumed; state = part.CurrentState;
        }
        log.Append('\n');
        var skip = new Utf8JsonReader(data); skip.Read(); skip.Read(); skip.Skip(); skip.Read(); skip.Skip(); log.Append(skip.TokenStartIndex).Append(skip.TrySkip()).Append(skip.CurrentDepth).Append('\n');
    }

    static void Consume(StringBuilder log, ref Utf8JsonReader reader)
    {
        while (reader.Read())
        {
            log.Append(reader.TokenType.ToString()[0]).Append(reader.CurrentDepth);
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName: log.Append(reader.GetString()).Append(reader.ValueTextEquals("a")); break;
                case JsonTokenType.String: log.Append(reader.GetString()).Append(reader.ValueTextEquals("date")); if (reader.TryGetDateTime(out DateTime when)) log.Append(when.Ticks); if (reader.TryGetGuid(out Guid id)) log.Append(id); if (reader.TryGetBytesFromBase64(out byte[] bytes)) log.Append(bytes.Length); break;
                case JsonTokenType.Number: if (reader.TryGetInt32(out int i)) log.Append(i); else if (reader.TryGetInt64(out long l)) log.Append(l); else if (reader.TryGetDecimal(out decimal m)) log.Append(m); log.Append(reader.GetDouble()).Append(reader.TryGetSByte(out _)).Append(reader.TryGetUInt64(out _)).Append(reader.TryGetSingle(out _)); break;
                case JsonTokenType.True: case JsonTokenType.False: log.Append(reader.GetBoolean()); break;
            }
        }
        log.Append(reader.BytesConsumed).Append('\n');
    }

    static void Writers(StringBuilder log)
    {
        foreach (bool indented in new[] { false, true })
            foreach (JavaScriptEncoder encoder in new[] { null, JavaScriptEncoder.UnsafeRelaxedJsonEscaping })
            {
                var buffer = new ArrayBufferWriter<byte>();
                using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, Encoder = encoder }))
                {
                    writer.WriteStartObject();
                    writer.WriteString("s", "q\"\\/<>&'+\u00e9\u20ac\t\u0001\ud83d\ude00"); writer.WriteString("d", new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc)); writer.WriteString("o", new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.FromHours(2))); writer.WriteString("g", Guid.Empty);
                    writer.WriteNumber("i", int.MinValue); writer.WriteNumber("l", long.MaxValue); writer.WriteNumber("u", ulong.MaxValue); writer.WriteNumber("f", 1.1f); writer.WriteNumber("r", 1.0 / 3); writer.WriteNumber("m", 79228162514264337593543950335m); writer.WriteNumber("ui", 4000000000u);
                    writer.WriteBoolean("t", true); writer.WriteNull("n"); writer.WriteBase64String("b", new byte[] { 1, 2, 250 });
                    writer.WriteStartArray("a"); writer.WriteNumberValue(1); writer.WriteNumberValue(2.5); writer.WriteStringValue("x"); writer.WriteBooleanValue(false); writer.WriteNullValue(); writer.WriteCommentValue(" c "); writer.WriteStartObject(); writer.WriteEndObject(); writer.WriteStartArray(); writer.WriteEndArray(); writer.WriteBase64StringValue(new byte[5]); writer.WriteEndArray();
                    writer.WritePropertyName(JsonEncodedText.Encode("pre<")); writer.WriteStringValue(JsonEncodedText.Encode("enc\u00e9"));
                    writer.WritePropertyName(Encoding.UTF8.GetBytes("utf8")); writer.WriteStringValue(Encoding.UTF8.GetBytes("bytes")); writer.WriteString("chars".AsSpan(), "value".AsSpan());
                    using (JsonDocument document = JsonDocument.Parse(Text)) { writer.WritePropertyName("doc"); document.RootElement.WriteTo(writer); }
                    writer.WriteEndObject();
                    log.Append(writer.BytesPending).Append(writer.CurrentDepth);
                }
                log.Append(Encoding.UTF8.GetString(buffer.WrittenSpan)).Append('\n');
            }
        foreach (Action<Utf8JsonWriter> failing in new Action<Utf8JsonWriter>[] { w => w.WriteEndArray(), w => { w.WriteStartObject(); w.WriteStringValue("x"); }, w => { w.WriteNumberValue(1); w.WriteNumberValue(2); }, w => w.WriteString("a", "b"), w => w.WriteNumberValue(double.NaN) })
            try { using (var writer = new Utf8JsonWriter(new MemoryStream())) failing(writer); log.Append("ok\n"); } catch (Exception e) { log.Append(e.GetType().Name).Append(e.Message.Split('\n')[0]).Append('\n'); }
    }

    static Node Sample(int depth)
    {
        var node = new Node { Name = "n" + depth + "\u00e9", Number = depth, Maybe = depth % 2 == 0 ? (long?)null : depth, Real = depth / 3.0, Single = depth / 7f, Money = depth * 1.10m, Flag = depth > 1, Small = 200, Tiny = -5, Short = -3000, UShort = 60000, UInt = 4000000000, ULong = ulong.MaxValue, Letter = 'z', When = new DateTime(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc), Offset = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.FromHours(-3)), Id = new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), Link = new Uri("http://host/p?q#f"), Level = Level.High, Named = Level.Mid, Size = new Size { Width = 3, Height = 4 }, Bytes = new byte[] { 9, 8 }, Numbers = new[] { 1, 2, 3 }, Map = new Dictionary<string, string> { ["k1"] = "v1", ["K2"] = null }, Anything = depth == 0 ? (object)"any" : depth, Secret = "s", Set = new HashSet<string> { "one" }, Sequence = new[] { 7, 8 }, Pair = new KeyValuePair<string, int>("pk", 3) };
        if (depth < 2) node.Children = new List<Node> { Sample(depth + 1), null };
        return node;
    }

    static void Serialization(StringBuilder log)
    {
        var custom = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DictionaryKeyPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, IgnoreNullValues = true, PropertyNameCaseInsensitive = true, AllowTrailingCommas = true, ReadCommentHandling = JsonCommentHandling.Skip };
        custom.Converters.Add(new SizeConverter()); custom.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
        foreach (JsonSerializerOptions options in new[] { null, custom })
        {
            string json = JsonSerializer.Serialize(Sample(0), options);
            log.Append(json.Replace("\r", "")).Append('\n');
            Node back = JsonSerializer.Deserialize<Node>(json.Substring(0, json.Length - 1).TrimEnd() + ",\"extra\":[1,{\"x\":2}],\"more\":\"m\"}", options);
            log.Append(back.Name).Append(back.Number).Append(back.Maybe).Append(back.Money).Append(back.Level).Append(back.Named).Append(back.Size.Height).Append(back.Children.Count).Append(back.Children[0].Children[0].Real).Append(back.Map.Count).Append(back.Anything).Append(back.Rest.Count).Append(back.Rest["extra"]).Append(back.Set.Count).Append(back.Pair.Key).Append(back.Link).Append('\n');
            log.Append(JsonSerializer.Serialize(back, options) == json).Append('\n');
            Node async = JsonSerializer.DeserializeAsync<Node>(new MemoryStream(Encoding.UTF8.GetBytes(json)), options).AsTask().GetAwaiter().GetResult();
            var stream = new MemoryStream(); JsonSerializer.SerializeAsync(stream, async, options).GetAwaiter().GetResult(); log.Append(stream.Length).Append(JsonSerializer.SerializeToUtf8Bytes(async, options).Length).Append('\n');
        }
        foreach (string bad in new[] { "{\"Number\":}", "{\"n\":\"x\"}", "{\"Numbers\":[1,\"a\"]}", "{\"Size\":5}", "[]", "{\"Named\":\"none\"}", "{\"Small\":300}", "{\"Children\":[{\"Children\":[{\"n\":1.5}]}]}", "{\"When\":\"no\"}" })
            try { log.Append(JsonSerializer.Deserialize<Node>(bad).Number).Append('\n'); } catch (JsonException e) { log.Append(e.Path).Append('|').Append(e.Message).Append('\n'); }
        log.Append(JsonSerializer.Serialize(new object[] { 1, "s", null, 2.5, new { X = 1, Y = "anon" }, new Dictionary<string, object> { ["z"] = new[] { 1 } }, Level.Mid, 'c', new Stack<int>(new[] { 1, 2 }), new Queue<string>(new[] { "q" }), new SortedDictionary<string, int> { ["b"] = 1, ["a"] = 2 } })).Append('\n');
        log.Append(string.Join(",", JsonSerializer.Deserialize<Dictionary<string, int[]>>("{\"a\":[1,2],\"b\":[]}").Keys)).Append(JsonSerializer.Deserialize<int[][]>("[[1],[2,3]]")[1][1]).Append(JsonSerializer.Deserialize<List<double?>>("[1,null]").Count).Append(JsonSerializer.Deserialize<object>("{\"o\":1}")).Append(JsonSerializer.Deserialize<Stack<string>>("[\"a\",\"b\"]").Peek()).Append('\n');
        try { var loop = new Node(); loop.Children = new List<Node> { loop }; JsonSerializer.Serialize(loop); } catch (JsonException e) { log.Append(e.Message.Length > 0).Append('\n'); }
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Documents(log); Readers(log); Writers(log); Serialization(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
