// Prints stack traces with file and line, which the runtime makes from the images' debug information and the PDB.
// Every method that matters is kept from being inlined, so that the JIT's frames are the same ones.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;

interface IShape
{
    int Area(int scale);
}

sealed class Broken : IShape
{
    int[] sides = { 1, 2 };

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Area(int scale)
    {
        int sum = sides[0];
        if (scale > 2)
            throw new InvalidOperationException("scale " + scale); // at
        return sum * scale;
    }
}

class Node
{
    public Node Next;
    public int Value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Sum()
    {
        int total = Value;

        total += Next.Value; // at
        return total;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Set(int value)
    {
        GC.KeepAlive(this);

        Next.Value = value; // at
    }
}

static class Trace
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Throw(string message)
    {
        GC.KeepAlive(message);

        throw new ApplicationException(message); // at
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Deep(int depth)
    {
        GC.KeepAlive(depth);
        if (depth == 0)
            Throw("bottom"); // at
        GC.KeepAlive(depth);
        Deep(depth - 1); // at
        GC.KeepAlive(depth);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Two(IShape shape)
    {
        int first = shape.Area(1);
        int second = shape.Area(2) + // at
            shape.Area(3);
        return first + second;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Rethrow()
    {
        try
        {
            Deep(1); // at
        }
        catch (ApplicationException)
        {
            GC.KeepAlive(null);
            throw;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void ThrowFromHandler()
    {
        try
        {
            Throw("first"); // at
        }
        catch (Exception e)
        {
            GC.KeepAlive(e);

            throw new InvalidCastException("second", e); // at
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Finally(List<string> log)
    {
        try
        {
            try
            {
                Throw("try");
            }
            finally
            {
                log.Add("inner");
                Throw("inner finally"); // at
            }
        }
        finally
        {
            log.Add("outer");
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static bool Check(Exception e)
    {
        Console.WriteLine(Frames(e));
        return e.Message == "filtered";
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Filter()
    {
        try
        {
            try
            {
                Throw("filtered"); // at
            }
            catch (Exception e) when (
                Check(e))
            {
                Console.WriteLine("caught");
                throw new NotSupportedException(); // at
            }
        }
        catch (NotSupportedException e)
        {
            Console.WriteLine(Frames(e));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Nested(int depth)
    {
        try
        {
            if (depth == 3)
                Throw("nested");
            return Nested(depth + 1); // at
        }
        catch (Exception) when (depth == 2)
        {
            try
            {
                Throw("in the handler");
            }
            catch (Exception)
            {
                Deep(0); // at
            }
            return 2;
        }
    }

    // A loop, so that the method is worth the full pipeline.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Loop(IShape[] shapes)
    {
        int sum = 0;
        for (int i = 0; i < shapes.Length; i++)
        {
            sum += i;
            if (i == 2)
                sum += Two(shapes[i]); // at
            else if (i == 3)
                Throw("loop");
            else
                sum += shapes[i].Area(1);
        }
        return sum;
    }

#if !TRIMMED
    public static async Task<int> Async(int depth)
    {
        await Task.Delay(1);
        if (depth == 0)
            Throw("async"); // at
        int inner = // an async method's continuation // at
            await Async(depth - 1);
        return inner + 1;
    }
#endif

    public static IEnumerable<int> Iterator()
    {
        yield return 1;
        Throw("iterator"); // at
        yield return 2;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Lambda()
    {
        int captured = 3;
        Action<int> action = value =>
        {
            GC.KeepAlive(captured);
            Throw("lambda"); // at
            GC.KeepAlive(captured);
        };
        action(captured); // at
        GC.KeepAlive(action);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Generic<T>(T value)
    {
        GC.KeepAlive(value);
        Throw("generic"); // at
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static object Cast(object value)
    {
        GC.KeepAlive(value);
        var text = (string)value; // at
        return text;
    }

    // Where we are without any exception.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static string Here()
    {
        GC.KeepAlive(null);
        var trace = new StackTrace(true); // at
        return Own(trace.ToString());
    }

    public static string Frames(Exception e)
    {
        return e.GetType().Name + ": " + e.Message + "\n" + Own(e.StackTrace)
            + (e.InnerException == null ? "" : "\n inner " + Frames(e.InnerException));
    }

    public static bool WithoutLines;

    // The frames of this program: those of the framework depend on what its own images inline.
    static string Own(string trace)
    {
        var lines = new List<string>();
        foreach (string line in trace.Split('\n'))
        {
            int place = line.IndexOf(":line ");
            if (place >= 0 || line.Contains("---"))
                lines.Add((WithoutLines && place >= 0 ? line.Substring(0, place) : line).Trim());
        }
        return string.Join("\n", lines);
    }
}

// Where the runtime's helpers throw; each trace must end at a line that says so.
static class Checks
{
    static int zero, many = 300;
    static int[] some = { 1, 2, 3 };
    static object[] objects = new string[1];

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Nothing() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Index(int which)
    {
        int sum = some[0] + some[1];
        sum += some[which]; // at
        sum += some[which + 1];
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Divide(int value)
    {
        int result = value / many;
        result += value / zero; // at
        result += value % zero;
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Overflow(int value)
    {
        int result = checked((byte)value);
        result += checked((byte)many); // at
        result += checked(value * int.MaxValue);
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Element(object value)
    {
        objects[0] = null;
        objects[0] = value; // at
        objects[0] = "";
        return 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Unbox(object value)
    {
        int result = (int)value;
        result += (short)value; // at
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Negative(int count)
    {
        var first = new int[count];
        var second = new int[-count]; // at
        return first.Length + second.Length;
    }

    // Calls without arguments: one returns to where the next one begins.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Stop()
    {
        throw new ApplicationException("stop"); // at
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Adjacent()
    {
        Nothing();
        Stop(); // at
        Nothing();
        Nothing();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int InLoop(int[] values, int count)
    {
        int sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += some[0];
            sum ^= values[i]; // at
            sum += some[1];
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int InTry(Node node)
    {
        int sum = 0;
        try
        {
            sum += some[2];
            sum += node.Value; // at
            sum += some[3];
        }
        finally
        {
            Nothing();
            Nothing();
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int InCatch(Node node)
    {
        try
        {
            return node.Value;
        }
        catch (NullReferenceException)
        {
            Nothing();
            return some[some.Length]; // at
        }
    }
}

static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Show(Action action)
    {
        try
        {
            action(); // at
            Console.WriteLine("nothing thrown");
        }
        catch (Exception e)
        {
            Console.WriteLine(Trace.Frames(e));
        }
    }

    static int Main(string[] args)
    {
        Trace.WithoutLines = args.Length > 0;
        Console.WriteLine(Trace.Here()); // at
        Show(() => { Trace.Deep(2); GC.KeepAlive(null); }); // at
        Show(() => { Trace.Two(new Broken()); GC.KeepAlive(null); }); // at
        Show(() => { new Node().Sum(); GC.KeepAlive(null); }); // at
        Show(() => { new Node().Set(1); GC.KeepAlive(null); }); // at
        Show(Trace.Rethrow);
        Show(Trace.ThrowFromHandler);
        Show(() => { Trace.Finally(new List<string>()); GC.KeepAlive(null); }); // at
        Show(Trace.Filter);
        Show(() => { Trace.Nested(0); GC.KeepAlive(null); }); // at
        Show(() => Trace.Loop(new IShape[] { new Broken(), new Broken(), new Broken() })); // at
#if !TRIMMED
        Show(() => { Trace.Async(2).GetAwaiter().GetResult(); GC.KeepAlive(null); }); // at
#endif
        Show(() => { foreach (int each in Trace.Iterator()) GC.KeepAlive(each); }); // at
        Show(Trace.Lambda);
        Show(() => { Trace.Generic("text"); GC.KeepAlive(null); }); // at
        Show(() => { Trace.Cast(new Node()); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Index(3); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Divide(3); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Overflow(3); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Element(new Node()); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Unbox(3); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Negative(3); GC.KeepAlive(null); }); // at
        Show(() => { Checks.Adjacent(); GC.KeepAlive(null); }); // at
        Show(() => { Checks.InLoop(new int[3], 4); GC.KeepAlive(null); }); // at
        Show(() => { Checks.InTry(null); GC.KeepAlive(null); }); // at
        Show(() => { Checks.InCatch(null); GC.KeepAlive(null); }); // at
        return 0;
    }
}
