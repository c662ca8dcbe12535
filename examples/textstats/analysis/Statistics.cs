using System;
using TextStats.Core;

namespace TextStats.Analysis
{
    public abstract class Measure
    {
        public abstract string Name { get; }

        public abstract void Word(string word, WordSpan span);

        public abstract double Value { get; }
    }

    public sealed class MeanWordLength : Measure
    {
        long letters, words;

        public override string Name { get { return "mean word length"; } }

        public override void Word(string word, WordSpan span)
        {
            letters += span.Length;
            words++;
        }

        public override double Value { get { return words == 0 ? 0 : (double)letters / words; } }
    }

    public sealed class LongWords : Measure
    {
        readonly int atLeast;
        int longWords, words;

        public LongWords(int atLeast) { this.atLeast = atLeast; }

        public override string Name { get { return "share of words with " + atLeast.ToString() + "+ letters"; } }

        public override void Word(string word, WordSpan span)
        {
            if (span.Length >= atLeast) longWords++;
            words++;
        }

        public override double Value { get { return words == 0 ? 0 : 100.0 * longWords / words; } }
    }

    /// <summary>Shannon entropy of the letters, in bits.</summary>
    public sealed class LetterEntropy : Measure
    {
        readonly long[] counts = new long[26];
        long total;

        public override string Name { get { return "letter entropy"; } }

        public override void Word(string word, WordSpan span)
        {
            for (int i = 0; i < word.Length; i++)
            {
                int letter = word[i] - 'a';
                if ((uint)letter < 26u) { counts[letter]++; total++; }
            }
        }

        public override double Value
        {
            get
            {
                double bits = 0;
                for (int i = 0; i < counts.Length; i++)
                {
                    if (counts[i] == 0) continue;
                    double p = (double)counts[i] / total;
                    bits -= p * Math.Log(p) / Math.Log(2.0);
                }
                return bits;
            }
        }
    }

    public sealed class TextReport
    {
        public WordTable Words = new WordTable();
        public int Sentences;
        public int Syllables;
        public int Lines;
        public int[] Lengths = new int[24];
        public Measure[] Measures;

        /// <summary>Flesch reading ease.</summary>
        public double ReadingEase
        {
            get
            {
                if (Words.Total == 0 || Sentences == 0) return 0;
                return 206.835 - 1.015 * Words.Total / Sentences - 84.6 * Syllables / Words.Total;
            }
        }
    }

    public static class Analyzer
    {
        public static TextReport Analyze(string text)
        {
            var report = new TextReport();
            report.Measures = new Measure[] { new MeanWordLength(), new LongWords(8), new LetterEntropy() };
            var tokenizer = new Tokenizer(text);
            WordSpan span;
            while (tokenizer.Next(out span))
            {
                string word = tokenizer.Lower(span);
                report.Words.Add(word, span.Line);
                report.Syllables += Letters.Syllables(word);
                report.Lengths[Math.Min(span.Length, report.Lengths.Length - 1)]++;
                for (int i = 0; i < report.Measures.Length; i++) report.Measures[i].Word(word, span);
            }
            report.Lines = tokenizer.Line;
            report.Sentences = Tokenizer.CountSentences(text);
            return report;
        }
    }
}
