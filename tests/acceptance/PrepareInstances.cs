// A startup hook that prepares instances of generic methods that an image has code for, then ends the process
// (tests/acceptance/instances.py). The list, named by NATIVEGEN_INSTANCES, has the path of an image, then a line per
// instance: MethodDef token and type arguments in prefix notation; and so on. The answers go to the same name with
// ".out": the line of what was prepared, "!line: why" of what was not. Code that reference types share ("canon") serves
// every reference type, so any that fits the constraints will do.
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;

internal static class StartupHook
{
    public static void Initialize()
    {
        string list = Environment.GetEnvironmentVariable("NATIVEGEN_INSTANCES");
        using (var writer = new StreamWriter(list + ".out"))
        {
            Module module = null;
            foreach (string line in File.ReadAllLines(list))
            {
                if (!char.IsDigit(line[0])) { module = Assembly.LoadFrom(line).ManifestModule; continue; }
                try { Prepare(module, line.Split(' ')); writer.WriteLine(line); }
                catch (Exception error) { writer.WriteLine("!" + line + ": " + error.GetType() + ": " + error.Message.Split('\n')[0]); }
            }
        }
        Environment.Exit(0);
    }

    static void Prepare(Module module, string[] words)
    {
        MethodBase method = module.ResolveMethod(int.Parse(words[0]));
        var parameters = new List<Type>();
        if (method.DeclaringType.IsGenericType) parameters.AddRange(method.DeclaringType.GetGenericArguments());
        if (method.IsGenericMethod) parameters.AddRange(method.GetGenericArguments());
        var arguments = new List<RuntimeTypeHandle>();
        int at = 1;
        foreach (Type parameter in parameters)
        {
            Type argument = Read(module, words, ref at);
            if (words[at - 1] == "canon" && argument == typeof(object)) argument = Argument(parameter);
            arguments.Add(argument.TypeHandle);
        }
        RuntimeHelpers.PrepareMethod(method.MethodHandle, arguments.ToArray());
    }

    static Type Read(Module module, string[] words, ref int at)
    {
        string word = words[at++];
        if (word == "canon") return typeof(object);
        if (word == "token") return module.ResolveType(int.Parse(words[at++]));
        if (word == "array") return Read(module, words, ref at).MakeArrayType();
        if (word != "instance") return Type.GetType(word, true);
        Type definition = module.ResolveType(int.Parse(words[at++]));
        var arguments = new Type[int.Parse(words[at++])];
        for (int index = 0; index < arguments.Length; index++) arguments[index] = Read(module, words, ref at);
        return definition.MakeGenericType(arguments);
    }

    static Type Argument(Type parameter)
    {
        Type[] constraints = parameter.GetGenericParameterConstraints();
        bool constructed = (parameter.GenericParameterAttributes & GenericParameterAttributes.DefaultConstructorConstraint) != 0;
        foreach (Type constraint in constraints)
            if (constraint.ContainsGenericParameters) throw new NotSupportedException("a constraint that mentions type parameters");
        if (Fits(typeof(object), constraints, constructed)) return typeof(object);
        foreach (Type constraint in constraints)
            if (Fits(constraint, constraints, constructed)) return constraint;
        foreach (Assembly assembly in new[] { parameter.Assembly, constraints[0].Assembly })
            foreach (Type type in assembly.GetTypes())
                if (!type.IsValueType && !type.ContainsGenericParameters && Fits(type, constraints, constructed)) return type;
        throw new NotSupportedException("no type fits the constraints");
    }

    static bool Fits(Type type, Type[] constraints, bool constructed)
    {
        foreach (Type constraint in constraints)
            if (!constraint.IsAssignableFrom(type)) return false;
        return !constructed || !type.IsAbstract && type.GetConstructor(Type.EmptyTypes) != null;
    }
}
