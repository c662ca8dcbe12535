// The entry assembly of .NET 10's test host (tests/support/provision.py): behaves like the program "dotnet" of an
// installed runtime. "exec [--switch value] app.dll arguments": loads app.dll and the assemblies beside it, and calls Main.
//
// Uses only what the trimmed framework of the host still has.
using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;

public static class BundleLauncher
{
    const BindingFlags Own = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    public static int Main(string[] args)
    {
        int next = 0;
        if (args.Length > next && args[next] == "exec") next++;
        while (args.Length > next + 1 && args[next].StartsWith("--")) next += 2;
        string path = Path.GetFullPath(args[next]);
        var rest = new string[args.Length - next - 1];
        Array.Copy(args, next + 1, rest, 0, rest.Length);

        AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", Path.GetDirectoryName(path) + "/");  // AppContext.BaseDirectory
        Assembly program = AssemblyLoadContext.Default.LoadFromAssemblyPath(path);
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(path), "*.dll"))
            if (file != path) Load(file);
        MethodInfo main = FindMain(program);
        bool takesArguments = main.GetParameters().Length != 0;
        if (main.ReturnType == typeof(int))
            return takesArguments
                ? ((Func<string[], int>)main.CreateDelegate(typeof(Func<string[], int>)))(rest)
                : ((Func<int>)main.CreateDelegate(typeof(Func<int>)))();
        if (takesArguments) ((Action<string[]>)main.CreateDelegate(typeof(Action<string[]>)))(rest);
        else ((Action)main.CreateDelegate(typeof(Action)))();
        return 0;
    }

    // Assemblies that the framework also has, and files that are none, are left alone.
    static void Load(string file)
    {
        try { AssemblyLoadContext.Default.LoadFromAssemblyPath(file); }
        catch (Exception) { }
    }

    // Assembly.EntryPoint was trimmed away.
    static MethodInfo FindMain(Assembly program)
    {
        foreach (Type type in program.GetTypes())
            foreach (MethodInfo method in type.GetMethods(Own))
                if (method.Name == "Main" || method.Name == "<Main>$")
                    return method;
        throw new MissingMethodException("no Main in " + program.FullName);
    }
}
