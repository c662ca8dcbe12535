using System;
using System.Globalization;
using System.IO;
using TextStats.Analysis;
using TextStats.Core;

namespace TextStats.App
{
    public static class Program
    {
        static string Number(double value) { return value.ToString("0.00", CultureInfo.InvariantCulture); }

        static void Bar(string label, int value, int largest)
        {
            int width = largest == 0 ? 0 : (int)(40L * value / largest);
            Console.WriteLine(label.PadLeft(14) + " " + new string('#', width) + " " + value.ToString());
        }

        static void Print(TextReport report, int top)
        {
            Console.WriteLine("words " + report.Words.Total.ToString() + ", distinct " + report.Words.Distinct.ToString()
                + ", sentences " + report.Sentences.ToString() + ", lines " + report.Lines.ToString());
            for (int i = 0; i < report.Measures.Length; i++)
                Console.WriteLine(report.Measures[i].Name + ": " + Number(report.Measures[i].Value));
            Console.WriteLine("reading ease: " + Number(report.ReadingEase));
            WordEntry[] ranked = report.Words.Ranked();
            for (int i = 0; i < ranked.Length && i < top; i++) Bar(ranked[i].Word, ranked[i].Count, ranked[0].Count);
        }

        public static int Main(string[] args)
        {
            string path = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "sample.txt");
            if (!File.Exists(path))
            {
                Console.Error.WriteLine("textstats: no such file: " + path);
                return 2;
            }
            Print(Analyzer.Analyze(File.ReadAllText(path)), 12);
            return 0;
        }
    }
}
