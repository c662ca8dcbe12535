// A startup hook that prepares one instantiation of each generic method that an image has code for, then ends the process
// (tests/acceptance/instances.py). The list, named by NATIVEGEN_INSTANCES, has the path of an image, then a line per
// MethodDef token, and so on. The answers go to the same name with ".out": "token" for what was prepared, "!token why"
// for what was not. Code that reference types share serves every reference type, so any that fits the constraints will do.
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
                int token;
                try
                {
                    if (int.TryParse(line, out token)) { Prepare(module.ResolveMethod(token)); writer.WriteLine(line); }
                    else module = Assembly.LoadFrom(line).ManifestModule;
                }
                catch (Exception error) { writer.WriteLine("!" + line + " " + error.GetType() + ": " + error.Message.Split('\n')[0]); }
            }
        }
        Environment.Exit(0);
    }

    static void Prepare(MethodBase method)
    {
        var arguments = new List<RuntimeTypeHandle>();
        if (method.DeclaringType.IsGenericType)
            foreach (Type parameter in method.DeclaringType.GetGenericArguments()) arguments.Add(Argument(parameter).TypeHandle);
        if (method.IsGenericMethod)
            foreach (Type parameter in method.GetGenericArguments()) arguments.Add(Argument(parameter).TypeHandle);
        if (arguments.Count == 0) RuntimeHelpers.PrepareMethod(method.MethodHandle);
        else RuntimeHelpers.PrepareMethod(method.MethodHandle, arguments.ToArray());
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
