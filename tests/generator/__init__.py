"""A seeded generator of random well-typed CIL programs, and what hunts with it: runner, reducer, mutants.

>>> python -m tests.generator --seed 1 --methods 150          # one program on both runtimes
"""
