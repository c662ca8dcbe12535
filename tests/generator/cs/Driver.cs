// Runs the cases of a generated program and says what each did: one line per case and argument set.
using System;
using System.Text;

public abstract class Cases
{
    public abstract int Count { get; }

    // Puts every static field into its first state.
    public abstract void Reset();

    // A hash over all static fields.
    public abstract long State();

    // One case with one of its argument sets; a hash over what it returned and wrote.
    public abstract long Run(int index, int arguments);
}

public static class Driver
{
    public const int ArgumentSets = 3;

    public static int Main(Cases cases)
    {
        return Harness.Run(() => RunAll(cases));
    }

    static string RunAll(Cases cases)
    {
        var text = new StringBuilder();
        for (int index = 0; index < cases.Count; index++)
        {
            for (int set = 0; set < ArgumentSets; set++)
            {
                cases.Reset();
                text.Append(index).Append('.').Append(set).Append(' ');
                try
                {
                    text.Append(cases.Run(index, set).ToString("x16"));
                }
                catch (Exception exception)
                {
                    text.Append(exception.GetType().Name);
                }
                text.Append(' ').Append(cases.State().ToString("x16")).Append('\n');
            }
        }
        return text.ToString();
    }
}
