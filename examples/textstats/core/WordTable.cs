using System;

namespace TextStats.Core
{
    public sealed class WordEntry
    {
        public readonly string Word;
        public int Count;
        public int FirstLine;
        internal WordEntry Next;
        internal readonly uint Hash;

        internal WordEntry(string word, uint hash, int line)
        {
            Word = word;
            Hash = hash;
            FirstLine = line;
        }
    }

    /// <summary>A chained hash table of words; grows by doubling.</summary>
    public sealed class WordTable
    {
        WordEntry[] buckets = new WordEntry[64];
        int count;
        long total;

        public int Distinct { get { return count; } }

        public long Total { get { return total; } }

        static uint Hash(string word)
        {
            uint hash = 2166136261;
            for (int i = 0; i < word.Length; i++) hash = (hash ^ word[i]) * 16777619;
            return hash;
        }

        public WordEntry Add(string word, int line)
        {
            uint hash = Hash(word);
            total++;
            for (WordEntry e = buckets[hash & (uint)(buckets.Length - 1)]; e != null; e = e.Next)
                if (e.Hash == hash && e.Word == word) { e.Count++; return e; }
            if (count >= buckets.Length) Grow();
            var entry = new WordEntry(word, hash, line) { Count = 1 };
            Link(entry);
            count++;
            return entry;
        }

        public WordEntry Find(string word)
        {
            uint hash = Hash(word);
            WordEntry e = buckets[hash & (uint)(buckets.Length - 1)];
            while (e != null && (e.Hash != hash || e.Word != word)) e = e.Next;
            return e;
        }

        void Link(WordEntry entry)
        {
            uint slot = entry.Hash & (uint)(buckets.Length - 1);
            entry.Next = buckets[slot];
            buckets[slot] = entry;
        }

        void Grow()
        {
            WordEntry[] old = buckets;
            buckets = new WordEntry[old.Length * 2];
            for (int i = 0; i < old.Length; i++)
            {
                WordEntry next;
                for (WordEntry e = old[i]; e != null; e = next)
                {
                    next = e.Next;
                    Link(e);
                }
            }
        }

        /// <summary>All entries, most frequent first; words of equal count in ordinal order.</summary>
        public WordEntry[] Ranked()
        {
            var all = new WordEntry[count];
            int n = 0;
            for (int i = 0; i < buckets.Length; i++)
                for (WordEntry e = buckets[i]; e != null; e = e.Next) all[n++] = e;
            Sort(all, 0, all.Length - 1);
            return all;
        }

        static bool Before(WordEntry a, WordEntry b)
        {
            if (a.Count != b.Count) return a.Count > b.Count;
            return string.CompareOrdinal(a.Word, b.Word) < 0;
        }

        static void Sort(WordEntry[] a, int low, int high)
        {
            while (low < high)
            {
                WordEntry pivot = a[low + (high - low) / 2];
                int i = low, j = high;
                while (i <= j)
                {
                    while (Before(a[i], pivot)) i++;
                    while (Before(pivot, a[j])) j--;
                    if (i <= j)
                    {
                        WordEntry swap = a[i];
                        a[i++] = a[j];
                        a[j--] = swap;
                    }
                }
                if (j - low < high - i) { Sort(a, low, j); low = i; }
                else { Sort(a, i, high); high = j; }
            }
        }
    }
}
