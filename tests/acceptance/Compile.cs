// The classic case for native images: a compiler that starts, compiles little and ends (tests/acceptance/roslyn.py).
//
// Compile REPEAT OUT-FOLDER REFERENCE-FOLDER FILE...: compiles each file by itself, REPEAT times, to OUT-FOLDER/NAME.dll
// with portable debug information inside; every repetition must give the same bytes. Prints warnings and errors.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

public static class Compile
{
    public static int Main(string[] args)
    {
        var references = Directory.GetFiles(args[2], "*.dll").OrderBy(path => path, StringComparer.Ordinal)
            .Where(IsManaged).Select(path => MetadataReference.CreateFromFile(path)).ToArray();
        int status = 0;
        foreach (string file in args.Skip(3))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            byte[] first = null;
            for (int i = 0; i < int.Parse(args[0]); i++)
            {
                byte[] image = CompileFile(file, name, references, i == 0);
                if (image == null) { status = 1; break; }
                if (first == null) first = image;
                else if (!image.AsSpan().SequenceEqual(first)) { Console.WriteLine(name + ": run " + i + " differs"); return 2; }
            }
            if (first != null) File.WriteAllBytes(Path.Combine(args[1], name + ".dll"), first);
        }
        return status;
    }

    static bool IsManaged(string path)
    {
        using var reader = new System.Reflection.PortableExecutable.PEReader(File.OpenRead(path));
        return reader.HasMetadata;
    }

    static byte[] CompileFile(string file, string name, MetadataReference[] references, bool report)
    {
        var parsing = new CSharpParseOptions(LanguageVersion.Preview);
        var text = SourceText.From(File.ReadAllText(file), Encoding.UTF8);
        var tree = CSharpSyntaxTree.ParseText(text, parsing, Path.GetFileName(file));
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
            .WithOptimizationLevel(OptimizationLevel.Release).WithAllowUnsafe(true).WithDeterministic(true);
        var stream = new MemoryStream();
        var result = CSharpCompilation.Create(name, new[] { tree }, references, options)
            .Emit(stream, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.Embedded));
        if (report)
        {
            // Methods are compiled concurrently and report in any order.
            var found = result.Diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning).Select(d => d.ToString());
            foreach (string line in found.OrderBy(line => line, StringComparer.Ordinal)) Console.WriteLine(line);
        }
        return result.Success ? stream.ToArray() : null;
    }
}
