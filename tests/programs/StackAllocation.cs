// native: Buffers::*
// gc: yes
// stackalloc while many values are live in registers, in loops that the optimiser works on.
using System;
using System.Runtime.CompilerServices;

static unsafe class Buffers
{
    const MethodImplOptions Off = MethodImplOptions.NoInlining;

    [MethodImpl(Off)] static int Length(string text) { return text.Length; }

    // Digits with group separators, from the right: the shape of a number formatter.
    [MethodImpl(Off)]
    static string Group(string digits, int[] groups, string separator, string suffix, int extra, int more, string prefix, string middle)
    {
        int index = 0, count = 0, size = digits.Length, group = groups[0], sum = groups[0];
        int separatorLength = Length(separator);
        while (sum < digits.Length)
        {
            size += separatorLength;
            if (index < groups.Length - 1) index++;
            sum += groups[index];
        }
        int doubled = size * 2;
        char* buffer = stackalloc char[size];
        index = 0;
        char* p = buffer + doubled / 2 - 1;
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            *p-- = digits[i];
            if (group > 0 && ++count == group && i != 0)
            {
                for (int j = separatorLength - 1; j >= 0; j--) *p-- = separator[j];
                if (index < groups.Length - 1) group = groups[++index];
                count = 0;
            }
        }
        return prefix + new string(buffer, 0, size) + middle + suffix + (extra + more + doubled);
    }

    [MethodImpl(Off)]
    static long Many(int a, int b, int c, int d, int e, int f, int g, int h, int n)
    {
        long total = 0;
        for (int round = 0; round < 3; round++)
        {
            int i = a * b, j = c * d, k = e * f, l = g * h, m = a ^ c, o = b ^ d, p = e ^ g, q = f ^ h, r = a + h, s = b + g;
            int* block = stackalloc int[n + round * 1500];
            for (int x = 0; x < n; x++) { block[x] = x * i + j; total += block[x] ^ k; }
            byte* bytes = stackalloc byte[i & 63 | 1];
            for (int x = 0; x < (i & 63); x++) bytes[x] = (byte)(x + l);
            for (int x = 0; x < (i & 63); x++) total = total * 3 + bytes[x] + m - o;
            total += i + j * 2L + k * 3L + l * 5L + m * 7L + o * 11L + p * 13L + q * 17L + r * 19L + s * 23L + block[n - 1];
        }
        return total;
    }

    public static string All()
    {
        string text = "";
        foreach (string digits in new[] { "1", "123", "1234", "1234567890123456789012345678901234567890" })
        {
            text += Group(digits, new[] { 3 }, ",", "!", 1, 2, "<", "|") + " ";
            text += Group(digits, new[] { 1, 2, 4 }, "--", "", digits.Length, 5, "", "") + "\n";
        }
        return text + Many(3, 5, 7, 11, 13, 17, 19, 23, 40) + " " + Many(-1, 2, -3, 4, -5, 6, -7, 8, 5000);
    }
}

class Program
{
    static string Body() { string all = ""; for (int i = 0; i < 5; i++) all += Buffers.All() + "\n"; return all; }
    static int Main() { return Harness.Run(Body); }
}
