// System.Reflection.Metadata: reading the framework's own assemblies, writing one, decoding its signatures.
using System;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;

sealed class Names : ISignatureTypeProvider<string, object>, ICustomAttributeTypeProvider<string>
{
    public string GetArrayType(string element, ArrayShape shape) { return element + "[" + shape.Rank + "," + shape.Sizes.Length + "," + shape.LowerBounds.Length + "]"; }
    public string GetByReferenceType(string element) { return element + "&"; }
    public string GetFunctionPointerType(MethodSignature<string> signature) { return "fn " + signature.ReturnType; }
    public string GetGenericInstantiation(string type, ImmutableArray<string> arguments) { return type + "<" + string.Join(",", arguments) + ">"; }
    public string GetGenericMethodParameter(object context, int index) { return "!!" + index; }
    public string GetGenericTypeParameter(object context, int index) { return "!" + index; }
    public string GetModifiedType(string modifier, string type, bool required) { return type + " mod " + modifier; }
    public string GetPinnedType(string element) { return element + " pinned"; }
    public string GetPointerType(string element) { return element + "*"; }
    public string GetPrimitiveType(PrimitiveTypeCode code) { return code.ToString(); }
    public string GetSZArrayType(string element) { return element + "[]"; }
    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte kind) { TypeDefinition type = reader.GetTypeDefinition(handle); return reader.GetString(type.Name); }
    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte kind) { return reader.GetString(reader.GetTypeReference(handle).Name); }
    public string GetTypeFromSpecification(MetadataReader reader, object context, TypeSpecificationHandle handle, byte kind) { return reader.GetTypeSpecification(handle).DecodeSignature(this, context); }
    public string GetSystemType() { return "System.Type"; }
    public string GetTypeFromSerializedName(string name) { return name; }
    public PrimitiveTypeCode GetUnderlyingEnumType(string type) { return PrimitiveTypeCode.Int32; }
    public bool IsSystemType(string type) { return type == "Type" || type == "System.Type"; }
}

static class MetadataProgram
{
    static void Read(StringBuilder log, Stream stream, int limit)
    {
        using (var pe = new PEReader(stream))
        {
            PEHeaders headers = pe.PEHeaders;
            log.Append(headers.CoffHeader.Machine).Append(headers.CoffHeader.NumberOfSections).Append(headers.CorHeader.MajorRuntimeVersion).Append(headers.IsDll).Append(headers.IsConsoleApplication).Append(headers.PEHeader.Subsystem).Append(headers.PEHeader.Magic).Append(headers.MetadataStartOffset > 0).Append(pe.ReadDebugDirectory().Length).Append('\n');
            MetadataReader reader = pe.GetMetadataReader();
            log.Append(reader.MetadataVersion).Append(reader.MetadataKind).Append(reader.GetString(reader.GetModuleDefinition().Name));
            AssemblyDefinition assembly = reader.GetAssemblyDefinition(); log.Append(assembly.GetAssemblyName()).Append(assembly.HashAlgorithm).Append('\n');
            foreach (AssemblyReferenceHandle h in reader.AssemblyReferences) { AssemblyReference r = reader.GetAssemblyReference(h); log.Append(r.GetAssemblyName().Name).Append(r.Version).Append(r.Flags).Append(reader.GetBlobBytes(r.PublicKeyOrToken).Length).Append(' '); }
            foreach (TableIndex table in Enum.GetValues(typeof(TableIndex))) log.Append(reader.GetTableRowCount(table)).Append(',').Append(reader.GetTableRowSize(table)).Append(' ');
            foreach (HeapIndex heap in Enum.GetValues(typeof(HeapIndex))) log.Append(reader.GetHeapSize(heap) > 0);
            log.Append('\n');
            var names = new Names();
            foreach (TypeDefinitionHandle handle in reader.TypeDefinitions.Take(limit))
            {
                TypeDefinition type = reader.GetTypeDefinition(handle);
                log.Append(reader.GetString(type.Namespace)).Append('.').Append(reader.GetString(type.Name)).Append(' ').Append(type.Attributes).Append(type.IsNested).Append(type.GetLayout().Size).Append(type.GetNestedTypes().Length).Append(type.GetDeclaringType().IsNil).Append(MetadataTokens.GetToken(handle).ToString("x"));
                if (!type.BaseType.IsNil) log.Append(" : ").Append(type.BaseType.Kind);
                foreach (InterfaceImplementationHandle i in type.GetInterfaceImplementations()) log.Append(' ').Append(reader.GetInterfaceImplementation(i).Interface.Kind);
                foreach (GenericParameterHandle g in type.GetGenericParameters()) { GenericParameter p = reader.GetGenericParameter(g); log.Append('<').Append(reader.GetString(p.Name)).Append(p.Index).Append(p.Attributes).Append(p.GetConstraints().Count).Append('>'); }
                foreach (FieldDefinitionHandle f in type.GetFields()) { FieldDefinition field = reader.GetFieldDefinition(f); log.Append("\n f ").Append(reader.GetString(field.Name)).Append(':').Append(field.DecodeSignature(names, null)).Append(field.Attributes).Append(field.GetOffset()).Append(field.GetRelativeVirtualAddress() != 0); ConstantHandle c = field.GetDefaultValue(); if (!c.IsNil) { Constant constant = reader.GetConstant(c); BlobReader blob = reader.GetBlobReader(constant.Value); log.Append('=').Append(blob.ReadConstant(constant.TypeCode)); } }
                foreach (MethodDefinitionHandle m in type.GetMethods())
                {
                    MethodDefinition method = reader.GetMethodDefinition(m); MethodSignature<string> signature = method.DecodeSignature(names, null);
                    log.Append("\n m ").Append(signature.ReturnType).Append(' ').Append(reader.GetString(method.Name)).Append('(').Append(string.Join(",", signature.ParameterTypes)).Append(')').Append(signature.Header).Append(signature.GenericParameterCount).Append(method.Attributes).Append(method.ImplAttributes);
                    foreach (ParameterHandle p in method.GetParameters()) { Parameter parameter = reader.GetParameter(p); log.Append(reader.GetString(parameter.Name)).Append(parameter.SequenceNumber); }
                    if (!method.GetImport().Name.IsNil) log.Append(reader.GetString(method.GetImport().Name)).Append(method.GetImport().Attributes);
                    if (method.RelativeVirtualAddress == 0) continue;
                    MethodBodyBlock body = pe.GetMethodBody(method.RelativeVirtualAddress); log.Append(body.MaxStack).Append(body.Size).Append(body.LocalVariablesInitialized);
                    if (!body.LocalSignature.IsNil) log.Append('{').Append(string.Join(",", reader.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(names, null))).Append('}');
                    foreach (ExceptionRegion region in body.ExceptionRegions) log.Append(region.Kind).Append(region.TryOffset).Append('-').Append(region.HandlerOffset).Append('+').Append(region.HandlerLength).Append(region.CatchType.IsNil);
                    BlobReader il = body.GetILReader(); int sum = 0; while (il.RemainingBytes > 0) sum = sum * 31 + il.ReadByte(); log.Append(sum);
                }
                foreach (PropertyDefinitionHandle p in type.GetProperties()) { PropertyDefinition property = reader.GetPropertyDefinition(p); log.Append("\n p ").Append(reader.GetString(property.Name)).Append(property.DecodeSignature(names, null).ReturnType).Append(property.GetAccessors().Getter.IsNil); }
                foreach (EventDefinitionHandle e in type.GetEvents()) log.Append("\n e ").Append(reader.GetString(reader.GetEventDefinition(e).Name));
                foreach (CustomAttributeHandle a in type.GetCustomAttributes())
                {
                    CustomAttribute attribute = reader.GetCustomAttribute(a);
                    try { CustomAttributeValue<string> value = attribute.DecodeValue(names); log.Append("\n a ").Append(string.Join(",", value.FixedArguments.Select(x => x.Type + "=" + x.Value))).Append(string.Join(",", value.NamedArguments.Select(x => x.Name + x.Kind + x.Value))); } catch (BadImageFormatException e) { log.Append(e.Message); }
                }
                log.Append('\n');
            }
            foreach (MemberReferenceHandle h in reader.MemberReferences.Take(limit * 2)) { MemberReference member = reader.GetMemberReference(h); log.Append(reader.GetString(member.Name)).Append(member.Parent.Kind).Append(member.GetKind() == MemberReferenceKind.Method ? member.DecodeMethodSignature(names, null).ReturnType : member.DecodeFieldSignature(names, null)).Append(' '); }
            foreach (ExportedTypeHandle h in reader.ExportedTypes.Take(limit)) log.Append(reader.GetString(reader.GetExportedType(h).Name)).Append(reader.GetExportedType(h).IsForwarder);
            UserStringHandle us = MetadataTokens.UserStringHandle(1); for (int i = 0; i < limit && !us.IsNil; i++) { log.Append(reader.GetUserString(us)).Append('|'); us = reader.GetNextHandle(us); }
            foreach (ManifestResourceHandle h in reader.ManifestResources) log.Append(reader.GetString(reader.GetManifestResource(h).Name));
            MetadataStringComparer comparer = reader.StringComparer; log.Append(reader.TypeDefinitions.Count(h => comparer.StartsWith(reader.GetTypeDefinition(h).Name, "S", true))).Append(reader.TypeDefinitions.Count(h => comparer.Equals(reader.GetTypeDefinition(h).Namespace, "System"))).Append('\n');
        }
    }

    static byte[] Write()
    {
        var metadata = new MetadataBuilder(); var code = new BlobBuilder(); var bodies = new MethodBodyStreamEncoder(code);
        metadata.AddModule(0, metadata.GetOrAddString("made.dll"), metadata.GetOrAddGuid(new Guid(1, 2, 3, new byte[8])), default, default);
        metadata.AddAssembly(metadata.GetOrAddString("made"), new Version(1, 2, 3, 4), default, metadata.GetOrAddBlob(new byte[] { 1, 2 }), 0, AssemblyHashAlgorithm.Sha1);
        AssemblyReferenceHandle core = metadata.AddAssemblyReference(metadata.GetOrAddString("System.Runtime"), new Version(4, 0, 0, 0), default, default, default, default);
        TypeReferenceHandle objectType = metadata.AddTypeReference(core, metadata.GetOrAddString("System"), metadata.GetOrAddString("Object")), exception = metadata.AddTypeReference(core, metadata.GetOrAddString("System"), metadata.GetOrAddString("Exception"));
        var ctorSignature = new BlobBuilder(); new BlobEncoder(ctorSignature).MethodSignature(isInstanceMethod: true).Parameters(0, r => r.Void(), p => { });
        MemberReferenceHandle ctor = metadata.AddMemberReference(objectType, metadata.GetOrAddString(".ctor"), metadata.GetOrAddBlob(ctorSignature));
        var signature = new BlobBuilder(); new BlobEncoder(signature).MethodSignature(SignatureCallingConvention.Default, 1).Parameters(3, r => r.Type().Array(e => e.Int32(), s => s.Shape(2, ImmutableArray.Create(3), ImmutableArray.Create(0, 1))), p => { p.AddParameter().Type(true).GenericMethodTypeParameter(0); p.AddParameter().Type().SZArray().Pointer().Double(); GenericTypeArgumentsEncoder g = p.AddParameter().Type().GenericInstantiation(objectType, 2, false); g.AddArgument().String(); g.AddArgument().Boolean(); });
        var locals = new BlobBuilder(); LocalVariablesEncoder encoder = new BlobEncoder(locals).LocalVariableSignature(2); encoder.AddVariable().Type(false, true).Int64(); encoder.AddVariable().Type().Type(exception, false);
        var flow = new ControlFlowBuilder(); var il = new InstructionEncoder(new BlobBuilder(), flow);
        LabelHandle start = il.DefineLabel(), tryEnd = il.DefineLabel(), handler = il.DefineLabel(), end = il.DefineLabel();
        il.MarkLabel(start); il.LoadConstantI4(5); il.LoadConstantI4(500); il.LoadConstantI8(1L << 40); il.LoadConstantR8(1.5); il.LoadString(metadata.GetOrAddUserString("literal \u20ac")); il.OpCode(ILOpCode.Pop); il.LoadArgument(300); il.LoadLocal(1); il.StoreLocal(0); il.LoadLocalAddress(2); il.Branch(ILOpCode.Leave, end); il.MarkLabel(tryEnd); il.MarkLabel(handler); il.StoreLocal(1); il.Branch(ILOpCode.Leave_s, end); il.MarkLabel(end); il.Call(ctor); il.OpCode(ILOpCode.Ret);
        flow.AddCatchRegion(start, tryEnd, handler, end, exception); flow.AddFinallyRegion(start, tryEnd, handler, end);
        int offset = bodies.AddMethodBody(il, 9, metadata.AddStandaloneSignature(metadata.GetOrAddBlob(locals)), MethodBodyAttributes.InitLocals);
        MethodDefinitionHandle method = metadata.AddMethodDefinition(MethodAttributes.Public | MethodAttributes.Static, MethodImplAttributes.IL, metadata.GetOrAddString("Work"), metadata.GetOrAddBlob(signature), offset, metadata.AddParameter(ParameterAttributes.In, metadata.GetOrAddString("first"), 1));
        metadata.AddGenericParameter(method, GenericParameterAttributes.ReferenceTypeConstraint, metadata.GetOrAddString("T"), 0);
        var fieldSignature = new BlobBuilder(); new BlobEncoder(fieldSignature).FieldSignature().Int32(); FieldDefinitionHandle field = metadata.AddFieldDefinition(FieldAttributes.Public | FieldAttributes.Literal | FieldAttributes.Static, metadata.GetOrAddString("Constant"), metadata.GetOrAddBlob(fieldSignature)); metadata.AddConstant(field, 12345);
        metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, field, method); TypeDefinitionHandle type = metadata.AddTypeDefinition(TypeAttributes.Public | TypeAttributes.SequentialLayout, metadata.GetOrAddString("Made"), metadata.GetOrAddString("Type"), objectType, field, method); metadata.AddTypeLayout(type, 4, 16);
        var attribute = new BlobBuilder(); new BlobEncoder(attribute).CustomAttributeSignature(f => { f.AddArgument().Scalar().Constant("text"); f.AddArgument().Vector().Count(2).AddLiteral().Scalar().Constant(7); }, n => n.Count(1).AddArgument(true, t => t.ScalarType().Boolean(), new NameEncoderAction().Act, l => l.Scalar().Constant(true)));
        metadata.AddCustomAttribute(type, ctor, metadata.GetOrAddBlob(attribute));
        var image = new BlobBuilder(); var builder = new ManagedPEBuilder(new PEHeaderBuilder(imageCharacteristics: Characteristics.Dll | Characteristics.ExecutableImage), new MetadataRootBuilder(metadata), code, flags: CorFlags.ILOnly, deterministicIdProvider: content => new BlobContentId(new Guid(9, 8, 7, new byte[8]), 0x12345678));
        BlobContentId id = builder.Serialize(image); return image.ToArray().Concat(BitConverter.GetBytes(id.Stamp)).ToArray();
    }

    sealed class NameEncoderAction { public void Act(NameEncoder name) { name.Name("Flag"); } }

    static void Blobs(StringBuilder log)
    {
        var builder = new BlobBuilder(16);
        for (int i = 0; i < 20; i++) { builder.WriteByte((byte)i); builder.WriteInt32(i * 1000); builder.WriteUInt64((ulong)i << 40); builder.WriteCompressedInteger(i * i * 300); builder.WriteCompressedSignedInteger(-i * 1000); builder.WriteUTF8("\u00e9" + i); builder.WriteUTF16("w"); builder.WriteSerializedString(i % 3 == 0 ? null : "ser"); builder.WriteDouble(i / 3.0); builder.WriteDecimal(i * 1.25m); builder.WriteGuid(new Guid(i, 0, 0, new byte[8])); builder.WriteBoolean(true); builder.WriteDateTime(new DateTime(i)); builder.PadTo(builder.Count + 3); builder.Align(8); builder.WriteConstant("const"); builder.WriteReference(i, true); builder.WriteInt16BE(5); }
        var prefix = new BlobBuilder(); prefix.WriteUserString("user"); builder.LinkPrefix(prefix); builder.LinkSuffix(new BlobBuilder()); Blob reserved = builder.ReserveBytes(4); new BlobWriter(reserved).WriteInt32(99);
        byte[] data = builder.ToArray(); log.Append(data.Length).Append(' ').Append(data.Aggregate(17, (h, b) => h * 31 + b)).Append(builder.ContentEquals(builder)).Append(builder.GetBlobs().Count() > 1).Append(string.Join(",", builder.ToImmutableArray(5, 6))).Append('\n');
        unsafe { fixed (byte* p = data) { var reader = new BlobReader(p, data.Length); reader.Offset = 12; log.Append(reader.IndexOf(7)).Append(reader.ReadUInt16()).Append(reader.ReadInt64()).Append(reader.ReadSingle()).Append(reader.ReadCompressedInteger()).Append(reader.TryReadCompressedSignedInteger(out int signed)).Append(signed).Append(reader.ReadUTF8(3)).Append(reader.RemainingBytes).Append('\n'); try { reader.Offset = data.Length; reader.ReadInt32(); } catch (BadImageFormatException e) { log.Append(e.Message).Append('\n'); } } }
    }

    public static string Body()
    {
        var log = new StringBuilder();
        string folder = Path.GetDirectoryName(typeof(object).Assembly.Location);
        byte[] made = Write();
        log.Append(made.Length).Append(' ').Append(made.Aggregate(17, (h, b) => h * 31 + b)).Append('\n');
        Read(log, new MemoryStream(made, 0, made.Length - 4), 10);
        // These two are the same files on every runtime of the test.
        foreach (string name in new[] { "System.Console", "System.Threading.Channels" }) Read(log, File.OpenRead(Path.Combine(folder, name + ".dll")), 12);
        Blobs(log);
        foreach (int cut in new[] { 10, 100, 300, made.Length / 2 }) try { Read(log, new MemoryStream(made, 0, cut), 2); } catch (BadImageFormatException e) { log.Append(e.Message).Append('\n'); } catch (InvalidOperationException e) { log.Append(e.Message).Append('\n'); }
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
