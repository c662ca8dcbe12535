// System.Private.DataContractSerialization (XML, binary XML and JSON), System.Private.Xml.Linq and System.ComponentModel.TypeConverter.
using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using System.Xml.XPath;

[DataContract(Name = "kind", Namespace = "urn:k")] public enum Kind { [EnumMember(Value = "first")] One, [EnumMember] Two }

[DataContract(Namespace = "urn:k"), KnownType(typeof(Dog))] public class Animal
{
    [DataMember(Order = 1, IsRequired = true)] public string Name; [DataMember(Order = 2, EmitDefaultValue = false)] public int? Age { get; set; } [DataMember] public Kind Kind; [DataMember(Name = "born")] public DateTime Born; [DataMember] public Animal Friend; [DataMember] public List<string> Tags; [DataMember] public Dictionary<string, double> Scores; [DataMember] public byte[] Raw; [DataMember] public object Any; public string Hidden = "h"; [DataMember] public Guid Id; [DataMember] public decimal Price; [DataMember] public TimeSpan Span; [DataMember] public Uri Link; [DataMember] public char Letter; [DataMember] public float Small; [DataMember] public ulong Big; [DataMember] public int[][] Jagged; [DataMember] public DateTimeOffset Offset; [DataMember] public Pair Pair; [DataMember] public bool Flag; [DataMember] public Kind? Maybe; [DataMember] public XmlElement Element;
    [OnSerializing] void Before(StreamingContext context) { Hidden = "serializing"; } [OnDeserialized] void After(StreamingContext context) { Hidden = "restored"; }
}
[DataContract(Namespace = "urn:k")] public class Dog : Animal { [DataMember] public long Legs = 4; }
[DataContract(IsReference = true)] public class Link { [DataMember] public Link Next; [DataMember] public int Value; }
public struct Pair { public int A; public string B { get; set; } }
[CollectionDataContract(Name = "names", ItemName = "n")] public class NameList : List<string> { }
[Serializable] public class Old : ISerializable { public int X; public Old() { } protected Old(SerializationInfo info, StreamingContext context) { X = info.GetInt32("x"); } public void GetObjectData(SerializationInfo info, StreamingContext context) { info.AddValue("x", X); info.AddValue("s", "str"); } }

[TypeConverter(typeof(TemperatureConverter))] public class Temperature { public double Degrees { get; set; } [Browsable(false), DefaultValue(7)] public int Hidden { get; set; } = 7; [Category("c"), Description("d"), DisplayName("Shown")] public string Shown { get; set; } public event EventHandler Changed; public void Raise() { Changed?.Invoke(this, EventArgs.Empty); } }
public class TemperatureConverter : TypeConverter { public override bool CanConvertFrom(ITypeDescriptorContext c, Type t) { return t == typeof(string) || base.CanConvertFrom(c, t); } public override object ConvertFrom(ITypeDescriptorContext c, CultureInfo i, object v) { return v is string s ? new Temperature { Degrees = double.Parse(s.TrimEnd('C'), i ?? CultureInfo.InvariantCulture) } : base.ConvertFrom(c, i, v); } public override object ConvertTo(ITypeDescriptorContext c, CultureInfo i, object v, Type t) { return t == typeof(string) ? ((Temperature)v).Degrees + "C" : base.ConvertTo(c, i, v, t); } }

static class Contracts
{
    static Animal Sample() { var element = new XmlDocument(); element.LoadXml("<e a='1'>x</e>"); return new Dog { Name = "Rex <&>", Age = 3, Kind = Kind.Two, Born = new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc), Friend = new Animal { Name = "Tom\u00e9", Any = new[] { 1, 2 } }, Tags = new List<string> { "a", null, "c" }, Scores = new Dictionary<string, double> { ["x"] = 1.5, ["y"] = double.NaN }, Raw = new byte[] { 1, 2, 3, 250 }, Any = "any", Id = new Guid(1, 2, 3, new byte[8]), Price = 12.50m, Span = TimeSpan.FromSeconds(90), Link = new Uri("http://h/p"), Letter = 'q', Small = 1.25f, Big = ulong.MaxValue, Jagged = new[] { new[] { 1 }, new int[0], null }, Offset = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.FromHours(2)), Pair = new Pair { A = 5, B = "pb" }, Flag = true, Maybe = Kind.One, Element = element.DocumentElement }; }

    static void Try(StringBuilder log, Func<object> action) { try { log.Append(action()).Append('\n'); } catch (Exception e) { log.Append(e.GetType().Name).Append(':').Append(e.Message.Split('\n')[0]).Append('\n'); } }

    static string Summary(object value) { if (value is Animal a) return a.GetType().Name + a.Name + a.Age + a.Kind + a.Born.Ticks + (a.Friend == null ? "-" : Summary(a.Friend)) + (a.Tags == null ? "-" : string.Join(",", a.Tags)) + (a.Scores == null ? "-" : string.Join(",", a.Scores.Keys)) + a.Raw?.Length + a.Any + a.Hidden + a.Id + a.Price + a.Span + a.Link + a.Letter + a.Small + a.Big + a.Jagged?.Length + a.Offset + a.Pair.A + a.Pair.B + a.Flag + a.Maybe + a.Element?.OuterXml; return value is IEnumerable e && !(value is string) ? string.Join("/", e.Cast<object>().Select(Summary)) : value + ""; }

    static void Serializers(StringBuilder log)
    {
        var chain = new Link { Value = 1, Next = new Link { Value = 2 } }; chain.Next.Next = chain;
        var graphs = new object[] { Sample(), chain, new NameList { "n1", "n2" }, new Old { X = 5 }, new Pair { A = 1, B = "b" }, new[] { 1.5, 2.5 }, new Dictionary<int, Pair[]> { [3] = new[] { new Pair { A = 3 } } }, Kind.One, "text", 42, new List<object> { 1, "two", 3m, Kind.Two, null, new DateTime(2020, 1, 1) }, new Hashtable { ["h"] = 1 }, new KeyValuePair<string, int>("k", 1), new object(), Tuple.Create(1, "t"), DateTimeOffset.MinValue, new Queue<int>(new[] { 7 }), new int?(6), new[] { "a b", " \n" } };
        foreach (object graph in graphs)
        {
            var serializer = new DataContractSerializer(graph.GetType(), new[] { typeof(Kind), typeof(int[]) });
            Try(log, () => { var text = new StringWriter(); using (XmlWriter writer = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, NewLineChars = "\n" })) serializer.WriteObject(writer, graph); log.Append(text).Append('\n'); return Summary(serializer.ReadObject(XmlReader.Create(new StringReader(text.ToString())))); });
            Try(log, () => { var binary = new MemoryStream(); using (XmlDictionaryWriter writer = XmlDictionaryWriter.CreateBinaryWriter(binary, null, null, false)) serializer.WriteObject(writer, graph); return binary.Length + Summary(serializer.ReadObject(XmlDictionaryReader.CreateBinaryReader(new MemoryStream(binary.ToArray()), XmlDictionaryReaderQuotas.Max))); });
            Try(log, () => { var json = new MemoryStream(); var settings = new DataContractJsonSerializerSettings { KnownTypes = new[] { typeof(Kind), typeof(int[]) }, UseSimpleDictionaryFormat = true, EmitTypeInformation = EmitTypeInformation.AsNeeded }; var s = new DataContractJsonSerializer(graph.GetType(), settings); s.WriteObject(json, graph); log.Append(Encoding.UTF8.GetString(json.ToArray())).Append('\n'); json.Position = 0; return Summary(s.ReadObject(json)); });
        }
        foreach (string bad in new[] { "<Dog/>", "<Dog xmlns='urn:k'><Name>x</Name><Kind>zero</Kind></Dog>", "<Dog xmlns='urn:k'><born>q</born></Dog>", "<Dog xmlns='urn:k'><Name>only", "<x/>" }) Try(log, () => Summary(new DataContractSerializer(typeof(Dog)).ReadObject(XmlReader.Create(new StringReader(bad)))));
        foreach (string bad in new[] { "{", "{\"Name\":1}", "{\"Age\":\"x\"}", "[]", "{\"Name\":\"n\",\"born\":\"\\/Date(0)\\/\",\"Kind\":1,\"Tags\":[\"q\"]}", "{\"Name\":\"a\",}" }) Try(log, () => Summary(new DataContractJsonSerializer(typeof(Animal)).ReadObject(new MemoryStream(Encoding.UTF8.GetBytes(bad)))));
        Try(log, () => { using (XmlDictionaryReader reader = JsonReaderWriterFactory.CreateJsonReader(Encoding.UTF8.GetBytes("{\"a\":[1,true,null,{\"b\":\"\\u00e9\\n\"}],\"c d\":-1.5e3}"), XmlDictionaryReaderQuotas.Max)) return XElement.Load(reader).ToString().Replace("\r", ""); });
        Try(log, () => { var stream = new MemoryStream(); using (XmlDictionaryWriter writer = XmlDictionaryWriter.CreateTextWriter(stream, Encoding.UTF8)) { writer.WriteStartElement("p", "r", "urn:p"); writer.WriteXmlnsAttribute("q", "urn:q"); writer.WriteAttributeString("q", "a", "urn:q", "v\"<"); writer.WriteArray("", "i", "", new[] { 1, 2, 3 }, 0, 3); writer.WriteArray("", "d", "", new[] { 1.5, 2.5 }, 0, 2); writer.WriteElementString("g", Guid.Empty.ToString()); writer.WriteBase64(new byte[] { 1, 2, 3 }, 0, 3); writer.WriteValue(new UniqueId(Guid.Empty)); writer.WriteValue(TimeSpan.FromDays(1)); writer.WriteCData("cd"); writer.WriteComment("co"); writer.WriteEndElement(); } string text = Encoding.UTF8.GetString(stream.ToArray()); using (XmlDictionaryReader reader = XmlDictionaryReader.CreateTextReader(stream.ToArray(), XmlDictionaryReaderQuotas.Max)) { reader.MoveToContent(); log.Append(reader.GetAttribute("a", "urn:q")); reader.ReadStartElement(); log.Append(string.Join(",", reader.ReadInt32Array("i", ""))).Append(string.Join(",", reader.ReadDoubleArray("d", ""))); } return text; });
        Try(log, () => { var dictionary = new XmlDictionary(); XmlDictionaryString name = dictionary.Add("element"), space = dictionary.Add("urn:s"); var stream = new MemoryStream(); using (XmlDictionaryWriter writer = XmlDictionaryWriter.CreateBinaryWriter(stream, dictionary)) { writer.WriteStartElement(name, space); foreach (object value in new object[] { 1, 1L << 40, 1.5, 1.25f, 12.5m, true, "text", new DateTime(2020, 1, 1), Guid.Empty, TimeSpan.Zero }) { writer.WriteStartElement("v"); writer.WriteValue(value); writer.WriteEndElement(); } writer.WriteEndElement(); } using (XmlDictionaryReader reader = XmlDictionaryReader.CreateBinaryReader(stream.ToArray(), 0, (int)stream.Length, dictionary, XmlDictionaryReaderQuotas.Max)) { reader.ReadStartElement(name, space); var found = new StringBuilder(); while (reader.IsStartElement("v")) found.Append(reader.ReadElementContentAsString()).Append(';'); return stream.Length + found.ToString(); } });
    }

    static void Trees(StringBuilder log)
    {
        XNamespace p = "urn:p"; var document = new XDocument(new XDeclaration("1.0", "utf-8", "yes"), new XComment("c"), new XProcessingInstruction("t", "d"), new XElement(p + "root", new XAttribute(XNamespace.Xmlns + "p", p), new XAttribute("a", 1.5), Enumerable.Range(0, 4).Select(i => new XElement(p + "item", new XAttribute("id", i), "text" + i, new XCData("cd<" + i)))));
        document.Changing += (s, e) => log.Append(e.ObjectChange); document.Changed += (s, e) => log.Append('.');
        XElement root = document.Root; root.Add(new XElement("late", DateTime.MinValue), "tail"); root.Elements(p + "item").Where(e => (int)e.Attribute("id") % 2 == 0).Remove(); root.SetAttributeValue("b", true); root.SetElementValue("late", 9); root.Element("late").ReplaceWith(new XElement("swapped", new XText("t"))); root.FirstNode.AddBeforeSelf(new XElement("before")); root.LastNode.AddAfterSelf("end"); root.AddFirst(new XComment("first")); root.Element("swapped").Name = "renamed"; root.Attribute("a").Remove();
        log.Append(document.ToString(SaveOptions.DisableFormatting)).Append(root.ToString().Replace("\r", "")).Append((double?)root.Attribute("a")).Append((bool)root.Attribute("b")).Append(root.Value).Append(root.Descendants().Count()).Append(root.Nodes().OfType<XText>().Count()).Append(string.Join(",", root.DescendantsAndSelf().Select(e => e.Name.LocalName))).Append(XNode.DeepEquals(root, new XElement(root))).Append(new XNodeEqualityComparer().GetHashCode(root) == new XNodeEqualityComparer().GetHashCode(new XElement(root))).Append(XNode.CompareDocumentOrder(root.FirstNode, root.LastNode)).Append(root.GetPrefixOfNamespace(p)).Append(root.GetDefaultNamespace()).Append(string.Join(",", root.LastNode.Ancestors().Select(e => e.Name))).Append(root.FirstNode.IsBefore(root.LastNode)).Append('\n');
        XDocument parsed = XDocument.Parse("<!DOCTYPE r [<!ENTITY e 'v'>]><r xmlns:q='urn:q'>\n <q:x y='1'>&e;</q:x><!--c--><?pi d?><![CDATA[x]]></r>", LoadOptions.PreserveWhitespace | LoadOptions.SetLineInfo); log.Append(parsed).Append(((IXmlLineInfo)parsed.Root.Elements().First()).LineNumber).Append(parsed.DocumentType.InternalSubset).Append(parsed.XPathSelectElement("/r/*[@y=1]").Value).Append(parsed.XPathEvaluate("count(//node())")).Append(parsed.CreateNavigator().Select("//@*").Count).Append('\n');
        using (XmlReader reader = root.CreateReader()) { reader.MoveToContent(); int n = 0; while (reader.Read()) n += reader.AttributeCount; log.Append(n); } using (XmlWriter writer = new XDocument().CreateWriter()) { writer.WriteStartElement("w"); writer.WriteAttributeString("a", "b"); writer.WriteString("s"); writer.WriteEndElement(); }
        var stream = new StreamingElement().Make(); log.Append(stream); foreach (Func<object> failing in new Func<object>[] { () => XElement.Parse("<a>"), () => new XElement("a b"), () => (int)new XElement("e", "x"), () => new XDocument(new XElement("a"), new XElement("b")), () => XName.Get("{urn:x}local").NamespaceName + XName.Get("{"), () => (DateTime)new XAttribute("d", "2020-01-02"), () => (Guid)new XElement("g", Guid.Empty), () => (TimeSpan)new XElement("t", TimeSpan.FromHours(1)), () => (decimal?)new XElement("m", 1.5m), () => new XAttribute("x", null) }) Try(log, failing);
    }

    sealed class StreamingElement { public string Make() { return new XStreamingElement("s", from i in Enumerable.Range(0, 3) select new XStreamingElement("i", new XAttribute("n", i), i)).ToString(SaveOptions.DisableFormatting); } }

    static void Converters(StringBuilder log)
    {
        foreach (Type type in new[] { typeof(int), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(uint), typeof(long), typeof(ulong), typeof(float), typeof(double), typeof(decimal), typeof(bool), typeof(char), typeof(string), typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan), typeof(Guid), typeof(Uri), typeof(Kind), typeof(int?), typeof(CultureInfo), typeof(Version), typeof(int[]), typeof(List<int>), typeof(Temperature), typeof(object), typeof(DayOfWeek?), typeof(Type), typeof(Array), typeof(IComponent), typeof(System.Drawing.Point), typeof(System.Drawing.Size), typeof(System.Drawing.Rectangle), typeof(System.Drawing.Color), typeof(System.Drawing.SizeF) })
        {
            TypeConverter converter = TypeDescriptor.GetConverter(type); log.Append(type.Name).Append(converter.GetType().Name).Append(converter.CanConvertFrom(typeof(string))).Append(converter.CanConvertTo(typeof(int))).Append(converter.GetStandardValuesSupported()).Append(converter.GetPropertiesSupported()).Append(converter.GetCreateInstanceSupported());
            foreach (string text in new[] { "5", "0x1F", "true", "2020-01-02", "One", "en-US", "1.5", "", "00000000-0000-0000-0000-000000000001", "1, 2", "Red", "1,2,3,4", "x", "12C", "#ff8000" }) try { object value = converter.ConvertFromString(null, CultureInfo.InvariantCulture, text); log.Append('|').Append(converter.ConvertToString(null, CultureInfo.InvariantCulture, value)).Append(converter.IsValid(text)); } catch (Exception e) { log.Append('!').Append(e.GetType().Name[0]); }
            log.Append('\n');
        }
        var temperature = new Temperature { Degrees = 20, Shown = "s" };
        foreach (PropertyDescriptor property in TypeDescriptor.GetProperties(temperature)) log.Append(property.Name).Append(property.DisplayName).Append(property.Category).Append(property.Description).Append(property.IsBrowsable).Append(property.PropertyType.Name).Append(property.GetValue(temperature)).Append(property.ShouldSerializeValue(temperature)).Append(property.CanResetValue(temperature)).Append(property.Attributes.Count > 0).Append('\n');
        TypeDescriptor.GetProperties(temperature)["Degrees"].SetValue(temperature, 30.5); TypeDescriptor.GetProperties(temperature)["Hidden"].SetValue(temperature, 1); TypeDescriptor.GetProperties(temperature)["Hidden"].ResetValue(temperature); int fired = 0; EventDescriptor changed = TypeDescriptor.GetEvents(temperature)["Changed"]; changed.AddEventHandler(temperature, (EventHandler)((s, e) => fired++)); temperature.Raise(); log.Append(temperature.Degrees).Append(temperature.Hidden).Append(fired).Append(TypeDescriptor.GetClassName(temperature)).Append(TypeDescriptor.GetDefaultProperty(temperature)).Append(TypeDescriptor.GetAttributes(temperature).Count > 0);
        var list = new BindingList<Temperature>(); list.ListChanged += (s, e) => log.Append(e.ListChangedType).Append(e.NewIndex); list.Add(temperature); list.Insert(0, new Temperature()); list.RemoveAt(1); list.ResetBindings(); list.Clear(); var masked = new MaskedTextProvider("(000) L-aa"); masked.Add("123x4"); log.Append(masked.ToDisplayString()).Append(masked.ToString(false, true)).Append(masked.MaskCompleted).Append(masked.LastAssignedPosition).Append(masked.InsertAt('9', 2)).Append(masked.RemoveAt(1)).Append(masked.VerifyChar('z', 1, out MaskedTextResultHint hint)).Append(hint).Append('\n');
        PropertyDescriptorCollection sorted = TypeDescriptor.GetProperties(typeof(Temperature)).Sort(new[] { "Shown" }); log.Append(sorted[0].Name).Append(sorted.Find("degrees", true).Name).Append(sorted.IndexOf(sorted["Hidden"])); var container = new Container(); var component = new Component(); container.Add(component, "named"); log.Append(component.Site.Name).Append(container.Components.Count).Append(container.Components["named"] == component); try { container.Add(new Component(), "NAMED"); } catch (ArgumentException e) { log.Append(e.Message); } container.Dispose();
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Serializers(log); Trees(log); Converters(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
