// A startup hook that uses the public types of libraries as far as that needs no outside world, writes down what happens,
// and ends the process (tests/acceptance/exercise.py). Objects are made by each constructor from made-up arguments; their
// properties are read, set and read again; values are compared and printed; models are written as JSON, read and written
// again; what throws is written down with its message. Types that talk to machines, files or threads are left out by name.
//
// NATIVEGEN_EXERCISE names a file with one assembly path per line; the record goes to the same name with ".out".
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;

internal static class StartupHook
{
    const BindingFlags Instance = BindingFlags.Public | BindingFlags.Instance;
    const BindingFlags Static = BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly;

    static readonly string[] Avoided =
    {
        "Client", "Credential", "Server", "Listener", "Process", "Host", "Timer", "Thread", "Pipeline", "Transport",
        "Connection", "Socket", "Native", "Interop", "Console", "Watcher", "Telemetry", "Exporter", "EventSource", "Broker",
        "Pool", "Channel", "Stream", "Lock", "Semaphore", "Task", "Certificate", "Cache", "DataSource", "Random", "Clock",
        "Cancellation", "Retry", "Activity", "Meter", "Registry", "EventLog", "Screen", "Color", "Font", "SystemEvents",
    };

    static StreamWriter record;
    static MethodInfo write, read;
    static object json;

    public static void Initialize()
    {
        string list = Environment.GetEnvironmentVariable("NATIVEGEN_EXERCISE");
        record = new StreamWriter(list + ".out") { AutoFlush = true };
        FindModelWriter();
        foreach (string path in File.ReadAllLines(list))
        {
            Type[] types;
            try { types = Assembly.LoadFrom(path).GetTypes(); }
            catch (ReflectionTypeLoadException error) { types = error.Types.Where(type => type != null).ToArray(); }
            record.WriteLine("= " + Path.GetFileName(path));
            foreach (Type type in types.Where(Suits).OrderBy(type => type.MetadataToken)) Exercise(type);
        }
        record.Flush();
        Environment.Exit(0);
    }

    static void FindModelWriter()
    {
        try
        {
            Assembly model = Assembly.Load("System.ClientModel");
            Type writer = model.GetType("System.ClientModel.Primitives.ModelReaderWriter");
            json = model.GetType("System.ClientModel.Primitives.ModelReaderWriterOptions").GetProperty("Json").GetValue(null);
            write = writer.GetMethods().First(m => m.Name == "Write" && !m.IsGenericMethod && m.GetParameters().Length == 2);
            read = writer.GetMethods().First(m => m.Name == "Read" && !m.IsGenericMethod && m.GetParameters().Length == 3);
        }
        catch (FileNotFoundException) { }
    }

    static bool Suits(Type type)
    {
        return type.IsVisible && !type.ContainsGenericParameters && !type.IsInterface && !typeof(Delegate).IsAssignableFrom(type)
            && !Avoided.Any(word => type.Name.Contains(word) && !type.Name.EndsWith("Options")) && !typeof(Attribute).IsAssignableFrom(type);
    }

    static void Exercise(Type type)
    {
        record.WriteLine("# " + type.FullName);
        foreach (PropertyInfo property in type.GetProperties(Static).Where(p => p.GetIndexParameters().Length == 0 && p.CanRead))
            Do(property.Name, () => property.GetValue(null));
        foreach (MethodInfo method in type.GetMethods(Static).Where(m => !m.ContainsGenericParameters && IsPure(m.Name)))
            Do(method.Name, () => method.Invoke(null, Arguments(method, 0)));
        if (type.IsAbstract) return;
        foreach (ConstructorInfo constructor in type.GetConstructors().OrderBy(c => c.MetadataToken))
        {
            Do(".ctor null", () => constructor.Invoke(constructor.GetParameters().Select(p => p.ParameterType.IsValueType ? Make(p.ParameterType, 3) : null).ToArray()));
            object made = Do(".ctor", () => constructor.Invoke(Arguments(constructor, 0)));
            if (made != null) Use(type, made, constructor);
        }
    }

    static bool IsPure(string name)
    {
        return name.StartsWith("op_") || name.StartsWith("Parse") || name.StartsWith("TryParse") || name.StartsWith("From") || name.StartsWith("Create");
    }

    static void Use(Type type, object made, ConstructorInfo constructor)
    {
        object other = Do(".ctor again", () => constructor.Invoke(Arguments(constructor, 0)));
        Do("ToString", () => made.ToString());
        Do("Equals", () => made.Equals(made) + " " + made.Equals(null) + " " + made.Equals("text"));
        Do("Equals other", () => made.Equals(other));
        Model(type, made);
        foreach (PropertyInfo property in type.GetProperties(Instance).Where(p => p.GetIndexParameters().Length == 0).OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            if (property.GetGetMethod() != null) Do("get " + property.Name, () => property.GetValue(made));
            if (property.GetSetMethod() == null) continue;
            Do("set " + property.Name, () => { property.SetValue(made, Make(property.PropertyType, 1)); return null; });
            if (property.GetGetMethod() != null) Do("get " + property.Name, () => property.GetValue(made));
        }
        Model(type, made);
    }

    static void Model(Type type, object made)
    {
        if (write == null || !type.GetInterfaces().Any(i => i.Name.StartsWith("IPersistableModel"))) return;
        object data = Do("write", () => write.Invoke(null, new[] { made, json }));
        if (data == null) return;
        object again = Do("read", () => read.Invoke(null, new[] { data, type, json }));
        if (again != null) Do("write again", () => write.Invoke(null, new[] { again, json }));
    }

    static object Do(string what, Func<object> action)
    {
        try
        {
            object result = action();
            record.WriteLine(what + ": " + Text(result, 0));
            return result;
        }
        catch (TargetInvocationException error) { record.WriteLine(what + " threw " + Text(error.InnerException)); }
        catch (Exception error) { record.WriteLine(what + " failed " + Text(error)); }
        return null;
    }

    static string Text(Exception error)
    {
        string inner = error.InnerException == null ? "" : " <- " + error.InnerException.GetType();
        return error.GetType() + ": " + error.Message.Split('\n')[0] + inner;
    }

    static string Text(object value, int depth)
    {
        if (value == null) return "null";
        if (value is string || value is bool || value is char || value is Uri || value.GetType().IsEnum) return value.ToString();
        var formattable = value as IFormattable;
        if (formattable != null && value.GetType().IsValueType) return formattable.ToString(null, CultureInfo.InvariantCulture);
        Type type = value.GetType();
        if (type.Name == "BinaryData") return value.ToString();
        var items = value as System.Collections.ICollection;
        if (items != null && depth < 2)
        {
            // Collections that are neither lists nor generic enumerate hash tables, in an order that each process has its own.
            var texts = items.Cast<object>().Take(50).Select(item => Text(item, depth + 1));
            if (!(items is System.Collections.IList) && !type.IsGenericType) texts = texts.OrderBy(one => one, StringComparer.Ordinal);
            return type.Name + "[" + string.Join(", ", texts) + "]";
        }
        MethodInfo text = type.GetMethod("ToString", Type.EmptyTypes);
        return type.IsValueType && text != null && text.DeclaringType == type ? value.ToString() : type.ToString();
    }

    static object[] Arguments(MethodBase method, int depth)
    {
        return method.GetParameters().Select(parameter => Make(parameter.ParameterType, depth)).ToArray();
    }

    // A value of the type, the same each time; null when there is no simple one.
    static object Make(Type type, int depth)
    {
        if (type.IsByRef || type.IsPointer) return null;
        if (type == typeof(string)) return "text";
        if (type == typeof(bool)) return true;
        if (type == typeof(Uri)) return new Uri("https://example.org/path?query=1");
        if (type == typeof(Guid)) return new Guid("00112233-4455-6677-8899-aabbccddeeff");
        if (type == typeof(DateTime)) return new DateTime(2024, 2, 29, 12, 30, 15, DateTimeKind.Utc);
        if (type == typeof(DateTimeOffset)) return new DateTimeOffset(2024, 2, 29, 12, 30, 15, TimeSpan.FromHours(2));
        if (type == typeof(TimeSpan)) return TimeSpan.FromSeconds(90.5);
        if (type == typeof(object)) return 42;
        if (type.IsPrimitive) return type == typeof(IntPtr) || type == typeof(UIntPtr) ? Activator.CreateInstance(type) : Convert.ChangeType(7, type);
        if (type == typeof(decimal)) return 7.25m;
        if (type.IsEnum) return Enum.GetValues(type).Cast<object>().FirstOrDefault() ?? Activator.CreateInstance(type);
        Type underlying = Nullable.GetUnderlyingType(type);
        if (underlying != null) return Make(underlying, depth);
        if (type.IsArray) return type.GetArrayRank() == 1 ? Filled(type.GetElementType(), depth) : null;
        if (type.IsInterface && type.IsGenericType && type.GetGenericArguments().Length == 1
            && type.IsAssignableFrom(type.GetGenericArguments()[0].MakeArrayType())) return Filled(type.GetGenericArguments()[0], depth);
        if (type.Name == "BinaryData") return type.GetMethod("FromString", new[] { typeof(string) }).Invoke(null, new object[] { "{\"key\":[1,2.5,null]}" });
        if (type.IsInterface || type.IsAbstract || depth >= 3 || typeof(Delegate).IsAssignableFrom(type) || !Suits(type))
            return type.IsValueType ? Activator.CreateInstance(type) : null;
        foreach (ConstructorInfo constructor in type.GetConstructors().OrderBy(c => c.GetParameters().Length).ThenBy(c => c.MetadataToken))
            try { return constructor.Invoke(Arguments(constructor, depth + 1)); }
            catch (TargetInvocationException) { }
            catch (ArgumentException) { }
        return type.IsValueType ? Activator.CreateInstance(type) : null;
    }

    static Array Filled(Type element, int depth)
    {
        object item = depth < 3 && !element.IsPointer ? Make(element, depth + 1) : null;
        var array = Array.CreateInstance(element, item == null ? 0 : 2);
        for (int i = 0; i < array.Length; i++) array.SetValue(item, i);
        return array;
    }
}
