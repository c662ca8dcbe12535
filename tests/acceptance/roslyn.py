"""Driving Roslyn: a small compiler program with Microsoft.CodeAnalysis as IL in one folder, with images in the other.

Sources: one of ten lines; every C# program of the tests; a large one that is generated (thousands of lines of types,
generics, queries, async, iterators, patterns), so that most of the compiler runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.support.csharp import CS, compile_csharp
from tests.support.images import ImageSet
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

_HERE = Path(__file__).parent
_TIMEOUT = 600.0

TEN_LINES = """using System;
public static class Program
{
    public static int Main(string[] args)
    {
        int sum = 0;
        foreach (string text in args) sum += text.Length;
        Console.WriteLine("Hello, " + sum);
        return sum;
    }
}
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """``jit`` and ``native``: folders of the same program; ``home``: an empty one."""

    jit: Path
    native: Path
    home: Path

    @staticmethod
    def create(folder: Path, inputs: TestInputs, images: ImageSet) -> Compiler:
        """Build the program and both folders."""
        roslyn = [inputs.roslyn / f"{name}.dll" for name in images.reports]
        jit = folder / "jit"
        source = _HERE / "Compile.cs"
        compile_csharp(source, jit, "compile", compiler="roslyn", target="9.0", references=roslyn)
        (jit / "compile.runtimeconfig.json").write_text(json.dumps(runtime_config_for(get_runtime("9.0"))))
        for path in roslyn:
            shutil.copyfile(path, jit / path.name)
        native = shutil.copytree(jit, folder / "native")
        images.install_over(native)
        home = folder / "home"
        home.mkdir()
        return Compiler(jit, native, home)

    def run(
        self,
        folder: Path,
        out: Path,
        files: Sequence[Path],
        *,
        repeat: int = 1,
        tiering: bool | None = None,
        settings: Mapping[str, str] | None = None,
        trace: TraceRequest | None = None,
    ) -> RunResult:
        """Compile ``files`` into ``out`` by the program in ``folder`` (:attr:`jit` or :attr:`native`)."""
        out.mkdir()
        runtime = get_runtime("9.0")
        return run_app(
            folder / "compile.dll",
            [str(repeat), str(out), str(runtime.framework_dir), *map(str, files)],
            runtime=runtime,
            environment=clean_environment(self.home),
            settings=settings,
            tiering=tiering,
            trace=trace,
            timeout=_TIMEOUT,
        )


def sources(folder: Path, *, scale: int = 60) -> list[Path]:
    """Write the generated sources to ``folder``; returns them and the tests' own programs."""
    folder.mkdir()
    ten = folder / "ten.cs"
    ten.write_text(TEN_LINES)
    large = folder / "large.cs"
    large.write_text("".join(_large(scale)))
    programs = sorted((_HERE.parent / "programs").glob("*.cs"))
    harness = [CS / "Harness.cs", CS / "GcStress.cs"]
    return [ten, *[_joined(folder, path, harness) for path in programs], large]


def _joined(folder: Path, program: Path, parts: Sequence[Path]) -> Path:
    """The program in one file with what it needs; using directives must come first."""
    lines = [line for path in (program, *parts) for line in path.read_text("utf-8").splitlines()]
    usings = dict.fromkeys(line for line in lines if line.startswith("using ") and line.endswith(";"))
    joined = folder / program.name
    joined.write_text("\n".join([*usings, *(line for line in lines if line not in usings)]) + "\n", "utf-8")
    return joined


def _large(scale: int) -> Iterator[str]:
    """C# text; each block uses other features, names and constants, so that nothing is cached between blocks."""
    yield "#nullable enable\nusing System;\nusing System.Collections.Generic;\nusing System.Linq;\nusing System.Threading.Tasks;\n"
    for n in range(scale):
        yield f"""
namespace Block{n} {{
    public enum Kind : short {{ None, First = {n + 1}, Second = {3 * n + 7} }}
    public interface IShape<T> where T : struct {{ T Area {{ get; }} static abstract string Name {{ get; }} }}
    public readonly record struct Point(int X, int Y) {{
        public static Point operator +(Point a, Point b) => new(a.X + b.X, checked(a.Y + b.Y + {n}));
    }}
    public record Person(string Name, int Age = {n}) {{ public string? Note {{ get; init; }} }}
    public sealed class Circle : IShape<double> {{
        private readonly double radius;
        public Circle(double radius) => this.radius = radius;
        public double Area => Math.PI * radius * radius + {n}.5e-3;
        public static string Name => nameof(Circle) + "{n}";
    }}
    public class Store<TKey, TValue> where TKey : notnull where TValue : class, new() {{
        private readonly Dictionary<TKey, List<TValue>> items = new();
        public event EventHandler<TKey>? Added;
        public TValue this[TKey key, int index] {{ get => items[key][index]; set => items[key][index] = value; }}
        public void Add(TKey key, params TValue[] values) {{
            if (!items.TryGetValue(key, out var list)) items[key] = list = new();
            list.AddRange(values);
            Added?.Invoke(this, key);
        }}
        public IEnumerable<(TKey Key, int Count)> Counts() {{
            foreach (var (key, list) in items) if (list.Count > {n}) yield return (key, list.Count);
        }}
    }}
    public static class Code {{
        private static readonly int[] table = {{ {", ".join(str(n * k % 251) for k in range(24))} }};
        public static string Describe(object? value) => value switch {{
            null => "nothing{n}", int i and > {n} => $"int {{i:X4}}", string {{ Length: > 3 }} s => s.ToUpperInvariant(),
            Point(var x, {n}) => x.ToString(), Person {{ Age: >= 18 and < {60 + n} }} p => p.Name,
            int[] and [{n}, .. var rest] => rest.Length.ToString(), Kind.First or Kind.Second => "kind", _ => "other",
        }};
        public static async Task<int> SumAsync(IEnumerable<Task<int>> tasks, Func<int, int>? map = null) {{
            int sum = {n};
            try {{ foreach (var task in tasks) sum += map?.Invoke(await task) ?? await task; }}
            catch (InvalidOperationException e) when (e.Message.Length > {n}) {{ sum = -1; }}
            finally {{ await Task.Yield(); }}
            return sum;
        }}
        public static IEnumerable<string> Query(IEnumerable<Person> people) =>
            from p in people
            where p.Age > {n} && p.Name is not ""
            let initial = p.Name[0]
            group p by initial into g
            orderby g.Key descending, g.Count()
            select $"{{g.Key}}: {{string.Join(", ", g.Select(p => p with {{ Note = "n{n}" }}).Select(p => p.Name))}}";
        public static unsafe long Mix(ReadOnlySpan<byte> data, ref int state, out ulong hash) {{
            hash = 14695981039346656037UL ^ {n}UL;
            fixed (byte* start = data)
                for (byte* p = start; p < start + data.Length; p++) {{ hash = (hash ^ *p) * 1099511628211UL; state += *p; }}
            int local = state;
            int Twice(int v) => v * 2 + local;
            long total = 0;
            for (int i = 0; i < table.Length; i++) {{
                switch (table[i] % 5) {{
                    case 0: total += Twice(i); break;
                    case 1: total -= table[i] >> 2; goto case 3;
                    case 3: total ^= (long)table[i] << 7; break;
                    default: checked {{ total += table[i] * {n + 2}; }} break;
                }}
            }}
            lock (table) {{ state = (int)(total & 0x7fffffff); }}
            return total;
        }}
        public static string Constant{n}() => @"line ""{n}""
second line" + 'c' + {n}.25m + (1.5f * {n}) + ("a" + "b{n}" + "\\u00e9\\t");
    }}
}}
"""
