// Tells what the running runtime made of the types of an assembly; the tests compare it with what nativegen predicts.
//
//   Probe.dll layout ASSEMBLY [TYPE...]      field offsets, sizes, GC references   (TYPE: extra types, as Type.GetType reads them)
//   Probe.dll hierarchy ASSEMBLY [TYPE...]   interfaces, interface maps, overrides of virtual methods
//   Probe.dll registers ASSEMBLY [TYPE...]   where the bytes of struct arguments arrive
//
// Offsets are read from the runtime's own structures, whose beginnings are the same in 3.1 and 9.0: FieldDesc (pointer, 32 bits
// of token and flags, 27 bits of offset), MethodTable (component size and flags, base size) and the GC series in front of it.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

public static unsafe class Probe
{
    const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
    static readonly StringBuilder Out = new StringBuilder();

    public static int Main(string[] args)
    {
        var assembly = args[1] == "corelib" ? typeof(object).Assembly : Assembly.LoadFrom(args[1]);
        Type[] types;
        try { types = assembly.GetTypes(); }
        catch (ReflectionTypeLoadException e) { types = e.Types.Where(t => t != null).ToArray(); }
        var all = types.Where(t => !t.ContainsGenericParameters).ToList();
        foreach (var name in args.Skip(2)) all.Add(Type.GetType(name, n => n.Name == assembly.GetName().Name ? assembly : Assembly.Load(n), null, true));
        foreach (var type in all)
        {
            try
            {
                if (args[0] == "layout") Layout(type);
                else if (args[0] == "hierarchy") Hierarchy(type);
                else if (type.IsValueType && !type.IsEnum && !type.IsPrimitive && type != typeof(void)) Registers(type);
            }
            catch (Exception e) when (!(e is NullReferenceException)) { Line("X", Name(type), e.GetType().Name); }
        }
        Console.Write(Out);
        return 0;
    }

    static void Line(params object[] parts) { Out.Append(string.Join("\t", parts)).Append('\n'); }

    // [Assembly]TypeDef token<arguments>: names could contain anything.
    static string Name(Type type)
    {
        if (type.IsArray) return Name(type.GetElementType()) + (type.GetArrayRank() == 1 ? "[]" : "[" + new string(',', type.GetArrayRank() - 1) + "]");
        if (type.IsByRef) return Name(type.GetElementType()) + "&";
        if (type.IsPointer) return Name(type.GetElementType()) + "*";
        if (type.IsGenericParameter) return (type.DeclaringMethod != null ? "!!" : "!") + type.GenericParameterPosition;
        var name = "[" + type.Assembly.GetName().Name + "]" + type.MetadataToken.ToString("x8");
        if (type.IsGenericType && !type.IsGenericTypeDefinition) name += "<" + string.Join(",", type.GetGenericArguments().Select(Name)) + ">";
        return name;
    }

    static string Name(MethodBase method) { return Name(method.DeclaringType) + "::" + method.MetadataToken.ToString("x8"); }

    static void Layout(Type type)
    {
        if (type.IsInterface || type == typeof(void)) return;
        var fields = string.Join(" ", type.GetFields(Declared).Select(f =>
            f.MetadataToken.ToString("x8") + ":" + (*(uint*)(f.FieldHandle.Value + 12) & 0x7ffffff)));
        var size = -1;
        if (type.IsValueType)
        {
            try
            {
                object array = Array.CreateInstance(type, 1);
                size = *(ushort*)At((long)Unsafe.As<object, IntPtr>(ref array));
            }
            catch (Exception e) when (e is TypeLoadException || e is NotSupportedException) { }  // byref-like
        }
        var table = (byte*)type.TypeHandle.Value;
        var gc = new List<long>();
        if ((*(uint*)table & 0x01000000) != 0 && !type.IsArray)
        {
            var baseSize = *(uint*)(table + 4);
            var count = *(long*)(table - 8);
            for (var i = 0; i < count; i++)
            {
                var series = (long*)(table - 8 - 16 * (i + 1));
                for (var offset = 0L; offset < series[0] + baseSize; offset += 8) gc.Add(series[1] + offset);
            }
        }
        Line("L", Name(type), size, string.Join(",", gc.OrderBy(o => o)), fields);
    }

    static void Hierarchy(Type type)
    {
        Line("I", Name(type), string.Join(" ", type.GetInterfaces().Select(Name).OrderBy(n => n, StringComparer.Ordinal)));
        if (type.IsInterface || type.IsArray) return;
        foreach (var face in type.GetInterfaces())
        {
            var map = type.GetInterfaceMap(face);
            for (var i = 0; i < map.InterfaceMethods.Length; i++)
            {
                var target = map.TargetMethods[i];
                if (!map.InterfaceMethods[i].IsStatic && target != null)
                    Line("M", Name(type), Name(map.InterfaceMethods[i]), Name(target));
            }
        }
        foreach (var method in type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            if (method.IsVirtual) Line("V", Name(type), Name(method.GetBaseDefinition()), Name(method));
    }

    // ---- registers ------------------------------------------------------------------------------------------------------

    static readonly long[] Seen = new long[17];

    static void Receive(long i0, long i1, long i2, long i3, long i4, long i5,
        double f0, double f1, double f2, double f3, double f4, double f5, double f6, double f7, long s0, long s1, long s2)
    {
        Seen[0] = i0; Seen[1] = i1; Seen[2] = i2; Seen[3] = i3; Seen[4] = i4; Seen[5] = i5;
        Seen[6] = BitConverter.DoubleToInt64Bits(f0); Seen[7] = BitConverter.DoubleToInt64Bits(f1);
        Seen[14] = s0; Seen[15] = s1; Seen[16] = s2;
    }

    // Fills a struct with recognisable bytes (references stay null), passes it, and reports what arrived where.
    public static void Fill<T>(IntPtr receiver) where T : struct
    {
        var box = new T[2];
        ref var first = ref Unsafe.As<T, byte>(ref box[0]);
        var gc = new HashSet<long>(References(typeof(T)));
        var size = Unsafe.SizeOf<T>();
        for (var i = 0; i < size; i++) if (!gc.Contains(i / 8 * 8)) Unsafe.Add(ref first, i) = (byte)(0x11 + 7 * i);
        var none = new T();
        Raw.Call<T>(none, receiver);  // compiled and bound before the registers are looked at
        for (var i = 0; i < Seen.Length; i++) Seen[i] = 0;
        Raw.Call<T>(box[0], receiver);
        Line("R", Name(typeof(T)), size, string.Join(" ", Seen.Select(v => v.ToString("x16"))));
    }

    static IEnumerable<long> References(Type type)
    {
        var table = (long)type.TypeHandle.Value;
        if ((At(table) & 0x01000000) == 0) yield break;
        var baseSize = At(table) >> 32;
        var count = At(table - 8);
        for (var i = 0; i < count; i++)
            for (var offset = 0L; offset < At(table - 8 - 16 * (i + 1)) + baseSize; offset += 8) yield return At(table - 16 * (i + 1)) + offset - 8;
    }

    static long At(long address) { return *(long*)address; }

    static void Registers(Type type)
    {
        var receive = typeof(Probe).GetMethod("Receive", BindingFlags.Static | BindingFlags.NonPublic).MethodHandle;
        RuntimeHelpers.PrepareMethod(receive);
        typeof(Probe).GetMethod("Fill").MakeGenericMethod(type).Invoke(null, new object[] { receive.GetFunctionPointer() });
    }
}
