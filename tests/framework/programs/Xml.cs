// System.Private.Xml: readers, writers, the document model, XPath, XSLT, schemas, DTDs, serialization.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Xml;
using System.Xml.Schema;
using System.Xml.Serialization;
using System.Xml.XPath;
using System.Xml.Xsl;

public enum Binding { Hardcover, [XmlEnum("soft")] Paperback }

public class Author
{
    [XmlAttribute("born")] public int Born;
    [XmlText] public string Name;
}

[XmlRoot("book", Namespace = "urn:books")]
public class Book
{
    [XmlAttribute] public string Isbn;
    public string Title;
    public decimal Price;
    public Binding Binding;
    public DateTime Published;
    [XmlArray("authors"), XmlArrayItem("author")] public List<Author> Authors = new List<Author>();
    [XmlElement("tag")] public string[] Tags;
    public double? Rating;
    [XmlIgnore] public int Hidden;
    public byte[] Cover;
}

static class XmlProgram
{
    const string Catalog = @"<?xml version='1.0' encoding='utf-8'?>
<!-- a catalog --><?target some data?>
<catalog xmlns='urn:c' xmlns:p='urn:p' p:version='1.2'>
  <item id='1' price='10.50'><name>First &amp; foremost</name><p:tag>a</p:tag><p:tag>b</p:tag></item>
  <item id='2' price='20'><name>Second &lt;two&gt;</name><![CDATA[raw <data> ]]><empty/></item>
  <item id='3' price='7.25'><name>Third &#x41;&#66;</name><sub><deep><deeper level='9'>text</deeper></deep></sub></item>
</catalog>";

    const string WithDtd = @"<!DOCTYPE note [
<!ELEMENT note (to, from?, body*)> <!ELEMENT to (#PCDATA)> <!ELEMENT from (#PCDATA)> <!ELEMENT body (#PCDATA|b)*> <!ELEMENT b EMPTY>
<!ATTLIST note id ID #REQUIRED lang (en|de) 'en' ref IDREF #IMPLIED>
<!ENTITY who 'World'> <!ENTITY greeting 'Hello &who;!'> <!NOTATION gif SYSTEM 'viewer'>
]>
<note id='n1'><to>&greeting;</to><body>x<b/>y</body><body/></note>";

    const string Schema = @"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:o' xmlns='urn:o' elementFormDefault='qualified'>
<xs:simpleType name='code'><xs:restriction base='xs:string'><xs:pattern value='[A-Z]{2}\d{3}'/><xs:maxLength value='5'/></xs:restriction></xs:simpleType>
<xs:simpleType name='sizes'><xs:list itemType='xs:int'/></xs:simpleType>
<xs:simpleType name='either'><xs:union memberTypes='xs:int code'/></xs:simpleType>
<xs:complexType name='line'><xs:sequence><xs:element name='what' type='code'/><xs:element name='count' type='xs:positiveInteger'/><xs:element name='note' type='xs:string' minOccurs='0' nillable='true'/></xs:sequence><xs:attribute name='price' type='xs:decimal' use='required'/><xs:attribute name='kind' type='either' default='7'/></xs:complexType>
<xs:complexType name='special'><xs:complexContent><xs:extension base='line'><xs:choice><xs:element name='a' type='xs:date'/><xs:element name='b' type='xs:boolean'/></xs:choice></xs:extension></xs:complexContent></xs:complexType>
<xs:element name='order'><xs:complexType><xs:sequence><xs:element name='line' type='line' maxOccurs='unbounded'/><xs:element name='sizes' type='sizes' minOccurs='0'/></xs:sequence><xs:attribute name='when' type='xs:dateTime'/></xs:complexType>
<xs:unique name='u'><xs:selector xpath='line'/><xs:field xpath='what'/></xs:unique><xs:key name='k'><xs:selector xpath='.//line'/><xs:field xpath='@price'/></xs:key></xs:element>
</xs:schema>";

    static readonly string[] Orders =
    {
        "<order xmlns='urn:o' when='2020-01-02T03:04:05Z'><line price='1.5'><what>AB123</what><count>3</count></line><sizes>1 2 3</sizes></order>",
        "<order xmlns='urn:o'><line price='x'><what>ab1</what><count>0</count></line></order>",
        "<order xmlns='urn:o'><line price='1'><what>AB123</what><count>1</count></line><line price='1'><what>AB123</what><count>2</count></line><sizes>1 z</sizes></order>",
        "<order xmlns='urn:o' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><line price='2' kind='CD456' xsi:type='special'><what>AB123</what><count>1</count><note xsi:nil='true'/><a>2020-02-30</a></line><other/></order>",
        "<order xmlns='urn:o' when='yesterday'/>",
    };

    const string Stylesheet = @"<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform' xmlns:c='urn:c' xmlns:p='urn:p' exclude-result-prefixes='c p'>
<xsl:output method='xml' indent='yes' omit-xml-declaration='yes'/>
<xsl:param name='factor' select='2'/><xsl:variable name='total' select='sum(//c:item/@price)'/>
<xsl:key name='byId' match='c:item' use='@id'/>
<xsl:template match='/'><report total='{$total}' double='{$total * $factor}'><xsl:apply-templates select='//c:item'><xsl:sort select='@price' data-type='number' order='descending'/></xsl:apply-templates>
<xsl:for-each select=""key('byId', '2')""><picked><xsl:value-of select='c:name'/></picked></xsl:for-each><xsl:call-template name='loop'><xsl:with-param name='n' select='3'/></xsl:call-template></report></xsl:template>
<xsl:template match='c:item'><row n='{position()}'><xsl:choose><xsl:when test='@price &gt; 15'>expensive</xsl:when><xsl:otherwise>cheap</xsl:otherwise></xsl:choose><xsl:text> </xsl:text><xsl:value-of select=""translate(normalize-space(c:name), 'abc', 'ABC')""/><xsl:if test='p:tag'><xsl:number value='count(p:tag)' format='i'/></xsl:if><xsl:copy-of select='c:sub'/></row></xsl:template>
<xsl:template name='loop'><xsl:param name='n'/><xsl:if test='$n &gt; 0'><n><xsl:value-of select=""format-number($n, '#,##0.00')""/></n><xsl:call-template name='loop'><xsl:with-param name='n' select='$n - 1'/></xsl:call-template></xsl:if></xsl:template>
</xsl:stylesheet>";

    static void Read(StringBuilder log)
    {
        var settings = new XmlReaderSettings { IgnoreComments = false, IgnoreWhitespace = true };
        using (XmlReader reader = XmlReader.Create(new StringReader(Catalog), settings))
        {
            while (reader.Read())
            {
                log.Append(reader.Depth).Append(reader.NodeType).Append(':').Append(reader.Name).Append('=').Append(reader.Value);
                if (reader.HasAttributes && reader.NodeType == XmlNodeType.Element)
                    while (reader.MoveToNextAttribute()) log.Append(" @").Append(reader.LocalName).Append('{').Append(reader.NamespaceURI).Append("}=").Append(reader.Value);
                log.Append('\n');
            }
        }
        using (XmlReader reader = XmlReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(Catalog))))
        {
            reader.ReadToFollowing("item");
            do { log.Append(reader.GetAttribute("id")).Append(' ').Append(reader.ReadSubtree().ReadToDescendant("name")).Append(';'); }
            while (reader.ReadToNextSibling("item"));
        }
        var dtd = new XmlReaderSettings { DtdProcessing = DtdProcessing.Parse, ValidationType = ValidationType.DTD, XmlResolver = null };
        dtd.ValidationEventHandler += (s, e) => log.Append("[dtd ").Append(e.Severity).Append(' ').Append(e.Message).Append(']');
        foreach (string text in new[] { WithDtd, WithDtd.Replace("id='n1'", "id='n1' lang='fr' ref='n2'").Replace("<body/>", "<what/>") })
            using (XmlReader reader = XmlReader.Create(new StringReader(text), dtd))
                while (reader.Read()) log.Append(reader.NodeType.ToString()[0]).Append(reader.Name).Append(reader.Value).Append('|');
        foreach (string bad in new[] { "<a><b></a>", "<a b='1' b='2'/>", "<a>&nope;</a>", "<a", "", "<a>\u0001</a>", "<p:a/>", "<a></a><b/>" })
        {
            try
            {
                using (XmlReader reader = XmlReader.Create(new StringReader(bad))) while (reader.Read()) { }
                log.Append("no error\n");
            }
            catch (XmlException e) { log.Append(e.LineNumber).Append(',').Append(e.LinePosition).Append(' ').Append(e.Message).Append('\n'); }
        }
        using (XmlReader reader = XmlReader.Create(new StringReader("<v><i>42</i><d>1.5</d><b>true</b><t>2020-01-02T03:04:05</t><x>aGVsbG8=</x><h>68656c6c6f</h><m>12.75</m></v>")))
        {
            reader.ReadStartElement("v");
            log.Append(reader.ReadElementContentAsInt()).Append(' ').Append(reader.ReadElementContentAsDouble()).Append(' ').Append(reader.ReadElementContentAsBoolean()).Append(' ').Append(reader.ReadElementContentAsDateTime().Ticks);
            var buffer = new byte[20];
            log.Append(' ').Append(reader.ReadElementContentAsBase64(buffer, 0, 20)).Append(buffer[4]).Append(reader.ReadElementContentAsBase64(buffer, 0, 20));
            log.Append(' ').Append(reader.ReadElementContentAsBinHex(buffer, 0, 20)).Append(buffer[1]).Append(reader.ReadElementContentAsBinHex(buffer, 0, 20)).Append(' ').Append(reader.ReadElementContentAsDecimal()).Append('\n');
        }
    }

    static void Write(StringBuilder log)
    {
        foreach (ConformanceLevel level in new[] { ConformanceLevel.Document, ConformanceLevel.Fragment })
            foreach (bool indent in new[] { false, true })
            {
                var stream = new MemoryStream();
                var settings = new XmlWriterSettings { Indent = indent, NewLineOnAttributes = indent, ConformanceLevel = level, Encoding = indent ? Encoding.Unicode : new UTF8Encoding(false), NewLineChars = "\n" };
                using (XmlWriter writer = XmlWriter.Create(stream, settings))
                {
                    if (level == ConformanceLevel.Document) writer.WriteStartDocument(true);
                    writer.WriteComment(" c ");
                    writer.WriteStartElement("p", "root", "urn:x");
                    writer.WriteAttributeString("a", "1 < 2 & \"q\"\n");
                    writer.WriteAttributeString("p", "b", "urn:x", "v");
                    writer.WriteAttributeString("q", "c", "urn:y", "w");
                    writer.WriteElementString("e", "text > & <");
                    writer.WriteStartElement("n"); writer.WriteValue(1.25); writer.WriteValue(true); writer.WriteValue(new DateTime(2020, 1, 2)); writer.WriteEndElement();
                    writer.WriteStartElement("d"); writer.WriteCData("a]]>b"); writer.WriteFullEndElement();
                    writer.WriteProcessingInstruction("pi", "x y"); writer.WriteRaw("<raw/>"); writer.WriteCharEntity('\u00e9'); writer.WriteSurrogateCharEntity('\udc00', '\ud800'); writer.WriteEntityRef("amp");
                    writer.WriteBase64(new byte[] { 1, 2, 3, 4 }, 0, 4); writer.WriteBinHex(new byte[] { 171, 205 }, 0, 2); writer.WriteChars("xyz".ToCharArray(), 1, 2); writer.WriteQualifiedName("qn", "urn:x"); writer.WriteString("\u20ac\U0001F600");
                    writer.WriteEndElement();
                }
                log.Append(settings.Encoding.GetString(stream.ToArray())).Append('\n');
            }
        var text = new StringWriter();
        var old = new XmlTextWriter(text) { Formatting = Formatting.Indented, Indentation = 3, QuoteChar = '\'' };
        old.WriteStartElement("old"); old.WriteAttributeString("x", "it's"); old.WriteElementString("in", "urn:z", "1"); old.WriteEndElement(); old.Flush();
        log.Append(text).Append('\n');
        try { XmlWriter w = XmlWriter.Create(new StringWriter()); w.WriteStartElement("1bad"); w.Flush(); } catch (ArgumentException e) { log.Append(e.Message).Append('\n'); }
    }

    static void Document(StringBuilder log)
    {
        var document = new XmlDocument { PreserveWhitespace = false };
        int inserted = 0, changed = 0;
        document.NodeInserted += (s, e) => inserted++;
        document.NodeChanged += (s, e) => changed++;
        document.LoadXml(Catalog);
        var names = new XmlNamespaceManager(document.NameTable);
        names.AddNamespace("c", "urn:c"); names.AddNamespace("p", "urn:p");
        foreach (string path in new[] { "//c:item", "//c:item[@id='2']/c:name", "//@price", "//c:item[position()=last()]", "//p:tag/text()", "//c:deeper/ancestor::*", "//c:item[c:name[contains(., 'o')]]", "/c:catalog/node()", "//comment() | //processing-instruction()" })
        {
            log.Append(path).Append(" -> ");
            foreach (XmlNode node in document.SelectNodes(path, names)) log.Append(node.Name).Append('(').Append(node.InnerText.Trim()).Append(") ");
            log.Append('\n');
        }
        XmlElement added = document.CreateElement("p", "added", "urn:p");
        added.SetAttribute("when", "now");
        added.AppendChild(document.CreateTextNode("t")); added.AppendChild(document.CreateCDataSection("cd")); added.AppendChild(document.CreateComment("co"));
        document.DocumentElement.InsertBefore(added, document.DocumentElement.FirstChild);
        document.DocumentElement.RemoveChild(document.DocumentElement.LastChild);
        document.DocumentElement.ReplaceChild(document.CreateElement("swap"), document.DocumentElement.ChildNodes[1]);
        added.SetAttribute("when", "later"); added.InnerXml = "<z y='1'/>tail"; added.Normalize();
        XmlNode clone = document.DocumentElement.CloneNode(true);
        document.DocumentElement.AppendChild(document.ImportNode(clone.FirstChild, true));
        XmlDocumentFragment fragment = document.CreateDocumentFragment(); fragment.InnerXml = "<f1/><f2>2</f2>"; document.DocumentElement.AppendChild(fragment);
        log.Append(document.OuterXml).Append(inserted).Append(',').Append(changed).Append(' ').Append(document.GetElementsByTagName("name", "urn:c").Count).Append('\n');
        try { document.AppendChild(document.CreateElement("second")); } catch (InvalidOperationException e) { log.Append(e.Message).Append('\n'); }
        using (var reader = new XmlNodeReader(document)) { int n = 0; while (reader.Read()) n += reader.AttributeCount + 1; log.Append(n).Append('\n'); }
        var dtd = new XmlDocument { XmlResolver = null }; dtd.LoadXml(WithDtd);
        log.Append(dtd.DocumentType.Name).Append(dtd.DocumentType.Entities.Count).Append(dtd.DocumentType.Notations.Count).Append(dtd.GetElementById("n1")?.InnerText).Append(dtd.OuterXml.Length).Append('\n');
    }

    static void Paths(StringBuilder log)
    {
        var document = new XPathDocument(new StringReader(Catalog));
        XPathNavigator navigator = document.CreateNavigator();
        var names = new XmlNamespaceManager(navigator.NameTable);
        names.AddNamespace("c", "urn:c"); names.AddNamespace("p", "urn:p");
        foreach (string path in new[] { "count(//c:item)", "sum(//@price)", "string(//c:item[2]/c:name)", "//c:item/@id = '3'", "1 + 2 * 3 - 4 div 5 mod 3", "concat('a', 'b', string-length('xyz'))", "substring('hello', 2, 3)", "starts-with('abc','ab') and not(contains('abc','z'))", "floor(2.7) + ceiling(2.1) + round(2.5)", "boolean(//c:none)", "number('12.5') > 12", "local-name(//*[last()])", "translate('abc','ac','xy')", "substring-before('a-b','-')", "substring-after('a-b','-')", "namespace-uri(//p:tag)", "normalize-space('  a   b ')", "-(3) | 1" })
        {
            try { log.Append(path).Append(" = ").Append(navigator.Evaluate(path, names)).Append('\n'); }
            catch (XPathException e) { log.Append(e.Message).Append('\n'); }
        }
        foreach (string path in new[] { "//c:item[@price > 8]/c:name", "//*[@level]/preceding::c:name", "//c:name/following-sibling::*", "//c:deeper/ancestor-or-self::node()", "//c:item[1]/namespace::*", "//c:item[2]/following::*", "descendant::c:sub/..", "(//c:name)[2]", "//c:item[c:name][@id < 3][last()]", "//c:item[preceding-sibling::c:item/@id = 1]" })
        {
            log.Append(path).Append(" -> ");
            foreach (XPathNavigator found in navigator.Select(path, names)) log.Append(found.Name).Append('=').Append(found.Value.Trim()).Append(',');
            log.Append('\n');
        }
        XPathExpression sorted = navigator.Compile("//c:item"); sorted.SetContext(names); sorted.AddSort("@price", XmlSortOrder.Descending, XmlCaseOrder.None, "", XmlDataType.Number);
        foreach (XPathNavigator item in navigator.Select(sorted)) log.Append(item.GetAttribute("id", "")).Append(item.IsDescendant(navigator)).Append(item.Matches("*")).Append(' ');
        var editable = new XmlDocument(); editable.LoadXml("<r><a/><b>1</b></r>");
        XPathNavigator edit = editable.CreateNavigator(); edit.MoveToFirstChild(); edit.MoveToFirstChild();
        edit.InsertAfter("<c/>"); edit.AppendChildElement("", "d", "", "dd"); edit.CreateAttribute("", "e", "", "ee"); edit.MoveToNext(); edit.SetTypedValue(5); edit.MoveToParent(); edit.PrependChild("<first/>");
        log.Append(editable.OuterXml).Append('\n');
    }

    static void Transform(StringBuilder log)
    {
        var transform = new XslCompiledTransform();
        transform.Load(XmlReader.Create(new StringReader(Stylesheet)));
        var arguments = new XsltArgumentList(); arguments.AddParam("factor", "", 3.0);
        var output = new StringWriter();
        transform.Transform(new XPathDocument(new StringReader(Catalog)), arguments, output);
        log.Append(output.ToString().Replace("\r", "")).Append('\n');
        try { new XslCompiledTransform().Load(XmlReader.Create(new StringReader(Stylesheet.Replace("xsl:otherwise", "xsl:other")))); } catch (XsltException e) { log.Append(e.Message).Append('\n'); }
    }

    static void Validate(StringBuilder log)
    {
        var schemas = new XmlSchemaSet();
        XmlSchema schema = XmlSchema.Read(new StringReader(Schema), (s, e) => log.Append(e.Message));
        schemas.Add(schema); schemas.Compile();
        foreach (XmlSchemaElement element in schemas.GlobalElements.Values) log.Append(element.QualifiedName).Append(element.ElementSchemaType.TypeCode).Append(' ');
        foreach (XmlSchemaType type in schemas.GlobalTypes.Values) log.Append(type.Name).Append('/').Append(type.DerivedBy).Append('/').Append(type.Datatype?.Variety.ToString() ?? "complex").Append(' ');
        foreach (string order in Orders)
        {
            var settings = new XmlReaderSettings { ValidationType = ValidationType.Schema, Schemas = schemas, ValidationFlags = XmlSchemaValidationFlags.ProcessIdentityConstraints | XmlSchemaValidationFlags.ReportValidationWarnings };
            settings.ValidationEventHandler += (s, e) => log.Append("  ").Append(e.Exception.LinePosition).Append(' ').Append(e.Message).Append('\n');
            using (XmlReader reader = XmlReader.Create(new StringReader(order), settings))
                while (reader.Read()) if (reader.NodeType == XmlNodeType.Element) log.Append(reader.Name).Append(':').Append(reader.SchemaInfo.Validity).Append(reader.SchemaInfo.SchemaType?.Name).Append(' ');
            log.Append('\n');
            var document = new XmlDocument { Schemas = schemas }; document.LoadXml(order);
            int errors = 0; document.Validate((s, e) => errors++); log.Append(errors).Append(" errors\n");
        }
        var written = new StringWriter(); schema.Write(written); log.Append(written.ToString().Length).Append('\n');
        var inference = new XmlSchemaInference(); foreach (XmlSchema inferred in inference.InferSchema(XmlReader.Create(new StringReader(Catalog))).Schemas()) log.Append(inferred.TargetNamespace).Append(inferred.Items.Count).Append(' ');
    }

    static void Serialize(StringBuilder log)
    {
        var book = new Book { Isbn = "12-3", Title = "T <1>", Price = 12.50m, Binding = Binding.Paperback, Published = new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc), Tags = new[] { "x", "y" }, Rating = 4.5, Hidden = 3, Cover = new byte[] { 1, 2, 3 } };
        book.Authors.Add(new Author { Born = 1900, Name = "A" }); book.Authors.Add(new Author { Born = 1950, Name = "B & C" });
        var serializer = new XmlSerializer(typeof(Book));
        var output = new StringWriter(); serializer.Serialize(output, book);
        string text = output.ToString().Replace("\r", "");
        log.Append(text).Append('\n');
        var back = (Book)serializer.Deserialize(new StringReader(text));
        log.Append(back.Isbn).Append(back.Title).Append(back.Price).Append(back.Binding).Append(back.Published.Ticks).Append(back.Authors.Count).Append(back.Authors[1].Name).Append(back.Tags.Length).Append(back.Rating).Append(back.Cover[2]).Append(back.Hidden).Append('\n');
        try { serializer.Deserialize(new StringReader("<wrong/>")); } catch (InvalidOperationException e) { log.Append(e.InnerException.Message).Append('\n'); }
    }

    static void Convert(StringBuilder log)
    {
        log.Append(XmlConvert.ToString(1.0 / 3)).Append(XmlConvert.ToString(float.NaN)).Append(XmlConvert.ToString(double.NegativeInfinity)).Append(XmlConvert.ToString(true)).Append(XmlConvert.ToString(new TimeSpan(1, 2, 3, 4, 5))).Append(XmlConvert.ToTimeSpan("P1DT2H3.5S").Ticks).Append(XmlConvert.EncodeName("a b:c<")).Append(XmlConvert.DecodeName("a_x0020_b")).Append(XmlConvert.ToDateTimeOffset("2020-01-02T03:04:05+02:00").Ticks).Append(XmlConvert.ToDouble(" 1e3 ")).Append(XmlConvert.ToGuid("00000000-0000-0000-0000-000000000001")).Append(XmlConvert.ToUInt64("18446744073709551615")).Append(XmlConvert.VerifyNCName("ok"));
        foreach (string bad in new[] { "x", "", "1.", "300" }) try { log.Append(XmlConvert.ToByte(bad)); } catch (FormatException e) { log.Append(e.Message); } catch (OverflowException e) { log.Append(e.Message); }
        log.Append('\n');
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Read(log); Write(log); Document(log); Paths(log); Transform(log); Validate(log); Serialize(log); Convert(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
