using System;
using System.Collections.Generic;

namespace TextStats.Core
{
    /// <summary>A word's place in the text: a value type on purpose, so that dependents bake its layout in.</summary>
    public struct WordSpan
    {
        public int Start;
        public int Length;
        public int Line;

        public WordSpan(int start, int length, int line)
        {
            Start = start;
            Length = length;
            Line = line;
        }

        public int End { get { return Start + Length; } }
    }

    public static class Letters
    {
        static readonly bool[] vowels = MakeVowels();

        static bool[] MakeVowels()
        {
            var table = new bool[128];
            foreach (char c in "aeiouy") { table[c] = true; table[char.ToUpperInvariant(c)] = true; }
            return table;
        }

        public static bool IsVowel(char c) { return c < 128 && vowels[c]; }

        public static bool IsLetter(char c)
        {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'' || (c > 127 && char.IsLetter(c));
        }

        public static char Lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c < 128 ? c : char.ToLowerInvariant(c); }

        /// <summary>The usual estimate: groups of vowels, a silent final e not counted.</summary>
        public static int Syllables(string word)
        {
            int count = 0;
            bool inside = false;
            for (int i = 0; i < word.Length; i++)
            {
                bool vowel = IsVowel(word[i]);
                if (vowel && !inside) count++;
                inside = vowel;
            }
            if (count > 1 && word.Length > 2 && word[word.Length - 1] == 'e' && !IsVowel(word[word.Length - 2])) count--;
            return count == 0 ? 1 : count;
        }
    }

    public sealed class Tokenizer
    {
        readonly string text;
        int position;
        int line = 1;

        public Tokenizer(string text) { this.text = text ?? throw new ArgumentNullException(nameof(text)); }

        public int Line { get { return line; } }

        public bool Next(out WordSpan word)
        {
            while (position < text.Length && !Letters.IsLetter(text[position]))
            {
                if (text[position] == '\n') line++;
                position++;
            }
            int start = position;
            while (position < text.Length && Letters.IsLetter(text[position])) position++;
            word = new WordSpan(start, position - start, line);
            return word.Length > 0;
        }

        public string Lower(WordSpan word)
        {
            var buffer = new char[word.Length];
            for (int i = 0; i < buffer.Length; i++) buffer[i] = Letters.Lower(text[word.Start + i]);
            return new string(buffer);
        }

        public static int CountSentences(string text)
        {
            int count = 0;
            bool open = false;
            foreach (char c in text)
            {
                switch (c)
                {
                    case '.':
                    case '!':
                    case '?':
                        if (open) count++;
                        open = false;
                        break;
                    default:
                        if (Letters.IsLetter(c)) open = true;
                        break;
                }
            }
            return open ? count + 1 : count;
        }
    }
}
