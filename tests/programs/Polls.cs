// native: Polls::*
// gc: yes
// Loops that do not call anything must let a collection in: another thread collects, and only then lets the loop end.
using System;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;

static class Polls
{
    static volatile bool stop;
    static volatile int started;

    static long Spin(int[] values, object keep)
    {
        long sum = 0;
        while (!stop) { sum = sum * 3 + values[(int)(sum & 7)]; started = 1; }
        return keep.GetHashCode() == 0 ? sum : values[3];
    }

    static int Nested(int[] values, ref int place, string text)
    {
        int rounds = 0;
        while (!stop)
        {
            started = 1;
            int s = 0;
            for (int i = 0; i < values.Length; i++) for (int j = i; j < values.Length; j++) s += values[j] ^ i;
            place = s;
            rounds |= 1;
        }
        return rounds + text.Length + place;
    }

    static int Chase(Node first)
    {
        int s = 0;
        Node n = first;
        while (!stop) { started = 1; n = n.next; s = n.id; }
        return s >= 0 ? first.next.next.id : -1;
    }

    sealed class Node { public int id; public Node next; }

    static Node Ring(int n)
    {
        var first = new Node { id = 1 };
        first.next = first;
        for (int i = 2; i <= n; i++) first.next = new Node { id = i, next = first.next };
        return first;
    }

    static int Goto(int n)
    {
        int k = 0;
    a:
        started = 1;
        if (stop) return k & 0;
        k += n;
        if ((k & 1) == 0) goto b;
        goto a;
    b:
        k ^= 3;
        goto a;
    }

    public static string While(Func<string> loop)
    {
        stop = false;
        started = 0;
        var collector = new Thread(() =>
        {
            while (started == 0) Thread.Yield();
            for (int i = 0; i < 5; i++) { GC.Collect(); GC.KeepAlive(new byte[1000]); }
            stop = true;
        });
        collector.Start();
        string result = loop();
        collector.Join();
        return result;
    }

    public static string Run(int which)
    {
        switch (which)
        {
            case 0: return While(() => Spin(new[] { 1, 2, 3, 4, 5, 6, 7, 8 }, new Node()).ToString());
            case 1: return While(() => Nested(new[] { 1, 2, 3, 4, 5, 6, 7, 8 }, ref (new int[5])[2], new string('x', 3)).ToString());
            case 2: return While(() => Chase(Ring(50)).ToString());
            default: return While(() => Goto(1).ToString());
        }
    }

}

static class Program
{
    static string Body()
    {
        var t = new StringBuilder();
        for (int which = 0; which < 4; which++) t.Append(Polls.Run(which)).Append('\n');
        return t.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
