// Compiles C# with Roslyn, one request per line, until standard input ends.
//
// Roslyn is used through reflection only, so that mcs (C# 7, which cannot read Roslyn's own references) can build this
// program. A request is csc's command line, the arguments joined by U+001F, the first one being the working folder.
// The reply is "ok N" or "failed N" followed by N lines of diagnostics. References stay open between requests: the
// second compilation against the same framework takes some 50 ms.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Text;

public static class CompilerServer
{
    const BindingFlags Call = BindingFlags.InvokeMethod | BindingFlags.OptionalParamBinding | BindingFlags.Public
        | BindingFlags.Static | BindingFlags.Instance;

    static string roslyn;
    static Assembly common, csharp;
    static readonly Dictionary<string, object> references = new Dictionary<string, object>();

    public static int Main(string[] args)
    {
        roslyn = args[0];
        AppDomain.CurrentDomain.AssemblyResolve += (sender, e) =>
        {
            string path = Path.Combine(roslyn, new AssemblyName(e.Name).Name + ".dll");
            return File.Exists(path) ? Assembly.LoadFrom(path) : null;
        };
        common = Assembly.LoadFrom(Path.Combine(roslyn, "Microsoft.CodeAnalysis.dll"));
        csharp = Assembly.LoadFrom(Path.Combine(roslyn, "Microsoft.CodeAnalysis.CSharp.dll"));
        var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        string line;
        while ((line = input.ReadLine()) != null)
        {
            var messages = new List<string>();
            bool ok;
            try { ok = Compile(line.Split('\x1f'), messages); }
            catch (Exception e) { ok = false; messages.Add("compiler server: " + e); }
            var lines = string.Join("\n", messages).Split(new[] { '\n' }, StringSplitOptions.RemoveEmptyEntries);
            output.Write((ok ? "ok " : "failed ") + lines.Length + "\n");
            foreach (string text in lines) output.Write(text.TrimEnd('\r') + "\n");
            output.Flush();
        }
        return 0;
    }

    static bool Compile(string[] request, List<string> messages)
    {
        string folder = request[0];
        var arguments = new string[request.Length - 1];
        Array.Copy(request, 1, arguments, 0, arguments.Length);
        object parser = csharp.GetType("Microsoft.CodeAnalysis.CSharp.CSharpCommandLineParser").GetProperty("Default").GetValue(null);
        object parsed = Invoke(parser, "Parse", arguments, folder, folder);
        if (Report((IEnumerable)Get(parsed, "Errors"), messages)) return false;

        Type treeType = common.GetType("Microsoft.CodeAnalysis.SyntaxTree");
        var trees = new List<object>();
        foreach (object file in (IEnumerable)Get(parsed, "SourceFiles"))
        {
            string path = (string)Get(file, "Path");
            trees.Add(InvokeStatic(csharp, "CSharpSyntaxTree", "ParseText", File.ReadAllText(path), Get(parsed, "ParseOptions"), Path.GetFileName(path), Encoding.UTF8));
        }
        Type referenceType = common.GetType("Microsoft.CodeAnalysis.MetadataReference");
        var needed = new List<object>();
        foreach (object reference in (IEnumerable)Get(parsed, "MetadataReferences"))
            needed.Add(Reference(referenceType, (string)Get(reference, "Reference")));

        object compilation = InvokeStatic(csharp, "CSharpCompilation", "Create", (string)Get(parsed, "CompilationName"),
            ArrayOf(treeType, trees), ArrayOf(referenceType, needed), Get(parsed, "CompilationOptions"));
        string target = Path.Combine((string)Get(parsed, "OutputDirectory"), (string)Get(parsed, "OutputFileName"));
        var stream = new MemoryStream();
        // With -debug:embedded the image carries its PDB; other forms of PDB are not written.
        object result = (bool)Get(parsed, "EmitPdb")
            ? Emit(compilation, stream, Get(parsed, "EmitOptions"))
            : Invoke(compilation, "Emit", stream);
        Report((IEnumerable)Get(result, "Diagnostics"), messages);
        if (!(bool)Get(result, "Success")) return false;
        File.WriteAllBytes(target, stream.ToArray());
        return true;
    }

    static object Emit(object compilation, Stream stream, object options)
    {
        foreach (MethodInfo method in common.GetType("Microsoft.CodeAnalysis.Compilation").GetMethods())
        {
            ParameterInfo[] parameters = method.GetParameters();
            if (method.Name != "Emit" || !Array.Exists(parameters, p => p.Name == "options")) continue;
            object[] arguments = Array.ConvertAll(parameters, p =>
                p.Name == "peStream" ? stream
                : p.Name == "options" ? options
                : p.ParameterType.IsValueType ? Activator.CreateInstance(p.ParameterType) : null);
            return method.Invoke(compilation, arguments);
        }
        throw new MissingMethodException("Compilation.Emit with options");
    }

    static object Reference(Type referenceType, string path)
    {
        string key = path + "|" + File.GetLastWriteTimeUtc(path).Ticks;
        object reference;
        if (!references.TryGetValue(key, out reference))
            references[key] = reference = referenceType.InvokeMember("CreateFromFile", Call, null, null, new object[] { path });
        return reference;
    }

    // Adds warnings and errors to messages; true when one is an error.
    static bool Report(IEnumerable diagnostics, List<string> messages)
    {
        bool failed = false;
        foreach (object diagnostic in diagnostics)
        {
            int severity = (int)Get(diagnostic, "Severity");
            if (severity < 2) continue;
            failed |= severity == 3;
            messages.Add(diagnostic.ToString());
        }
        return failed;
    }

    static object Get(object target, string property)
    {
        for (Type type = target.GetType(); ; type = type.BaseType)
        {
            PropertyInfo found = type.GetProperty(property, BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);
            if (found != null) return found.GetValue(target);
        }
    }

    static object Invoke(object target, string method, params object[] arguments)
    {
        return target.GetType().InvokeMember(method, Call, null, target, arguments);
    }

    static object InvokeStatic(Assembly assembly, string type, string method, params object[] arguments)
    {
        return assembly.GetType("Microsoft.CodeAnalysis.CSharp." + type).InvokeMember(method, Call, null, null, arguments);
    }

    static Array ArrayOf(Type type, List<object> items)
    {
        var array = Array.CreateInstance(type, items.Count);
        for (int i = 0; i < items.Count; i++) array.SetValue(items[i], i);
        return array;
    }
}
