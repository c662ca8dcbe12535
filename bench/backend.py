"""Methods per second of the back end alone, by effort and batch size, and where the time goes.

The methods are the tests' ordinary ones (null checks, fields, calls, an array loop). ``llvm`` is parsing, optimising
and code generation; ``extract`` is turning the object into units, in Python.
"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

from bench.common import Row
from nativegen.backend.batch import Rejection, compile_batch, module_text
from nativegen.backend.extract import extract_unit
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.object_index import ObjectIndex
from nativegen.backend.workers import WorkerPool
from nativegen.compiler.lowered import Effort
from tests.backend.samples import fields_and_calls

COUNT = {Effort.CHEAP: 400, Effort.FULL: 100}


def _batches(count: int, size: int) -> Iterator[list[int]]:
    for start in range(0, count, size):
        yield list(range(start, min(start + size, count)))


def _stages(generator: CodeGenerator, effort: Effort, count: int, size: int) -> Row:
    lowered = [fields_and_calls(number, f"m{number}", effort) for number in range(count)]
    seconds = {"text": 0.0, "llvm": 0.0, "extract": 0.0}
    code = 0
    for numbers in _batches(count, size):
        batch = [lowered[number] for number in numbers]
        start = time.perf_counter()
        text = module_text(batch)
        composed = time.perf_counter()
        module = generator.compile(text, effort)
        compiled = time.perf_counter()
        index = ObjectIndex(module)
        code += sum(len(extract_unit(index, method).code) for method in batch)
        seconds["text"] += composed - start
        seconds["llvm"] += compiled - composed
        seconds["extract"] += time.perf_counter() - compiled
    parts = ", ".join(f"{name} {value / count * 1e6:.0f} us" for name, value in seconds.items())
    figure = f"{count / sum(seconds.values()):.0f} methods/s"
    return Row(f"{effort.name}, batches of {size}", figure, f"per method: {parts}, {code // count} bytes of code")


def _compile_numbers(generator: CodeGenerator, numbers: list[int]) -> list[bool]:
    lowered = [fields_and_calls(number, f"m{number}", Effort.CHEAP) for number in numbers]
    return [not isinstance(result, Rejection) for result in compile_batch(lowered, generator)]


def _pooled(jobs: int, count: int) -> Row:
    start = time.perf_counter()
    with WorkerPool(jobs, CodeGenerator, ("x86-64",)) as pool:
        answers = pool.map_batches(_compile_numbers, _batches(count, 50), lambda *_: False)
        done = sum(sum(results) for _, results in answers)
    seconds = time.perf_counter() - start
    return Row(f"CHEAP, batches of 50, {jobs} worker(s)", f"{done / seconds:.0f} methods/s", "including start-up")


def measure(work: pathlib.Path) -> Iterator[Row]:
    """One row per configuration; ``work`` is not used."""
    generator = CodeGenerator("x86-64")
    _stages(generator, Effort.FULL, 10, 10)  # warm up
    for effort, count in COUNT.items():
        for size in (1, 10, 50, 100):
            yield _stages(generator, effort, count, size)
    for jobs in (1, 2):
        yield _pooled(jobs, 4 * COUNT[Effort.CHEAP])
